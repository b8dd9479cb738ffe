"""How far a map can be believed: what it keeps of true neighbors, and how far tasks stand apart."""

from dataclasses import dataclass

import numpy as np

_NEIGHBORS = 5
_FEWEST_NEIGHBORS = 2


@dataclass(frozen=True)
class Quality:
    """Figures of a map; each None where it is not defined.

    Attributes:
        trustworthiness: 0 to 1, of before and after together: 1 if the nearest points in the plane
            are the nearest in full, about 0.5 for points thrown at random.
        neighbors: how many nearest points that looks at.
        apart: silhouettes by task in the full distances, before and after; -1 to 1.
        apart_in_plane: the same between the points of the picture.
    """

    trustworthiness: float | None
    neighbors: int
    apart: tuple[float, float] | None
    apart_in_plane: tuple[float, float] | None


CLEAR = 0.1  # a share of neighbors that differs by less is taken for the same


@dataclass(frozen=True)
class Structure:
    """How many of each point's nearest points in a picture are of its own task.

    Attributes:
        before: 0 to 1, the mean share among the five nearest points.
        after: the same of the components.
        control: the same in the same kind of map of random directions.
    """

    before: float
    after: float
    control: float

    @property
    def found(self) -> bool:
        """Whether tasks stand together more than random directions do."""
        return max(self.before, self.after) > self.control + CLEAR

    @property
    def alike(self) -> bool:
        """Whether they stand together as much after as before."""
        return abs(self.after - self.before) <= CLEAR


def same_neighbors(points: np.ndarray, tasks: tuple[str, ...]) -> float:
    """0 to 1: the mean share of a point's five nearest points that are of its own task.

    Args:
        points: ``(p, 2)``, at least two.
        tasks: name of each.
    """
    gaps = ((points[:, None] - points) ** 2).sum(-1)
    np.fill_diagonal(gaps, np.inf)
    near = np.argsort(gaps, axis=1, kind="stable")[:, : min(_NEIGHBORS, len(points) - 1)]
    named = np.array(tasks)
    return float((named[near] == named[:, None]).mean())


def quality(distances: np.ndarray, points: np.ndarray, tasks: tuple[str, ...]) -> Quality:
    """Measure a map of points before (first half) and after (second half).

    Args:
        distances: ``(2p, 2p)`` between the points in full; diagonal 0.
        points: ``(2p, 2)`` where the map puts them.
        tasks: name of each of the 2p points.

    Source: Venna and Kaski 2001, ICANN (trustworthiness); Rousseeuw 1987, J. Comput. Appl. Math.
    20 (silhouette); scikit-learn's implementations.
    """
    from sklearn.manifold import trustworthiness  # seconds to import

    count = len(points)
    neighbors = min(_NEIGHBORS, (count - 1) // 2)
    kept = None
    if neighbors >= _FEWEST_NEIGHBORS:
        kept = float(
            trustworthiness(distances, points, n_neighbors=neighbors, metric="precomputed")
        )
    gaps = points[:, None] - points  # (2p, 2p, 2)
    return Quality(
        kept, neighbors, _apart(distances, tasks), _apart(np.sqrt((gaps**2).sum(-1)), tasks)
    )


def _apart(distances: np.ndarray, tasks: tuple[str, ...]) -> tuple[float, float] | None:
    """Silhouettes of both halves; None without two tasks of which one has two points."""
    from sklearn.metrics import silhouette_score

    half = len(distances) // 2
    if not 2 <= len(set(tasks[:half])) < half:
        return None
    before, after = (
        float(silhouette_score(distances[part, part], tasks[part], metric="precomputed"))
        for part in (slice(0, half), slice(half, None))
    )
    return before, after
