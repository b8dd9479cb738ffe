"""Maps of deltas before and after orthogonalization: t-SNE, MDS, PCA from inner products alone."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from studio.errors import StudioError
from studio.geometry.gram import Gram, cosine
from studio.geometry.orthogonal import Basis
from studio.geometry.quality import Quality, Structure, quality, same_neighbors

MOST_POINTS = 1500
_FEWEST_POINTS = 8  # t-SNE says nothing about fewer
_UNMOVED = 1e-6  # of a length; two points that are nearer are the same


@dataclass(frozen=True)
class DeltaMap:
    """Points in the plane, before and after, laid out together.

    Attributes:
        kind: 'tsne', 'mds' or 'pca'.
        unit: what a point is: 'tensor', 'layer' or 'model', each times one task.
        tasks: name per point.
        places: name of the tensor or layer per point.
        before: ``(points, 2)`` of the raw deltas.
        after: ``(points, 2)`` of the components.
        note: the settings, for the caption.
        quality: how far the picture can be believed.
        structure: what there is to see beside random directions; None where nothing was compared.
    """

    kind: str
    unit: str
    tasks: tuple[str, ...]
    places: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray
    note: str
    quality: Quality
    structure: Structure | None = None


@dataclass(frozen=True)
class Directions:
    """Unit vectors of p deltas, then those of as many components, in the same order.

    Attributes:
        unit: 'tensor', 'layer', or 'matrix' in the hidden space.
        tasks: name of each of the 2p points.
        places: tensor or layer of each point.
        cosines: ``(2p, 2p)``; those of different tensors or layers count as 0.
    """

    unit: str
    tasks: tuple[str, ...]
    places: tuple[str, ...]
    cosines: np.ndarray

    @property
    def distances(self) -> np.ndarray:
        """``(2p, 2p)`` between unit vectors."""
        found = np.sqrt((2 - 2 * self.cosines).clip(min=0))
        np.fill_diagonal(found, 0.0)
        return found


def joint(gram: Gram, basis: Basis) -> Gram:
    """The Gram of n deltas followed by their n components, by algebra: blocks ``(T, 2n, 2n)``."""
    n = len(gram.tasks)
    eye = torch.eye(n, dtype=torch.float64).expand(len(gram.names), n, n)
    both = torch.cat([eye, basis.rows.expand(len(gram.names), n, n)], dim=1)  # (T, 2n, n)
    return gram.combined(both)


def draw_map(kind: str, gram: Gram, seed: int) -> DeltaMap:
    """One map of n deltas and their components, fitted together.

    Deltas of different tensors (or layers, if there are too many) count as orthogonal.

    Args:
        kind: 'tsne', 'mds' or 'pca'.
        gram: of n deltas followed by their n components, blocks ``(T, 2n, 2n)``.
        seed: of t-SNE's start.

    Raises:
        StudioError: there are too few points for such a map to mean anything.
    """
    return mds_map(gram) if kind == "mds" else _drawn(kind, directions(gram), seed)


def draw_beside(kind: str, found: Directions, control: Directions, seed: int) -> DeltaMap:
    """A t-SNE or PCA of directions, with what the same map of random ones shows.

    Args:
        kind: 'tsne' or 'pca'.
        found: what is drawn; it may be the control itself.
        control: random directions.
        seed: of t-SNE's start.

    Raises:
        StudioError: as ``draw_map``.
    """
    made = _drawn(kind, found, seed)
    beside = made if found is control else _drawn(kind, control, seed)
    return replace(made, structure=structure(made, beside))


def structure(found: DeltaMap, control: DeltaMap) -> Structure:
    """How far neighbors in a picture are of one task, beside those of the control's picture."""
    values = [
        same_neighbors(points, each.tasks)
        for each, points in ((found, found.before), (found, found.after), (control, control.before))
    ]
    return Structure(*values)


def _drawn(kind: str, found: Directions, seed: int) -> DeltaMap:
    return tsne_map(found, seed) if kind == "tsne" else pca_map(found)


def tsne_map(found: Directions, seed: int) -> DeltaMap:
    """t-SNE of unit vectors; a point that nothing has moved is one point before and after.

    Arguments and errors as ``draw_map``.

    Source: van der Maaten and Hinton 2008, JMLR 9; scikit-learn's implementation.
    """
    count = len(found.tasks)
    kept, place = _distinct(found.distances)
    if len(kept) < _FEWEST_POINTS:
        raise StudioError("t-SNE says nothing about so few points; look at MDS instead.")
    perplexity = min(30.0, (len(kept) - 1) / 3)
    from sklearn.manifold import TSNE  # seconds to import, and the page need not wait for it

    model = TSNE(
        metric="precomputed", init="random", perplexity=perplexity, random_state=seed % 2**32
    )
    note = f"perplexity {perplexity:.0f}, seed {seed}, {count} points fitted together"
    points = model.fit_transform(found.distances[np.ix_(kept, kept)])[place]
    return _split("tsne", found, points, note, found.distances)


