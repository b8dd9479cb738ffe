"""The directions in which a search moves: those that change next to nothing are left out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.geometry.gram import Gram
from studio.search.space import Space

NEGLIGIBLE = 1e-3
"""Share of the squared norm of all that can change which the directions left out may carry."""


@dataclass(frozen=True)
class Directions:
    """Orthonormal directions of the free coefficients, group by group.

    Attributes:
        size: p free coefficients.
        blocks: per group the indices of its m coefficients, and ``(m, k)`` columns; a group of
            which nothing is left out has its own coefficients as directions.
    """

    size: int
    blocks: tuple[tuple[Tensor, Tensor], ...]

    def __len__(self) -> int:
        return sum(columns.shape[1] for _, columns in self.blocks)

    @property
    def plain(self) -> bool:
        """Whether every direction is one coefficient."""
        return len(self) == self.size

    def step(self, moved: Tensor) -> Tensor:
        """``(p,)`` change of the free coefficients, of ``(k,)`` along the directions."""
        change, at = torch.zeros(self.size, dtype=torch.float64), 0
        for places, columns in self.blocks:
            change[places] = columns @ moved[at : at + columns.shape[1]]
            at += columns.shape[1]
        return change

    def slope(self, slope: Tensor) -> Tensor:
        """``(k,)`` derivatives along the directions, of ``(p,)`` by the free coefficients."""
        return torch.cat([columns.T @ slope[places] for places, columns in self.blocks])


def all_directions(free: Space) -> Directions:
    """Every free coefficient is a direction."""
    every = torch.arange(len(free))
    return Directions(len(free), ((every, torch.eye(len(free), dtype=torch.float64)),))


def directions(free: Space, components: Gram) -> Directions:
    """The directions that count.

    In every group the Gram of its components has an eigenvalue per direction: the squared norm of
    what a unit step along it adds to the weights. The smallest are left out as long as they carry,
    all groups together, at most ``NEGLIGIBLE`` of the sum.

    Args:
        free: p coefficients.
        components: ``(T, n, n)`` inner products of the components.
    """
    labels, blocks = components.grouped(free.scope)
    members: dict[str, list[int]] = {label: [] for label in labels}
    for k, (_, label) in enumerate(free.places):
        members[label].append(k)
    spectra = []
    for label, block in zip(labels, blocks, strict=True):
        tasks = [free.places[k][0] for k in members[label]]
        spectra.append(torch.linalg.eigh(block[tasks][:, tasks]))
    held = _negligible([values.clamp(min=0).tolist() for values, _ in spectra])
    made = []
    for places, (_, vectors), left_out in zip(members.values(), spectra, held, strict=True):
        columns = vectors[:, left_out:] if left_out else torch.eye(len(places)).double()
        made.append((torch.tensor(places, dtype=torch.long), columns))
    return Directions(len(free), tuple(made))


def _negligible(spectra: Sequence[Sequence[float]]) -> list[int]:
    """Per group how many of its values, which rise, are among those that together are next to 0.

    The largest of all always counts.
    """
    every = sorted((value, group) for group, values in enumerate(spectra) for value in values)
    total, carried = math.fsum(value for value, _ in every), 0.0
    counts = [0] * len(spectra)
    for value, group in every[:-1]:
        carried += value
        if carried > NEGLIGIBLE * total:
            break
        counts[group] += 1
    return counts
