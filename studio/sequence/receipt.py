"""A receipt: all that one task added to a state of sums, with which it can leave again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.vectors import CHUNK, pieces
from studio.disk.files import mapping, only_keys
from studio.disk.folders import refuse_existing, replaced_file
from studio.errors import BadState
from studio.progress import Progress, silent
from studio.sequence.members import Member, member_of
from studio.sequence.sealed import Sealed, damaged, open_sealed, write_sealed
from studio.sequence.sums import SumState
from studio.sequence.terms import written

KEY, VERSION = "mdm-oc-studio receipt", 1
_WHAT, _AGAIN = "a receipt of a task", "give the one that was written when the task arrived"
_SETTINGS = ("method", "options", "base", "coarser", "scales")
_KEYS = ("version", *_SETTINGS, "task")
_WIDTH = 8  # bytes of an int64


@dataclass(frozen=True, eq=False)
class Receipt:
    """A receipt, of which the header was read.

    It holds the task's terms themselves, each number in as many bytes as the largest of its tensor
    needs. Who has it has the task's delta up to rounding, and what was measured of it.

    Attributes:
        path: of the file.
        settings: of the states that it is for, see ``SumState.settings``.
        task: that it lets go.
        terms: ``(*shape, bytes)`` uint8, little-endian.
    """

    path: Path
    settings: dict
    task: Member
    terms: Sealed


def write_receipt(state: SumState, task: Member, terms: Sealed, path: Path) -> int:
    """Write a task's receipt to a new file.

    Args:
        state: that it came to.
        task: that came.
        terms: as it added them.
        path: of a file that does not exist.

    Returns:
        Its bytes.

    Raises:
        OutputExists: there is a file already.
    """
    assert terms.tensors is not None, "a task that changes nothing does not come"
    weights, widths = terms.tensors, {}
    for term in terms.entries:
        stored = weights.stored(term)
        cuts = pieces(stored.numel(), CHUNK) if stored.numel() else ()
        widths[term] = max((_bytes(stored[start:stop]) for start, stop in cuts), default=0)

    def values(term: str) -> Iterator[Tensor]:
        stored = weights.stored(term)
        for start, stop in pieces(stored.numel(), CHUNK):
            wide = stored[start:stop].view(torch.uint8).view(-1, _WIDTH)
            yield wide[:, : widths[term]].reshape(-1)

    layout = {t: (torch.uint8, (*terms.entries[t].shape, widths[t])) for t in sorted(widths)}
    said = {"version": VERSION, **state.settings, "task": task.plain()}
    refuse_existing(path)
    with replaced_file(path) as work:
        refuse_existing(path)
        write_sealed(work, KEY, said, layout, values)
    return path.stat().st_size


def _bytes(values: Tensor) -> int:
    """Bytes of two's complement that hold all of some int64, 0 if all are 0."""
    largest = int(torch.maximum(values, ~values).max())
    return (largest.bit_length() + 8) // 8 if bool(values.any()) else 0


def open_receipt(path: Path) -> Receipt:
    """Read a receipt's header.

    Raises:
        BadCheckpoint: it is no safetensors file, or is cut off.
        BadState: it is no receipt, or its header says what cannot be.
    """
    found = open_sealed(path, KEY, VERSION, _WHAT, _AGAIN)
    only_keys(found.said, _KEYS, str(path), BadState)
    found.refuse_edited()
    task = member_of(path, mapping(found.said.get("task"), str(path), BadState), str(path))
    wrong = [term for term, each in found.entries.items() if each.dtype != torch.uint8]
    if wrong:
        raise damaged(path, f"{len(wrong)} of its terms are not in bytes")
    return Receipt(path, {key: found.said.get(key) for key in _SETTINGS}, task, found)


def refuse_other(receipt: Receipt, state: SumState) -> Member:
    """The task that a receipt lets go from a state.

    Raises:
        BadState: it is of another kind of state, its task is not in this one, or came to it with
            other terms.
    """
    for key in _SETTINGS:
        if receipt.settings[key] != state.settings[key]:
            mine, others = (str(each[key])[:60] for each in (receipt.settings, state.settings))
            what = {"coarser": "units coarser by", "scales": "units of the scales"}.get(key, key)
            raise BadState(
                f"{receipt.path} is a receipt for a state with {what} {mine}, but {state.path} has "
                f"{others}. Give the receipt that was written for this state."
            )
    task = state.member(receipt.task.name)
    if task != receipt.task:
        raise BadState(
            f"{receipt.path} is of '{task.name}' with terms {receipt.task.terms[:12]}…, "
            f"coefficient {receipt.task.coefficient:g}, but in {state.path} it has "
            f"{task.terms[:12]}…, {task.coefficient:g}. Give the receipt of its last arrival."
        )
    for term, entry in receipt.terms.entries.items():
        known = state.entries.get(term)
        *shape, width = entry.shape or (-1,)
        if known is None or known.shape != tuple(shape) or not 0 <= width <= _WIDTH:
            raise damaged(receipt.path, f"it holds {term[:100]} as {entry.shape}")
    return task


@contextmanager
def received(receipt: Receipt, progress: Progress = silent) -> Iterator[Sealed]:
    """The terms of a receipt as whole numbers, in a file that goes with the block.

    Raises:
        BadState: they are not those that the task added.
    """
    weights, entries = receipt.terms.tensors, receipt.terms.entries

    def values(term: str) -> Iterator[Tensor]:
        assert weights is not None
        stored, width = weights.stored(term), entries[term].shape[-1]
        shape = entries[term].shape[:-1]
        for start, stop in pieces(torch.Size(shape).numel(), CHUNK):
            wide = torch.zeros(stop - start, _WIDTH, dtype=torch.uint8)
            if width:
                wide[:, :width] = stored[start * width : stop * width].view(-1, width)
                wide[:, width:] = ((wide[:, width - 1 : width] >= 128) * 255).to(torch.uint8)
            yield wide.view(-1).view(torch.int64)

    shapes = {term: entry.shape[:-1] for term, entry in entries.items()}
    with written(shapes, values, progress) as terms:
        if terms.root != receipt.task.terms:
            raise damaged(
                receipt.path,
                f"its terms have the root {terms.root[:12]}…, not {receipt.task.terms[:12]}…",
            )
        yield terms
