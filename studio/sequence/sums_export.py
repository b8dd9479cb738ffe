"""The merged model of a state of sums: a folder that transformers loads."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.stored import CODES, tensor_bytes
from studio.checkpoints.ties import without_copies
from studio.checkpoints.vectors import pieces
from studio.checkpoints.weights import weights_root
from studio.checkpoints.writer import write_weights
from studio.errors import NotFinite
from studio.export.card import escaped, front_matter, notes_part, public_name, root_words
from studio.export.companions import copy_companions
from studio.export.folder import CARD, RECORD, Content, Written
from studio.export.merged import made_with
from studio.export.model import check_loads
from studio.geometry.fixed_point import from_units
from studio.methods.additive import DELTAS, LEFT, RIGHT, Sums
from studio.progress import Meter, Progress, part, silent
from studio.sequence.sums import SumState

_PIECE = 2**18  # elements at a time; the work is elementwise, so no cut changes a bit
EXACT = (
    "A task leaves this state exactly: what is left has the bits of a state that never had it. It "
    "needs its receipt, or its own checkpoint and what was measured of it, and nobody else's."
)


@dataclass(frozen=True, eq=False)
class MergedSums(Content):
    """The model merged from a state of sums.

    It is that of the recipe with the state's method, options, tasks and coefficients up to the
    rounding to units, see ``docs/methods.md``. Heads are private to the checkpoints and not in a
    state, so none are written.

    Attributes:
        state: of which base and method.
        base: of the state.
    """

    state: SumState
    base: Checkpoint

    @property
    def size(self) -> int:
        """See ``Content``.

        Raises:
            BadState: the state is of another base.
        """
        self.state.refuse_other_base(self.base)
        return sum(entry.size for entry in self.base.weights.entries.values())

    @property
    def held(self) -> dict:
        """See ``Content``."""
        tasks = {task.name: task.digest for task in self.state.tasks}
        return {"base": self.state.base, "tasks": tasks}

    def prepare(self, progress: Progress) -> None:
        """Refuse a state that is damaged."""
        self.state.refuse_damaged(progress)

    def write(self, work: Path, progress: Progress) -> Written:
        """See ``Content``.

        Raises:
            NotFinite: the result leaves the range of the base's dtype, or no ridge helps.
        """
        base = _laid(self.state, self.base)
        entries = base.weights.entries
        layout = {name: (entry.dtype, entry.shape) for name, entry in entries.items()}
        values = partial(merged_pieces, self.state, base)
        root = write_weights(work, layout, values, part(progress, 0.0, 1.0))
        notes = (*self.base.notes, *copy_companions(self.base, work))
        record = json.dumps(_record(self.state, self.base, root), indent=1)
        card = _card(self.state, self.base, root) + notes_part(notes)
        return Written(root, {RECORD: record, CARD: card}, notes=notes)

    def check(self, work: Path) -> None:
        """See ``Content``."""
        check_loads(work, _laid(self.state, self.base), touched(self.state))


def touched(state: SumState) -> tuple[str, ...]:
    """The tensors that some task changes."""
    prefix = f"{DELTAS}/"
    return tuple(term.removeprefix(prefix) for term in state.counts if term.startswith(prefix))


def merged_change(state: SumState, base: Checkpoint, name: str) -> Tensor:
    """What a state adds to a tensor of its base that some task changes: flat, float64.

    Raises:
        NotFinite: the sums of Grams are no sums of products of inputs.
    """
    place = state.place(base, name)

    def total(kind: str) -> Tensor:
        term = f"{kind}/{name}"
        held = state.total(term)
        assert held is not None, "a count says that it is there"
        return from_units(held, state.unit(term)).view(state.entries[term].shape)

    def right() -> Tensor:
        if f"{RIGHT}/{name}" in state.counts:
            return total(RIGHT)
        groups, inputs, _ = state.entries[f"{LEFT}/{name}"].shape
        return torch.zeros(groups, inputs, math.prod(place.shape) // inputs, dtype=torch.float64)

    weight = math.fsum(task.coefficient for task in state.tasks)
    counted = (state.counts.get(f"{kind}/{name}", 0) for kind in (DELTAS, LEFT))
    sums = Sums(
        place, lambda: total(DELTAS).view(-1), lambda: total(LEFT), right, len(state.tasks), weight,
        *counted,
    )  # fmt: skip
    return state.additive.solve(sums)


def merged_pieces(state: SumState, base: Checkpoint, name: str) -> Iterator[Tensor]:
    """One merged tensor in flat pieces: base + change, added in float64, cast once.

    Raises:
        NotFinite: the result leaves the range of the base's dtype.
    """
    stored = base.weights.stored(name)
    change = None
    if f"{DELTAS}/{name}" in state.counts:
        change = merged_change(state, base, name)
    for start, stop in pieces(stored.numel(), _PIECE):
        piece = stored[start:stop]
        if change is not None:
            piece = piece.double().add_(change[start:stop]).to(stored.dtype)
            if not bool(piece.isfinite().all()):
                raise NotFinite(
                    f"{name}: the merged values leave the range of {stored.dtype}. Use smaller "
                    "coefficients, or a base in a wider dtype."
                )
        yield piece


def merged_root(state: SumState, base: Checkpoint, progress: Progress = silent) -> str:
    """Weights root of the model that a state gives; its tensors are streamed, nothing is written.

    Raises:
        NotFinite: see ``MergedSums.write``.
    """
    entries = _laid(state, base).weights.entries
    meter, rows = Meter(sum(entry.size for entry in entries.values()), progress), []
    for name, entry in entries.items():
        digest = sha256()
        for piece in merged_pieces(state, base, name):
            digest.update(tensor_bytes(piece))
            meter.add(piece.nbytes, f"computed again: {name}")
        rows.append((name, CODES[entry.dtype], entry.shape, digest.hexdigest()))
    return weights_root(rows)


def _laid(state: SumState, base: Checkpoint) -> Checkpoint:
    return without_copies(base) if state.tasks else base


def _record(state: SumState, base: Checkpoint, root: str) -> dict:
    """What the weights were computed from, as an export says it."""
    return {
        **made_with(root),
        "base": {"source": public_name(str(base.folder)), "digest": base.digest},
        "tasks": [{"name": task.name, "digest": task.digest} for task in state.tasks],
        "compute_dtype": "float64",
        "vectors": "the sums of a state, in whole numbers",
        "state_root": state.root,
        "sequence": {**state.settings, "tasks": [task.plain() for task in state.tasks]},
    }


def _card(state: SumState, base: Checkpoint, root: str) -> str:
    settings = ", ".join(f"{key} = {value}" for key, value in vars(state.method).items())
    rows = [
        f"| {escaped(task.name)} | {task.coefficient:g} | `{task.digest}` | `{task.terms}` |"
        for task in state.tasks
    ]
    return "\n".join(
        [
            front_matter([str(base.folder)], state.name),
            f"# {state.method.title} of {len(state.tasks)} tasks, from a state of sums\n",
            f"Base `{public_name(str(base.folder))}` (digest `{base.digest}`), method "
            f"`{state.name}` ({settings or 'no options'}), dtype of the base; sums in whole "
            f"numbers, with the root `{state.root}`.\n",
            "| task | coefficient | checkpoint digest | root of its terms |",
            "|---|---|---|---|",
            *rows,
            "\nNo scores were measured for this export, and it holds no heads.\n",
            f"{root_words(root)}\n\n{EXACT}\n",
        ]
    )
