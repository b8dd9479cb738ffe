"""Maps of deltas before and after orthogonalization: t-SNE and MDS from inner products alone."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from studio.geometry.gram import Gram, cosine
from studio.geometry.orthogonal import Basis

MOST_POINTS = 1500
_FEWEST_POINTS = 8  # t-SNE says nothing about fewer


@dataclass(frozen=True)
class DeltaMap:
    """Points in the plane, before and after, laid out together.

    Attributes:
        kind: 'tsne' or 'mds'.
        unit: what a point is: 'tensor', 'layer' or 'model', each times one task.
        tasks: name per point.
        places: name of the tensor or layer per point.
        before: ``(points, 2)`` of the raw deltas.
        after: ``(points, 2)`` of the components.
        note: the settings, for the caption.
    """

    kind: str
    unit: str
    tasks: tuple[str, ...]
    places: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray
    note: str


def joint(gram: Gram, basis: Basis) -> Gram:
    """The Gram of n deltas followed by their n components, by algebra: blocks ``(T, 2n, 2n)``."""
    n = len(gram.tasks)
    eye = torch.eye(n, dtype=torch.float64).expand(len(gram.names), n, n)
    both = torch.cat([eye, basis.rows.expand(len(gram.names), n, n)], dim=1)  # (T, 2n, n)
    return gram.combined(both)


def tsne_map(gram: Gram, seed: int) -> DeltaMap | None:
    """t-SNE of unit deltas, one point per task and tensor (or layer, if there are too many).

    Deltas of different tensors count as orthogonal. Before and after are fitted together.

    Args:
        gram: of n deltas followed by their n components, blocks ``(T, 2n, 2n)``.
        seed: of the start.

    Returns:
        The map, or None if there are too few points for t-SNE to mean anything.

    Source: van der Maaten and Hinton 2008, JMLR 9; scikit-learn's implementation.
    """
    unit = "tensor"
    if 2 * len(gram.tasks) * len(gram.names) > MOST_POINTS:
        unit = "layer"
    places, joint = gram.grouped(unit)
    distances, tasks, where = _points(cosine(joint), gram.tasks, places)
    moved = joint.diagonal(dim1=-2, dim2=-1).reshape(len(places), 2, -1)  # (groups, 2, n)
    kept = (moved[:, 0] > 0).flatten().repeat(2).numpy()  # a delta of zero has no direction
    distances = distances[kept][:, kept]
    tasks, where = (tuple(np.array(x)[kept]) for x in (tasks, where))
    count = len(distances)
    if count < _FEWEST_POINTS:
        return None
    perplexity = min(30.0, (count - 1) / 3)
    from sklearn.manifold import TSNE  # seconds to import, and the page need not wait for it

    model = TSNE(
        metric="precomputed", init="random", perplexity=perplexity, random_state=seed % 2**32
    )
    note = f"perplexity {perplexity:.0f}, seed {seed}, {count} points fitted together"
    return _split("tsne", unit, tasks, where, model.fit_transform(distances), note)


def mds_map(gram: Gram) -> DeltaMap:
    """Classical MDS of whole deltas with their norms, one point per task.

    Source: Torgerson 1952, Psychometrika 17; scikit-learn's implementation.
    """
    places, joint = gram.grouped("model")
    squares = joint[0].diagonal()
    distances = (squares[:, None] + squares - 2 * joint[0]).clamp(min=0).sqrt().numpy()
    points = _plane(distances)
    spread = np.linalg.eigvalsh(_centered(distances))[::-1].clip(min=0)
    share = spread[:2].sum() / spread.sum() if spread.sum() > 0 else 1.0
    note = f"two axes hold {share:.0%} of the spread"
    n = len(gram.tasks)
    return _split("mds", "model", gram.tasks * 2, tuple(places) * 2 * n, points, note)


def _plane(distances: np.ndarray) -> np.ndarray:
    if len(distances) < 3:  # one task, before and after
        return np.array([[0.0, 0.0], [float(distances[0, -1]), 0.0]])[: len(distances)]
    from sklearn.manifold import ClassicalMDS

    return ClassicalMDS(n_components=2, metric="precomputed").fit_transform(distances)


def _centered(distances: np.ndarray) -> np.ndarray:
    center = np.eye(len(distances)) - 1 / len(distances)
    return -center @ distances**2 @ center / 2


def _points(
    cosines: Tensor, tasks: tuple[str, ...], places: tuple[str, ...]
) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """Distances between unit vectors of all groups; vectors of different groups are orthogonal.

    Points come as all deltas (task by task within each place), then all components.
    """
    groups, n = len(places), len(tasks)
    inner = torch.zeros(2, groups, n, 2, groups, n, dtype=torch.float64)
    for g in range(groups):
        inner[:, g, :, :, g, :] = cosines[g].reshape(2, n, 2, n)
    flat = inner.reshape(2 * groups * n, 2 * groups * n)
    distances = (2 - 2 * flat).clamp(min=0).sqrt().numpy()
    np.fill_diagonal(distances, 0.0)
    return distances, tasks * (2 * groups), tuple(p for p in places for _ in tasks) * 2


def _split(
    kind: str, unit: str, tasks: tuple[str, ...], places: tuple[str, ...], points: np.ndarray,
    note: str,
) -> DeltaMap:  # fmt: skip
    half = len(points) // 2
    return DeltaMap(kind, unit, tasks[:half], places[:half], points[:half], points[half:], note)
