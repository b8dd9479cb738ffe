"""Which directions of the model's hidden space each task writes to and reads from, by matrix.

Matrices of all layers of a transformer read from one hidden space or write to it, so that their
directions there can be compared from layer to layer, which entries of different tensors cannot.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from studio.geometry.maps import Directions
from studio.geometry.subspaces import is_matrix

RANK = 8  # leading directions of a matrix that are compared
_EXTRA, _ROUNDS = 8, 2
_LEAST_WIDTH = 8
_WRITES = re.compile(r"(output|o_proj|out_proj|out_lin|c_proj|proj_out|wo|\.o\.|fc2|w2|down_proj)")


@dataclass(frozen=True)
class Side:
    """The leading directions of one delta of a matrix, in the hidden space.

    Attributes:
        task: whose.
        place: name of the matrix.
        directions: ``(width, RANK)`` orthonormal.
        squares: ``(RANK,)`` squared singular values.
    """

    task: str
    place: str
    directions: Tensor
    squares: Tensor


def hidden_width(shapes: dict[str, tuple[int, ...]]) -> int:
    """The width that most matrices have on one side or both; 0 if fewer than half of them do."""
    matrices = [s for name, s in shapes.items() if is_matrix(name, s) and len(s) == 2]
    counts = Counter(width for shape in matrices for width in set(shape))
    width, times = max(counts.items(), key=lambda each: each[1], default=(0, 0))
    return width if width >= _LEAST_WIDTH and 2 * times > len(shapes) else 0


def turned(name: str, shape: tuple[int, ...], width: int) -> bool | None:
    """Whether the hidden space is that of a matrix's rows (what it reads); None if neither is."""
    if not is_matrix(name, shape) or len(shape) != 2 or width not in shape:
        return None
    if shape[0] == shape[1]:
        return not _WRITES.search(name)
    return shape[1] == width


def side_of(
    task: str, place: str, delta: Tensor, reads: bool, generator: torch.Generator
) -> Side | None:
    """The leading directions of one delta ``(out, in)``; None of a delta that is zero.

    Source: Halko, Martinsson and Tropp 2011, SIAM Review 53: a random start and two rounds of
    power iteration; exact for a low rank.
    """
    matrix = (delta.T if reads else delta).float()
    if not bool(matrix.any()):
        return None
    count = min(RANK + _EXTRA, *matrix.shape)
    start = torch.randn(matrix.shape[1], count, generator=generator)
    basis = torch.linalg.qr(matrix @ start).Q
    for _ in range(_ROUNDS):
        basis = torch.linalg.qr(matrix @ (matrix.T @ basis)).Q
    u, s, _ = torch.linalg.svd(basis.T @ matrix, full_matrices=False)
    kept = min(RANK, int((s > 1e-6 * s[0]).sum()))
    return Side(task, place, basis @ u[:, :kept], s[:kept].square())


def random_side(side: Side, generator: torch.Generator) -> Side:
    """The same strengths in directions drawn at random: the control."""
    drawn = torch.randn(*side.directions.shape, generator=generator)
    return Side(side.task, side.place, torch.linalg.qr(drawn).Q, side.squares)


def compared(before: Sequence[Side], after: Sequence[Side]) -> Directions:
    """Points whose cosine is that of what they do in the hidden space, ``U S^2 U^T``."""
    sides = [*before, *after]
    weighted = [side.directions * side.squares.sqrt() for side in sides]  # (width, r)
    widest = max(each.shape[1] for each in weighted)
    padded = [torch.nn.functional.pad(each, (0, widest - each.shape[1])) for each in weighted]
    every = torch.cat(padded, 1)  # (width, 2p r)
    inner = torch.stack(
        [(each.T @ every).square().view(widest, len(sides), widest).sum((0, 2)) for each in padded]
    )
    lengths = inner.diagonal().sqrt()
    cosines = (inner / lengths.outer(lengths)).double().numpy()
    np.fill_diagonal(cosines, 1.0)
    tasks, places = tuple(s.task for s in sides), tuple(s.place for s in sides)
    return Directions("matrix", tasks, places, (cosines + cosines.T) / 2)
