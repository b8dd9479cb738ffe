"""Model Breadcrumbs: leave out the largest and the smallest entries of every delta."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas, DerivedDeltas
from studio.checkpoints.vectors import Vectors
from studio.geometry.gram import Grams
from studio.geometry.orthogonal import Basis, identity
from studio.methods.contract import Given, Method, option
from studio.methods.kit.magnitudes import kth_magnitude
from studio.methods.kit.sparse import Sparse, in_chunks
from studio.methods.ties import NO_ELECTION, after_election, elect_option
from studio.parallel import in_order

_NOTHING = (math.inf, math.inf)


@dataclass(frozen=True)
class Breadcrumbs(Method):
    """base + sum_i c_i kept_i: deltas without their outliers and without their smallest entries.

    Of the N entries of a task's delta in a tensor, the int(gamma N) largest magnitudes go, and of
    the smallest as many that int(density N) are left; where density leaves too little to drop,
    fewer of the largest go. Entries as large as the least or the largest that is kept all stay,
    so among equal magnitudes more than that share may be left. With elect a sign is then elected
    per element as TIES does by weighted deltas, and what disagrees is left out.

    Source: Davari and Belilovsky 2023, Model Breadcrumbs (arXiv 2312.06795); density, gamma and
    the election (breadcrumbs_ties) as in mergekit, which before 0.1.5 drops the whole delta where
    int(gamma N) is 0; here its smallest go.
    """

    name: ClassVar[str] = "breadcrumbs"
    title: ClassVar[str] = "Breadcrumbs"
    plainly: ClassVar[str] = (
        "Leaves out of each task's change the many small entries and the few largest ones."
    )
    main: ClassVar[str] = "density"
    default_coefficient: ClassVar[float] = 0.3

    density: float = option(
        0.9,
        "How much of each task's change is kept; the smallest numbers go first.",
        label="share kept",
        exactly="Share of each delta's entries that is kept.",
        low=0.0,
        high=1.0,
    )
    gamma: float = option(
        0.01,
        "How many of the very largest numbers are left out, since they may be accidents.",
        label="extremes left out",
        exactly="Share of the largest entries that is left out.",
        low=0.0,
        high=1.0,
    )
    elect: str = elect_option()

    @property
    def derives(self) -> bool:
        """A delta with holes is no combination of whole deltas."""
        return True

    @property
    def weighs(self) -> bool:
        """Signs are elected by weighted deltas."""
        return self.elect != NO_ELECTION

    @property
    def carried(self) -> str:
        """What comes is added, unless all take part in an election."""
        return super().carried if self.weighs else "the merged model"

    @property
    def portable(self) -> bool:
        """Magnitudes are compared and counted, never added."""
        return True

    def components(self, n: int, gram: Grams) -> Basis:
        """What is kept of each delta."""
        return identity(n)

    def vectors(self, given: Given) -> DerivedDeltas:
        """Each delta between its two thresholds."""
        deltas = given.deltas
        found = in_order(lambda name: self._limits(deltas, name), deltas.names)
        limits = dict(zip(deltas.names, found, strict=True))

        def between(tensor: Vectors) -> Vectors:
            def keep(task: int, start: int, stop: int, delta: Tensor) -> Tensor:
                low, high = limits[tensor.name][task]
                sizes = delta.abs()
                return (sizes >= low).logical_and_(sizes <= high)

            return after_election(Sparse(tensor, keep, (1.0,) * len(deltas)), self.elect, given)

        return DerivedDeltas(deltas, between)

    def _limits(self, deltas: AnyDeltas, name: str) -> tuple[tuple[float, float], ...]:
        """Per task, the least and the largest magnitude that it keeps in one tensor."""
        numel = deltas.at(name).numel
        smallest, largest = self.left_out(numel)
        if smallest + largest >= numel:
            return (_NOTHING,) * len(deltas)

        def at(task: int, k: int) -> float:
            stream = lambda: (values for *_, values in in_chunks(deltas, name, task))  # noqa: E731
            return kth_magnitude(stream, k, deltas.dtype)

        return tuple(
            (
                at(task, smallest + 1) if smallest else 0.0,
                at(task, numel - largest) if largest else math.inf,
            )
            if name in join.shared
            else _NOTHING
            for task, join in enumerate(deltas.joins)
        )

    def left_out(self, numel: int) -> tuple[int, int]:
        """How many of the smallest and how many of the largest of ``numel`` entries go."""
        largest = int(self.gamma * numel)
        smallest = numel - int(self.density * numel) - largest
        return max(smallest, 0), largest + min(smallest, 0)
