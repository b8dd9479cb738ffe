"""Rounding: what the cast to the output dtype loses of a merged change, measured as it streams."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from studio.merge import Merge, written_pieces
from studio.parallel import in_order
from studio.progress import Meter, Progress, attended, silent


@dataclass(frozen=True)
class Rounding:
    """What the cast loses, of the change that the merge makes to the base, not of the weights.

    Attributes:
        dtypes: of the output tensors that the merge changes, joined by commas.
        lost: Frobenius norm of (merged - written) relative to that of (merged - base), over all
            tensors that the merge changes; above 1 where the base itself does not fit the dtype.
        worst: the tensor with the largest such share of its own, and that share.
        changed: elements in which the merge differs from the base before the cast.
        back: those among them that are written as the base alone would be.
    """

    dtypes: str
    lost: float
    worst: tuple[str, float]
    changed: int
    back: int

    @property
    def words(self) -> str:
        """One sentence, without its full stop."""
        if not self.dtypes:
            return "nothing is merged, so the cast loses nothing"
        if not self.lost:
            return f"the cast to {self.dtypes} loses nothing of the merged change"
        back = self.back / max(self.changed, 1)
        return (
            f"{self.dtypes} loses {_percent(self.lost)} of the merged change (worst tensor: "
            f"{self.worst[0]}, {_percent(self.worst[1])}); {_percent(back)} of changed weights "
            "round back to the base"
        )

    def plain(self) -> dict:
        """As it stands in an export's record."""
        return {**vars(self), "worst": list(self.worst), "words": self.words}


@dataclass(frozen=True)
class _Loss:
    """Of one tensor: squared norms of what is lost and of the change, and counts of elements."""

    lost: float = 0.0
    change: float = 0.0
    changed: int = 0
    back: int = 0


class Tally:
    """Adds up what is lost while a merge is streamed, in whatever order its tensors come."""

    def __init__(self, merge: Merge) -> None:
        self.merge = merge
        self._targets = {merge.output_dtype(name) for name in merge.deltas.names}
        self._exact = self._targets <= {merge.compute_dtype, torch.float64}
        self._losses: dict[str, _Loss] = {}

    def pieces(self, name: str) -> Iterator[Tensor]:
        """See ``written_pieces``; every piece that the merge changes is added up on the way."""
        if self._exact or name not in self.merge.deltas.names:
            return written_pieces(self.merge, name)
        self._losses[name] = _Loss()
        return written_pieces(self.merge, name, watch=partial(self._add, name))

    def rounding(self) -> Rounding:
        """What was lost in all tensors streamed so far; those of equal names come in one order."""
        losses = {name: self._losses[name] for name in sorted(self._losses)}
        shares = {name: _share(each.lost, each.change) for name, each in losses.items()}
        worst = max(shares, key=lambda name: shares[name], default="")
        return Rounding(
            ", ".join(sorted(str(each).removeprefix("torch.") for each in self._targets)),
            _share(sum(x.lost for x in losses.values()), sum(x.change for x in losses.values())),
            (worst, shares.get(worst, 0.0)),
            sum(each.changed for each in losses.values()),
            sum(each.back for each in losses.values()),
        )

    def _add(self, name: str, base: Tensor, total: Tensor, cast: Tensor) -> None:
        before, differs = self._losses[name], total != base
        self._losses[name] = _Loss(
            before.lost + _squares(total - cast.to(total.dtype)),
            before.change + _squares(total - base),
            before.changed + int(differs.sum()),
            before.back + int((differs & (cast == base.to(cast.dtype))).sum()),
        )


def measure_rounding(merge: Merge, progress: Progress = silent) -> Rounding:
    """Stream a merge without writing it, to know beforehand what an export would lose.

    Args:
        merge: with the output dtype in its recipe.
        progress: told the share of elements done, see ``Meter``.

    Raises:
        StudioError: the merge is refused.
    """
    tally, names = Tally(merge), merge.deltas.names
    entries = merge.base.weights.entries
    meter = Meter(sum(entries[name].numel for name in names), progress)
    attended(merge.prepare, progress, 0.0, "preparing the merge")

    def stream(name: str) -> None:
        for piece in tally.pieces(name):
            meter.add(len(piece), f"measured: {name}")

    for _ in in_order(stream, names):
        pass
    return tally.rounding()


def _squares(values: Tensor) -> float:
    return float(torch.linalg.vector_norm(values, dtype=torch.float64)) ** 2


def _share(part: float, whole: float) -> float:
    return math.sqrt(part / whole) if whole else 0.0


def _percent(share: float) -> str:
    """With two digits that say something, and never 0 or 100 % for what is not quite that."""
    percent = 100 * share
    if 0 < percent < 0.01:
        return "less than 0.01 %"
    if 99.9 < percent < 100:
        return "more than 99.9 %"
    return f"{percent:.2g} %" if percent < 10 else f"{percent:.1f} %"
