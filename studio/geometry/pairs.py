"""Measures of every pair of tasks, in every tensor, every layer, or over the whole model."""

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.geometry import scopes
from studio.geometry.conflict_report import TensorReport
from studio.geometry.gram import Gram, cosine
from studio.geometry.overlap import Overlap


@dataclass(frozen=True)
class Pairs:
    """One measure.

    Attributes:
        tasks: the n names.
        places: the g tensors or layers, or the model.
        values: ``(g, n, n)`` float64, symmetric; NaN where a pair has no number.
        expected: ``(g,)`` float64, what unrelated deltas would give; NaN where there is none.
    """

    tasks: tuple[str, ...]
    places: tuple[str, ...]
    values: Tensor
    expected: Tensor

    def at(self, place: str) -> Tensor:
        """``(n, n)`` of one place."""
        return self.values[self.places.index(place)]

    def only(self, places: tuple[str, ...]) -> "Pairs":
        """The same of some places."""
        index = torch.tensor([self.places.index(place) for place in places], dtype=torch.long)
        return Pairs(self.tasks, places, self.values[index], self.expected[index])


def cosines(gram: Gram, scope: str) -> Pairs:
    """Cosines of the deltas of every pair; NaN where one of them is zero."""
    places, grouped = gram.grouped(scope)
    norms = grouped.diagonal(dim1=-2, dim2=-1)
    moved = (norms > 0).unsqueeze(-1) & (norms > 0).unsqueeze(-2)
    found = cosine(grouped).where(moved, float("nan"))
    return Pairs(gram.tasks, places, found, torch.zeros(len(places), dtype=torch.float64))


def conflicts(found: dict[str, TensorReport], tasks: tuple[str, ...], scope: str) -> Pairs:
    """Share of opposite signs among the elements that both change, counted over each place."""
    groups = _grouped(found, scope)
    shares = [
        sum((each.conflict for each in parts[1:]), parts[0].conflict).share()
        for parts in groups.values()
    ]
    return Pairs(tasks, tuple(groups), _stacked(shares, len(tasks)), _filled(0.5, len(groups)))


def overlaps(
    found: dict[str, TensorReport], tasks: tuple[str, ...], scope: str, side: str
) -> Pairs:
    """Overlap of 'columns' or 'rows' spaces: means over the matrices of each place."""
    groups = _grouped(found, scope)
    values, expected = [], []
    for parts in groups.values():
        matrices = [each.overlap for each in parts if each.overlap]
        sides = [_side(each, side) for each in matrices]
        blank = torch.full((len(tasks), len(tasks)), float("nan"), dtype=torch.float64)
        values.append(torch.stack([x for x, _ in sides]).nanmean(0) if sides else blank)
        expected.append(sum(x for _, x in sides) / len(sides) if sides else float("nan"))
    random = torch.tensor(expected, dtype=torch.float64)
    return Pairs(tasks, tuple(groups), _stacked(values, len(tasks)), random)


def _side(found: Overlap, side: str) -> tuple[Tensor, float]:
    sides = {
        "columns": (found.columns, found.expected_columns),
        "rows": (found.rows, found.expected_rows),
    }
    return sides[side]


def _grouped(found: dict[str, TensorReport], scope: str) -> dict[str, list[TensorReport]]:
    groups: dict[str, list[TensorReport]] = {}
    for label, each in zip(scopes.labels(tuple(found), scope), found.values(), strict=True):
        groups.setdefault(label, []).append(each)
    return groups


def _stacked(values: list[Tensor], n: int) -> Tensor:
    return torch.stack(values) if values else torch.zeros(0, n, n, dtype=torch.float64)


def _filled(value: float, count: int) -> Tensor:
    return torch.full((count,), value, dtype=torch.float64)
