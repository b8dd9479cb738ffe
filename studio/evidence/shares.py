"""What is left of a removed task in the kept ones: the share of its change that theirs span.

The same change in other clothes has another digest: a LoRA with its factors times 2 and a half, an
adapter saved as a full model, a change multiplied by 1.1, or one cut into two checkpoints. What
they change together is seen by inner products: the share of the removed change's squared length
that lies in the span of the kept ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.checkpoints.vectors import Room, Vectors
from studio.evidence.unmerge import Unmerging
from studio.geometry.gram import gram
from studio.merge import Merge, merged_pieces

SAME_CHANGE = 0.9999
"""Share from which on an unmerge is refused: what is taken out would still be merged."""
MOSTLY = 0.98
"""Share from which on a removal does not pass: the cosine is 0.99 or more."""
PARTLY = 0.1
"""Share of a change, in tensors that kept tasks change alike, from which on it does not pass."""
_FEWEST = 64  # elements of a tensor for each kept task, else it is small


@dataclass(frozen=True)
class Share:
    """What is left of one removed task.

    Attributes:
        task: that was removed.
        left: share of its change's squared length in the span of the kept changes; 0 to 1.
        names: kept tasks that together hold nearly all of that share, the nearest first.
        cosine: with the nearest of them.
        alike: share of its squared length in tensors of which the kept tasks hold ``MOSTLY`` all;
            small tensors, which a few tasks span by chance, do not count.
        of_kept: whether it is the other way round: a kept task, whose change lies in the span of
            the removed ones, that are then ``task`` together.
        in_result: whether it takes the merge to see it: the kept changes hold it as a difference
            too small for their inner products, and the coefficients bring it out.
    """

    task: str
    left: float
    names: tuple[str, ...]
    cosine: float
    alike: float = 0.0
    of_kept: bool = False
    in_result: bool = False

    @property
    def passes(self) -> bool:
        """Whether the removed task may be called removed."""
        return self.left < MOSTLY and self.alike < PARTLY

    @property
    def several(self) -> bool:
        """Whether it takes more than one kept task."""
        return len(self.names) > 1

    @property
    def by(self) -> str:
        """The kept tasks, for a sentence."""
        return " and ".join(f"'{name}'" for name in self.names[:3])

    @property
    def words(self) -> str:
        """All of it, as a sentence."""
        found = f"{self.task}: {self.left:.4f}"
        if self.names:
            found += f"; its cosine with {self.names[0]}, the nearest, is {self.cosine:+.4f}"
        if self.alike:
            found += f"; {self.alike:.1%} of it is in tensors that kept tasks change alike"
        if self.passes:
            return f"{found}."
        if self.in_result:
            return f"{found}. The coefficients bring it out of small differences of kept changes."
        did = "they did" if self.of_kept else "it did"
        return f"{found}. {self.by} still change{'s' * (not self.several)} the base as {did}."

    @property
    def share_words(self) -> str:
        """The share, for a sentence."""
        return "All" if self.left > 1 - 1e-9 else f"{min(self.left, 0.999999):.4%}"


def shares_left(unmerged: Unmerging, full: Merge, never: Merge) -> list[Share]:
    """For every removed task what is left of its change in the tasks that are kept.

    Of several removed ones also every kept task whose change is made of theirs, such as their mean.
    """
    places = [full.deltas.tasks.index(name) for name in unmerged.removed]
    gone = [(f"removed {i}", full.deltas.checkpoints[i]) for i in places]
    kept = list(zip(never.deltas.tasks, never.deltas.checkpoints, strict=True))
    if not kept:
        return [Share(name, 0.0, (), 0.0) for name in unmerged.removed]
    deltas = Deltas(never.base, [*gone, *kept])
    found = gram(deltas)
    square, n, names = found.total(), len(gone), tuple(name for name, _ in kept)
    whole = _with_result(square, deltas, never)
    entries = never.base.weights.entries
    large = [t for t, x in enumerate(found.names) if entries[x].numel >= _FEWEST * len(kept)]
    shares = [
        replace(
            _seen(
                _share(name, square[i, i], square[i, n:], square[n:, n:], names),
                _share(name, whole[i, i], whole[i, n:], whole[n:, n:], (*names, "")),
            ),
            alike=_alike(found.blocks[large], i, n, float(square[i, i])),
        )
        for i, name in enumerate(unmerged.removed)
    ]
    together = " and ".join(unmerged.removed)
    for k, name in enumerate(names, n) if n > 1 else ():
        share = _share(name, square[k, k], square[k, :n], square[:n, :n], unmerged.removed)
        if not share.passes:
            shares.append(Share(together, share.left, (name,), share.cosine, of_kept=True))
    return shares


def _seen(share: Share, with_result: Share) -> Share:
    """What is left by the kept changes alone, or by what the merge has made of them as well."""
    if share.passes == with_result.passes:
        return share
    return replace(with_result, names=share.names, cosine=share.cosine, in_result=True)


def _with_result(square: Tensor, deltas: Deltas, merge: Merge) -> Tensor:
    """Inner products of some changes and, behind them, of the change that a merge makes.

    Args:
        square: of the changes.
        deltas: the changes.
        merge: on the same base.
    """
    count = len(square)
    made = torch.zeros(count + 1, count + 1, dtype=torch.float64)
    made[:count, :count] = square
    merge.prepare()
    for name in merge.deltas.names:
        _add_change(made[count], merge, deltas.at(name), name)
    made[:count, count] = made[count, :count]
    return made


def _add_change(row: Tensor, merge: Merge, tensor: Vectors, name: str) -> None:
    """Add one tensor's inner products of the merge's change with each change, and with itself."""
    start = 0

    def look(base: Tensor, total: Tensor, _: Tensor) -> None:
        nonlocal start
        change, stop = total.double() - base.double(), start + len(total)
        row[-1] += change.dot(change)
        for index, delta in enumerate(tensor.vectors(start, stop, torch.float64, Room())):
            if delta is not None:
                row[index] += change.dot(delta.view(-1))
        start = stop

    for _ in merged_pieces(merge, name, watch=look):
        pass


def _alike(blocks: Tensor, own: int, n: int, whole: float) -> float:
    """Share of a removed change's squared length in tensors that the kept changes span."""
    spanned = 0.0
    for block in blocks:
        length, kept = block[own, own], block[n:, n:]
        used = [i for i, x in enumerate(kept.diagonal().tolist()) if x > 0]
        if length > 0 and used and _spanned(length, block[own, n:], kept, used) >= MOSTLY:
            spanned += float(length)
    return spanned / whole if whole else 0.0


