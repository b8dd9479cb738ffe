"""Fingerprint of a change: by it a removed task is known again in other clothes.

A digest tells one file from another, and says nothing of two files that change the base alike: a
LoRA whose factors are multiplied by 2 and by a half, the same adapter as a full model, the change
multiplied by 1.1. The fingerprint is a count sketch of the change's direction: tensors are put
into eight groups by their kind, and every element goes with a drawn sign into one of its group's
128 sums. It is linear, so parallel changes have parallel sketches. The signs are drawn with the
ledger's salt, so that nobody without it can add what moves the sums and little else.
"""

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.disk.cache import cache_key, keep, recall

SAME = 0.99
"""Cosine of two sketches from which on two changes count as one."""
_TENTH = 0.1  # of a change, in groups of tensors that another changes in parallel
_OUTSIDE = 1 - SAME**2
_MOST = 32  # tasks in whose span a change may lie: unrelated ones hold a share of 32/1024 by chance
_FEWEST = 8
_PIECE = 2**20  # elements that share a draw, whatever memory there is
_seen: dict[tuple[str, str, str], Tensor | None] = {}  # a page asks often; 8 kB a checkpoint

Piece = Callable[[int, int], Tensor | None]
"""Elements of one tensor's change from a start to a stop; None where they are all 0."""
Change = tuple[str, int, Piece]
"""A tensor's name, its elements, and what is changed of them."""


@dataclass(frozen=True)
class Scheme:
    """How changes are sketched.

    Attributes:
        groups: of tensors.
        sums: of each group.
        salt: secret that the signs are drawn with; empty in logs of a studio before this one.
    """

    groups: int
    sums: int
    salt: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Eight hex digits that tell this salt from others and do not tell it; '' without one."""
        return hashlib.sha256(b"salt " + self.salt).hexdigest()[:8] if self.salt else ""

    def group(self, name: str) -> int:
        """The group of a tensor: the same for its likes in all layers."""
        kind = re.sub(r"\d+", "#", name)
        return hashlib.sha256(kind.encode()).digest()[0] % self.groups

    def seed(self, name: str) -> int:
        """What the signs of a tensor are drawn from."""
        drawn = hashlib.sha256(self.salt + name.encode()).digest()[:8]
        return int.from_bytes(drawn, "little") >> 1


UNSALTED = Scheme(1, 256, b"")


def salted(salt: bytes) -> Scheme:
    """The scheme of a ledger with this salt."""
    return Scheme(8, 128, salt)


def fingerprint(deltas: Deltas, task: str, scheme: Scheme = UNSALTED) -> str:
    """The sketch of a task's change as text.

    Args:
        deltas: of tasks on one base.
        task: one of them.
        scheme: by which it is sketched.

    Returns:
        The id of the salt, a colon, and numbers of 16 bits in base64; empty for a task that changes
        nothing, or so few numbers that others could not be told from it.
    """
    return _text(sketch(deltas, task, scheme), scheme)


def fingerprint_of(changes: Iterable[Change], scheme: Scheme) -> str:
    """The same of a change that is given piece by piece, as a receipt holds it."""
    return _text(_unit(_sums(changes, scheme)), scheme)


def _text(found: Tensor | None, scheme: Scheme) -> str:
    if found is None:
        return ""
    text = base64.b64encode(struct.pack(f"<{len(found)}e", *found.tolist())).decode()
    return f"{scheme.id}:{text}" if scheme.id else text


def scheme_id(text: str) -> str:
    """The id of the salt that a fingerprint was made with; empty if with none."""
    return text.rpartition(":")[0]


def sketch(deltas: Deltas, task: str, scheme: Scheme = UNSALTED) -> Tensor | None:
    """The sketch of a task's change, of length 1, recalled if it was taken before; None if empty.

    It is kept as exactly as it is computed: what is a difference of two tasks is small beside them.
    """
    index = deltas.tasks.index(task)
    both = deltas.base.known_digest, deltas.digests[index]
    if (scheme.id, *both) not in _seen:
        key = cache_key("fingerprint 2", scheme.id, *both)
        found = _recalled(key, scheme)
        if found is None:
            found = _unit(_sums(_changes(deltas, index), scheme))
            keep(key, b"" if found is None else struct.pack(f"<{len(found)}d", *found.tolist()))
        _seen[(scheme.id, *both)] = found
    return _seen[(scheme.id, *both)]


def alike(first: str, second: str) -> float:
    """Cosine of two fingerprints; 0 if one is empty, is none, or has another salt."""
    one, two = numbers(first), numbers(second)
    if one is None or two is None or scheme_id(first) != scheme_id(second):
        return 0.0
    return float(one.dot(two))


def made_of(wanted: str, sketches: Mapping[str, Tensor | None]) -> list[str]:
    """The tasks whose changes are a change, each alone, or else several of them together.

    Args:
        wanted: fingerprint of the change.
        sketches: {task: sketch of its change, by the same scheme}.

    Returns:
        Tasks that change everything, or groups of tensors that hold a tenth of the change, in
        parallel to it; if there are none, the fewest of the nearest ones in whose span its sketch
        lies, and none if it lies in no span of ``_MOST`` of them.
    """
    target = numbers(wanted)
    known = {n: x for n, x in sketches.items() if x is not None}
    if target is None or not known:
        return []
    if single := [name for name, each in known.items() if _parallel(target, each)]:
        return single
    most = min(_MOST, int((target != 0).sum()) // _FEWEST)  # few numbers lie in many a span
    nearest = sorted(known, key=lambda name: -abs(float(target.dot(known[name]))))
    chosen = nearest[:most]
    if not chosen or _outside(target, [known[name] for name in chosen]) > _OUTSIDE:
        return []
    for name in reversed(chosen.copy()):  # the farthest first
        rest = [each for each in chosen if each != name]
        if rest and _outside(target, [known[each] for each in rest]) <= _OUTSIDE:
            chosen = rest
    return [name for name in known if name in chosen]


def _parallel(target: Tensor, other: Tensor) -> bool:
    """Whether two sketches are, in all or in groups that hold a tenth of the first."""
    if abs(float(target.dot(other))) >= SAME:
        return True
    if len(target) == UNSALTED.sums:
        return False
    held = 0.0
    for one, two in zip(target.view(8, -1), other.view(8, -1), strict=True):
        mine, theirs = _unit(one), _unit(two)
        if mine is not None and theirs is not None and abs(float(mine.dot(theirs))) >= SAME:
            held += float(one.square().sum())
    return held >= _TENTH


def _outside(target: Tensor, sketches: Sequence[Tensor]) -> float:
    """Share of a sketch's squared length outside the span of others."""
    together = torch.stack(list(sketches), 1)
    weights = torch.linalg.lstsq(together, target, driver="gelsd").solution
    return float((target - together @ weights).square().sum())