def pca_map(found: Directions) -> DeltaMap:
    """PCA of the same unit vectors as t-SNE's: the two directions in which they differ most.

    Computed as kernel PCA, whose kernel is the matrix of their inner products.

    Source: Schölkopf, Smola and Müller 1998, Neural Comput. 10; scikit-learn's implementation.
    """
    count = len(found.tasks)
    if count < _FEWEST_POINTS:
        raise StudioError("PCA of so few points shows only that they are few; look at MDS instead.")
    from sklearn.decomposition import KernelPCA
    from sklearn.preprocessing import KernelCenterer

    model = KernelPCA(n_components=2, kernel="precomputed", eigen_solver="dense")
    points = model.fit_transform(found.cosines)
    points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    variance = float(np.trace(KernelCenterer().fit_transform(found.cosines)))
    share = float(model.eigenvalues_.sum()) / variance if variance > 0 else 1.0
    note = f"two axes hold {share:.0%} of the variance of {count} points fitted together"
    return _split("pca", found, points, note, found.distances)


def mds_map(gram: Gram) -> DeltaMap:
    """Classical MDS of whole deltas with their norms, one point per task.

    Source: Torgerson 1952, Psychometrika 17; scikit-learn's implementation.
    """
    places, joint = gram.grouped("model")
    squares = joint[0].diagonal()
    distances = (squares[:, None] + squares - 2 * joint[0]).clamp(min=0).sqrt().numpy()
    np.fill_diagonal(distances, 0.0)
    distances[distances < _UNMOVED * float(squares.max().sqrt())] = 0.0  # rounding, not a way
    points = _plane(distances)
    spread = np.linalg.eigvalsh(_centered(distances))[::-1].clip(min=0)
    share = spread[:2].sum() / spread.sum() if spread.sum() > 0 else 1.0
    note = f"two axes hold {share:.0%} of the spread"
    n = len(gram.tasks)
    whole = Directions("model", gram.tasks * 2, tuple(places) * 2 * n, np.empty(0))
    return _split("mds", whole, points, note, distances)


def _distinct(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of 2p points those to be laid out, and for each point which of them it is."""
    half = len(distances) // 2
    before = np.arange(half)
    unmoved = distances[before, before + half] < _UNMOVED
    kept = np.concatenate([before, before[~unmoved] + half])
    after = np.where(unmoved, before, half - 1 + np.cumsum(~unmoved))
    return kept, np.concatenate([before, after])


def _plane(distances: np.ndarray) -> np.ndarray:
    if len(distances) < 3:  # one task, before and after
        return np.array([[0.0, 0.0], [float(distances[0, -1]), 0.0]])[: len(distances)]
    from sklearn.manifold import ClassicalMDS

    return ClassicalMDS(n_components=2, metric="precomputed").fit_transform(distances)


def _centered(distances: np.ndarray) -> np.ndarray:
    center = np.eye(len(distances)) - 1 / len(distances)
    return -center @ distances**2 @ center / 2


def directions(gram: Gram) -> Directions:
    """Unit vectors by tensor, or by layer where tensors are too many; zero deltas have none."""
    many = 2 * len(gram.tasks) * len(gram.names) > MOST_POINTS
    unit = "layer" if many else "tensor"
    places, joint = gram.grouped(unit)
    count, n = len(places), len(gram.tasks)
    cosines = cosine(joint)
    inner = torch.zeros(2, count, n, 2, count, n, dtype=torch.float64)
    for g in range(count):
        inner[:, g, :, :, g, :] = cosines[g].reshape(2, n, 2, n)
    flat = inner.reshape(2 * count * n, 2 * count * n).numpy()
    kept = _moved(joint, n)
    tasks = np.array(gram.tasks * (2 * count))[kept]
    where = np.array(tuple(place for place in places for _ in range(n)) * 2)[kept]
    return Directions(unit, tuple(tasks.tolist()), tuple(where.tolist()), flat[kept][:, kept])


def _moved(joint: Tensor, n: int) -> np.ndarray:
    """``(2p,)`` whether a point's delta changes its place at all."""
    squares = joint.diagonal(dim1=-2, dim2=-1).reshape(len(joint), 2, n)
    return (squares[:, 0] > 0).flatten().repeat(2).numpy()


def _split(
    kind: str, found: Directions, points: np.ndarray, note: str, distances: np.ndarray
) -> DeltaMap:
    half = len(points) // 2
    tasks, places = found.tasks[:half], found.places[:half]
    measured = quality(distances, points, found.tasks)
    return DeltaMap(kind, found.unit, tasks, places, points[:half], points[half:], note, measured)