def _share(task: str, own: Tensor, inner: Tensor, kept: Tensor, names: tuple[str, ...]) -> Share:
    lengths = kept.diagonal().sqrt()
    length = float(own.sqrt())
    if not length or not bool((lengths > 0).any()):
        return Share(task, 0.0, (), 0.0)
    cosines = torch.where(lengths > 0, inner / (lengths * length), 0.0)
    order = cosines.abs().argsort(descending=True).tolist()
    nearest, cosine = order[0], float(cosines[order[0]])
    left = _spanned(own, inner, kept, order)
    for count in range(1, len(order) + 1):
        if _spanned(own, inner, kept, order[:count]) >= min(left, 1.0) - 1e-4:
            return Share(task, left, tuple(names[i] for i in order[:count]), cosine)
    return Share(task, left, (names[nearest],), cosine)


def _spanned(own: Tensor, inner: Tensor, kept: Tensor, chosen: Sequence[int]) -> float:
    """Share of the squared length that lies in the span of some kept changes."""
    index = torch.tensor(list(chosen))
    scale = kept.diagonal()[index].sqrt().clamp(min=1e-300)
    square = kept[index][:, index] / scale / scale.unsqueeze(1)
    target = inner[index] / scale
    weights = torch.linalg.pinv(square, rtol=1e-10, hermitian=True) @ target
    return float((target @ weights / own).clamp(0.0, 1.0))
