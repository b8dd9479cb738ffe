"""CART: what all tasks share, and per task the leading directions in which it departs from that."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import DerivedDeltas, TensorDeltas
from studio.checkpoints.low_rank import Factors, Product
from studio.checkpoints.vectors import DerivedVectors, Room, Vectors
from studio.geometry.gram import Grams
from studio.geometry.orthogonal import Basis, identity
from studio.geometry.spectra import Reduction, triplets
from studio.geometry.subspaces import is_matrix
from studio.methods.contract import Given, Method, option
from studio.methods.whole import Entries


@dataclass(frozen=True)
class Cart(Method):
    """base + sum_i c_i (shared delta_i / n + private top_i), top_i of delta_i - mean_j delta_j.

    top_i keeps the leading ceil(rank d) singular triplets, where d counts the directions that the
    deltas span at most: the lesser side of the matrix, or the ranks of low-rank deltas added up,
    as in core space. With all of them kept, departures cancel and the mean is left. With
    coefficients 1 this is the source's centered merge; a slider moves its task's part of the mean
    together with its private directions. A task that leaves a matrix alone counts in the mean and
    has no part. Other tensors take the mean.

    Source: Choi et al. 2024, Revisiting weight averaging for model merging (arXiv 2412.12153).
    """

    name: ClassVar[str] = "cart"
    title: ClassVar[str] = "CART"
    plainly: ClassVar[str] = (
        "Takes the mean of all changes as what tasks share, and adds of each task only the main "
        "directions in which it departs from that."
    )
    main: ClassVar[str] = "private"
    default_coefficient: ClassVar[float] = 1.0

    rank: float = option(
        0.08,
        "How many of a matrix's directions each task keeps for itself.",
        label="directions kept",
        exactly="Share of the directions that the deltas span which each departure keeps.",
        low=0.0,
        high=1.0,
    )
    shared: float = option(
        1.0,
        "How strongly what all tasks share is added.",
        label="shared part",
        exactly="Multiplies the mean of the deltas.",
        low=-10.0,
        high=10.0,
    )
    private: float = option(
        1.0,
        "How strongly what sets each task apart is added.",
        label="private parts",
        exactly="Multiplies every task's departure from the mean.",
        low=-10.0,
        high=10.0,
    )

    @property
    def derives(self) -> bool:
        """A departure's leading directions are no combination of whole deltas."""
        return True

    def components(self, n: int, gram: Grams) -> Basis:
        """Each task's part of the mean with its private directions."""
        return identity(n)

    def vectors(self, given: Given) -> DerivedDeltas:
        """The parts; of low-rank deltas they are products of low rank."""
        return DerivedDeltas(given.deltas, lambda raw: self._parts(raw, given.deltas.dtype))

    def _parts(self, raw: Vectors, dtype: torch.dtype) -> Vectors:
        entries, share = (
            Entries(raw, [1.0] * len(raw.present), dtype),
            self.shared / len(raw.present),
        )
        if not is_matrix(raw.name, raw.shape):
            return _Parts(raw, share, (None,) * len(entries))
        low_rank = entries.summed_factors()
        spanned = min(entries.shape) if low_rank is None else len(low_rank.a)
        kept = Reduction(math.ceil(self.rank * spanned - 1e-9))
        private: list[Product | None] = []
        for departure in _dense(entries) if low_rank is None else _low_rank(entries, low_rank):
            top = None if departure is None else triplets(departure, kept)
            private.append(top and Product(top.u * (top.s * self.private), top.v.T.contiguous()))
        if low_rank is None:
            return _Parts(raw, share, tuple(private))
        both = map(entries.factors, range(len(entries))), private
        products = tuple(
            own and top and _beside(own, share, top) for own, top in zip(*both, strict=True)
        )
        return TensorDeltas(raw.name, entries.shape, raw.base, products)


@dataclass(frozen=True)
class _Parts(DerivedVectors):
    """Each delta times a share, and what is added to it.

    Attributes:
        share: of every delta.
        private: per task what else its part holds, or None.
    """

    share: float
    private: tuple[Product | None, ...]

    def vectors(
        self,
        start: int,
        stop: int,
        dtype: torch.dtype,
        room: Room,
        tasks: Sequence[int] | None = None,
    ) -> Iterator[Tensor | None]:
        """See ``Vectors``."""
        chosen = self.chosen(tasks)
        found = self.raw.vectors(start, stop, dtype, room, chosen)
        part = room.take("part", stop - start, dtype)
        for task, delta in zip(chosen, found, strict=True):
            if delta is None:
                yield None
                continue
            torch.mul(delta, self.share, out=part)
            if (private := self.private[task]) is not None:
                width = private.a.shape[1]
                part.add_(private.flat(start, stop, width, dtype))
            yield part


def _dense(entries: Entries) -> Iterator[Tensor | None]:
    """``(out, in)`` what each delta of a matrix differs by from the mean of all."""
    mean = entries.mean()
    for delta in entries.deltas():
        changes = delta is not None and bool(delta.any())
        yield delta.sub_(mean) if delta is not None and changes else None


def _low_rank(entries: Entries, stacked: Factors) -> Iterator[Factors | None]:
    """The same of low-rank deltas, in their stacked factors."""
    at = 0
    for task in range(len(entries)):
        own = entries.factors(task)
        if own is None:
            yield None
            continue
        columns = torch.full((len(stacked.a),), -1 / len(entries), dtype=torch.float64)
        columns[at : at + len(own.a)] += 1.0
        at += len(own.a)
        yield Factors(stacked.b * columns, stacked.a, 1.0)


def _beside(own: Factors, share: float, private: Product) -> Product:
    """``share own + private`` as one product."""
    b = torch.cat([own.b.double() * (own.scale * share), private.b], 1)
    return Product(b, torch.cat([own.a.double(), private.a]))