def _changes(deltas: Deltas, index: int) -> Iterator[Change]:
    def piece(name: str, start: int, stop: int) -> Tensor | None:
        return deltas.at(name).delta(index, start, stop, deltas.dtype)

    for name in deltas.names:
        if deltas.at(name).present[index]:
            yield name, deltas.at(name).numel, partial(piece, name)


def _sums(changes: Iterable[Change], scheme: Scheme) -> Tensor:
    total = torch.zeros(scheme.groups, scheme.sums, dtype=torch.float64)
    for name, numel, piece in changes:
        draw = torch.Generator().manual_seed(scheme.seed(name))
        total[scheme.group(name)] += _added(numel, piece, draw, scheme.sums)
    return total.flatten()


def _added(numel: int, piece: Piece, draw: torch.Generator, sums: int) -> Tensor:
    """What one tensor adds to its group's sums."""
    total = torch.zeros(sums, dtype=torch.float64)
    for start in range(0, numel, _PIECE):
        count = min(_PIECE, numel - start)
        whole = -(-count // sums) * sums  # the last piece draws no more signs than it needs
        signs = torch.randint(0, 2, (whole,), generator=draw, dtype=torch.int8)
        delta = piece(start, start + count)
        if delta is not None:
            values = torch.zeros(whole, dtype=torch.float64)
            values[:count] = delta
            total += (values * (2 * signs - 1)).view(-1, sums).sum(0)
    return total


def _unit(sums: Tensor) -> Tensor | None:
    """Sums scaled to length 1, however small or large; None for so few that they tell nothing."""
    largest = float(sums.abs().max())
    if not 0 < largest < float("inf") or int((sums != 0).sum()) < _FEWEST:
        return None
    scaled = sums / largest  # squares of 1e-170 are 0
    return scaled / scaled.norm()


def numbers(text: str) -> Tensor | None:
    """The numbers of a fingerprint, scaled to length 1; None if it is empty or is none."""
    count = salted(b"").groups * salted(b"").sums if scheme_id(text) else UNSALTED.sums
    try:
        content = base64.b64decode(text.rpartition(":")[2], validate=True)
        found = struct.unpack(f"<{count}e", content)
    except (binascii.Error, ValueError, struct.error):
        return None
    return _unit(torch.tensor(found, dtype=torch.float64))


def _recalled(key: str, scheme: Scheme) -> Tensor | None:
    """A sketch that was kept, if it is whole."""
    known = recall(key)
    if known is None or len(known) != 8 * scheme.groups * scheme.sums:
        return None  # an empty one is taken again: it costs little, and a damaged file is none
    return _unit(torch.tensor(struct.unpack(f"<{len(known) // 8}d", known), dtype=torch.float64))
