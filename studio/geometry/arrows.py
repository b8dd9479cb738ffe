"""Tasks as arrows from the base in a plane: what shares a direction stands close together."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from studio.geometry.gram import Gram

_ROUNDS = 300
_FIRM = 20.0  # weight of the lengths, which a reader measures by eye
_LOOSE = 0.05  # weight of staying near before, where nothing else holds before and after together


@dataclass(frozen=True)
class Arrows:
    """Deltas and their components as tips in a plane whose origin is the base.

    Every delta has the length 1 and its component what is left of it; the distances between tips,
    and from the base, are kept as far as a plane can.

    Attributes:
        tasks: the n names.
        before: ``(n, 2)`` tips of the raw deltas.
        after: ``(n, 2)`` tips of the components; None where there is none per task.
        share: 0 to 1, how much of the squared distances the plane keeps: 1 - stress.
        joined: whether distances from before to after are kept, too; else the tips after are only
            laid near those before.
    """

    tasks: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray | None
    share: float
    joined: bool


def arrows(before: Gram, after: Gram | None, joint: Tensor | None) -> Arrows:
    """The arrows of n deltas.

    Args:
        before: inner products of the deltas.
        after: of their components, or None.
        joint: ``(2n, 2n)`` inner products over the whole model of the deltas followed by their
            components, or None where they are not known.

    Source: de Leeuw 1977, SMACOF, from a start in which tasks that share stand side by side.
    """
    inner, weights = _joined(before, after, joint)
    weights[0, :] = weights[:, 0] = _FIRM
    n, distances = len(before.tasks), _distances(inner)
    start = _around(before.cosine().numpy())
    both = start if after is None else np.concatenate([start, start])
    points = _least_stress(np.concatenate([np.zeros((1, 2)), both]), distances, weights)
    points = _upright(points - points[0])
    gaps = np.linalg.norm(points[:, None] - points, axis=2)
    known = weights >= 1
    whole = float((distances[known] ** 2).sum())
    lost = float(((gaps - distances)[known] ** 2).sum()) / whole if whole > 0 else 0.0
    tips = None if after is None else points[n + 1 :]
    return Arrows(before.tasks, points[1 : n + 1], tips, 1 - lost, joint is not None)


def _joined(
    before: Gram, after: Gram | None, joint: Tensor | None
) -> tuple[np.ndarray, np.ndarray]:
    """Inner products of the unit deltas and what is left of them; weights with the base first."""
    n, raw = len(before.tasks), before.total().numpy()
    scale = 1 / np.sqrt(raw.diagonal().clip(min=1e-300))
    if after is None:
        return raw * np.outer(scale, scale), np.ones((n + 1, n + 1))
    twice, weights = np.tile(scale, 2), np.ones((2 * n + 1, 2 * n + 1))
    if joint is not None:
        return joint.numpy() * np.outer(twice, twice), weights
    inner, apart = np.zeros((2 * n, 2 * n)), np.zeros((n, n))
    inner[:n, :n], inner[n:, n:] = raw, after.total().numpy()
    inner *= np.outer(twice, twice)
    own = np.arange(n)
    apart[own, own] = _LOOSE
    weights[1 : n + 1, n + 1 :], weights[n + 1 :, 1 : n + 1] = apart, apart
    inner[own, own + n] = inner[own + n, own] = (inner[own, own] + inner[own + n, own + n]) / 2
    return inner, weights


def _distances(inner: np.ndarray) -> np.ndarray:
    """``(m + 1, m + 1)`` between the base, which comes first, and m vectors."""
    bare = np.pad(inner, ((1, 0), (1, 0)))
    squares = bare.diagonal()
    found = np.sqrt((squares[:, None] + squares - 2 * bare).clip(min=0))
    np.fill_diagonal(found, 0.0)
    return found


def _around(cosine: np.ndarray) -> np.ndarray:
    """``(n, 2)`` a circle on which each task is followed by the one that shares most with it."""
    n, order = len(cosine), [0]
    while len(order) < n:
        left = [i for i in range(n) if i not in order]
        order.append(max(left, key=lambda i: cosine[order[-1], i]))
    turns = np.empty(n)
    turns[order] = 2 * np.pi * np.arange(n) / max(n, 3)
    return np.stack([np.cos(turns), np.sin(turns)], 1)


def _least_stress(points: np.ndarray, distances: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Guttman's transform, again and again."""
    weights = weights - np.diag(weights.diagonal())
    inverse = np.linalg.pinv(np.diag(weights.sum(1)) - weights)
    for _ in range(_ROUNDS):
        gaps = np.linalg.norm(points[:, None] - points, axis=2)
        pull = weights * np.where(gaps > 1e-9, distances / gaps.clip(min=1e-9), 0.0)
        points = inverse @ ((np.diag(pull.sum(1)) - pull) @ points)
    return points


def _upright(points: np.ndarray) -> np.ndarray:
    """Turned so that the first task's arrow points right and a little up."""
    if len(points) < 2:
        return points
    turn = np.pi / 6 - np.arctan2(points[1, 1], points[1, 0])
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return points @ turned
