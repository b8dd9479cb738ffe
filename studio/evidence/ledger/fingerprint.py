"""Fingerprint of a change: by it a removed task is known again in other clothes.

A digest tells one file from another, and says nothing of two files that change the base alike: a
LoRA whose factors are multiplied by 2 and by a half, the same adapter as a full model, the change
multiplied by 1.1. The fingerprint is a count sketch of the change's direction: every element goes
with a drawn sign into one of 256 sums. It is linear, so parallel changes have parallel sketches,
and what two sketches say of two changes' cosine is off by about 0.06 at most where they differ.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.disk.cache import cache_key, keep, recall

SUMS = 256
SAME = 0.99
"""Cosine of two sketches from which on two changes count as one."""
_OUTSIDE = 1 - SAME**2
_MOST = 32  # tasks in whose span a change may lie: unrelated ones hold a share of 32/256 by chance
_FEWEST = 8
_seen: dict[tuple[str, str], str] = {}  # a page asks often; half a kilobyte for each checkpoint
_PIECE = SUMS * 2**12  # elements that share a draw, whatever memory there is


def fingerprint(deltas: Deltas, task: str) -> str:
    """The sketch of a task's change as text, recalled if it was taken before.

    Args:
        deltas: of tasks on one base.
        task: one of them.

    Returns:
        256 numbers of 16 bits in base64; empty for a task that changes nothing, or so few numbers
        that others could not be told from it.
    """
    index = deltas.tasks.index(task)
    checkpoint = deltas.checkpoints[index]
    both = deltas.base.known_digest, checkpoint.known_digest
    if both not in _seen:
        key = cache_key("fingerprint 1", *both)
        known = recall(key)
        _seen[both] = known.decode() if known is not None else _text(_sketch(deltas, index))
        if known is None:
            keep(key, _seen[both].encode())
    return _seen[both]


def alike(first: str, second: str) -> float:
    """Cosine of two sketches; 0 if one is empty or is none."""
    one, two = _numbers(first), _numbers(second)
    if one is None or two is None:
        return 0.0
    lengths = float(one.norm() * two.norm())
    return float(one.dot(two)) / lengths if lengths else 0.0


def made_of(wanted: str, sketches: Mapping[str, str]) -> list[str]:
    """The tasks whose changes are a change, each alone, or else several of them together.

    Args:
        wanted: sketch of the change.
        sketches: {task: sketch of its change}.

    Returns:
        Tasks whose sketch is parallel to it; if there are none, the fewest of the nearest ones in
        whose span its sketch lies, and none if it lies in no span of ``_MOST`` of them.
    """
    known = {name: x for name, text in sketches.items() if (x := _numbers(text)) is not None}
    target = _numbers(wanted)
    if target is None or not known:
        return []
    cosines = {name: abs(alike(wanted, sketches[name])) for name in known}
    if single := [name for name in known if cosines[name] >= SAME]:
        return single
    most = min(_MOST, int((target != 0).sum()) // _FEWEST)  # few numbers lie in many a span
    chosen = sorted(known, key=lambda name: -cosines[name])[:most]
    if not chosen or _outside(target, [known[name] for name in chosen]) > _OUTSIDE:
        return []
    for name in reversed(chosen.copy()):  # the farthest first
        rest = [each for each in chosen if each != name]
        if rest and _outside(target, [known[each] for each in rest]) <= _OUTSIDE:
            chosen = rest
    return [name for name in known if name in chosen]


def _outside(target: Tensor, sketches: Sequence[Tensor]) -> float:
    """Share of a sketch's squared length outside the span of others."""
    unit, together = target / target.norm(), torch.stack(list(sketches), 1)
    weights = torch.linalg.lstsq(together, unit, driver="gelsd").solution
    return float((unit - together @ weights).square().sum())


def _sketch(deltas: Deltas, index: int) -> Tensor:
    total = torch.zeros(SUMS, dtype=torch.float64)
    for name in deltas.names:
        tensor = deltas.at(name)
        if not tensor.present[index]:
            continue
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") >> 1
        draw = torch.Generator().manual_seed(seed)
        for start in range(0, tensor.numel, _PIECE):
            signs = torch.randint(0, 2, (_PIECE,), generator=draw, dtype=torch.int8)
            stop = min(start + _PIECE, tensor.numel)
            delta = tensor.delta(index, start, stop, deltas.dtype)
            if delta is None:
                continue
            values = torch.zeros(_PIECE, dtype=torch.float64)
            values[: stop - start] = delta
            total += (values * (2 * signs - 1)).view(-1, SUMS).sum(0)
    return total


def _text(sketch: Tensor) -> str:
    length = float(sketch.norm())
    if int((sketch != 0).sum()) < _FEWEST:  # a direction of so few numbers tells nothing apart
        return ""
    numbers: Sequence[float] = (sketch / length).tolist()
    return base64.b64encode(struct.pack(f"<{SUMS}e", *numbers)).decode()


def _numbers(text: str) -> Tensor | None:
    try:
        content = base64.b64decode(text, validate=True)
        return torch.tensor(struct.unpack(f"<{SUMS}e", content), dtype=torch.float64)
    except (binascii.Error, ValueError, struct.error):
        return None
