"""Spectral WUDI: the least-interference change, sought only where the deltas' rows are strong."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.geometry.spectra import gram_of
from studio.geometry.subspaces import is_matrix
from studio.methods.additive import RowAdditive, Sums
from studio.methods.contract import Given, option
from studio.methods.kit.row_space import RowSpace, add_cubed, energy_of
from studio.methods.whole import Entries, Whole

_LEAST = 1e-8  # the reference's least eigenvalue


@dataclass(frozen=True)
class AsWudi(Whole):
    """base + scale (S - S V f V^T + M V (f / l) V^T) per matrix, with S = sum_i D_i or their mean.

    D_i = c_i delta_i, M = sum_i D_i C_i, C_i = D_i^T D_i / ||D_i||^2, and V diag(l) V^T is the
    eigendecomposition of sum_i C_i. Where f is 1 the result is WUDI's minimum, where f is 0 the
    sum stands. ``participation`` (ASWUDI) has f = 1 on the leading K directions,
    K = ceil((sum sqrt l)^2 / sum l); ``decay`` (SWUDI) has f = 1 - exp(-time l) on the leading
    ``kept`` share of all directions, which is what so many steps of descent would reach. Nothing
    of a low-rank delta is made dense: all is in an orthonormal basis of the stacked factors.
    Other tensors take the mean. On LoRA deltas the sum is several times too long: the source
    takes coefficients of 0.1 to 0.3 for five language models, and 1 for vision models.

    Source: Wei et al. 2026, SWUDI and ASWUDI in the authors' code beside WUDI (arXiv 2503.08099).
    """

    name: ClassVar[str] = "aswudi"
    title: ClassVar[str] = "Spectral WUDI"
    plainly: ClassVar[str] = (
        "As WUDI, but only along the directions that the changes really use, and leaves the rest "
        "of their sum alone."
    )
    default_coefficient: ClassVar[float] = 1.0
    starts_short: ClassVar[bool] = True

    filter: str = option(
        "participation",
        "Which directions are worked on: as many as really take part, or all, the weak ones less.",
        label="directions worked on",
        exactly="A cut at the participation ratio of sqrt l (ASWUDI), or 1 - exp(-time l) (SWUDI).",
        choices=("participation", "decay"),
    )
    start: str = option(
        "sum",
        "What stands in all other directions: the sum of the changes, or their mean.",
        label="what stands elsewhere",
        exactly="S: the sum of the weighted deltas, or the sum divided by n.",
        choices=("sum", "mean"),
    )
    time: float = option(
        1300.0,
        "How long weak directions are worked on, where all of them are.",
        label="time",
        exactly="Decay: the time t in 1 - exp(-t l).",
        low=0.0,
        high=1e9,
    )
    kept: float = option(
        0.65,
        "How many of all directions are worked on at most, where weak ones are worked on less.",
        label="share worked on",
        exactly="Decay: the share of the input dimensions beyond which f is 0.",
        low=0.0,
        high=1.0,
    )

    @property
    def additive(self) -> RowAdditive:
        """Of matrices the sums of C_i and of D_i C_i, and of all tensors that of the deltas."""
        return RowAdditive(self.title, self._of_sums, is_matrix)

    def _of_sums(self, sums: Sums) -> Tensor:
        """As ``change``, in all inputs."""
        if not is_matrix(sums.place.name, sums.place.shape):
            return sums.deltas().mul_(self.scale / sums.tasks)
        found = sums.deltas_inputs_first(1)[0]  # (in, out)
        found = found if self.start == "sum" else found / sums.tasks
        values, vectors = torch.linalg.eigh(sums.left()[0])
        values, vectors = values.flip(0).clamp(min=_LEAST), vectors.flip(1)
        share = self._filtered(values, len(values))
        vectors, values = vectors[:, : len(share)], values[: len(share)]
        step = (vectors.T @ sums.right()[0]) / values.unsqueeze(1) - vectors.T @ found
        found = found + vectors @ (step * share.unsqueeze(1))
        return sums.place.flat(found.unsqueeze(0)).mul_(self.scale)

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The filtered minimum; the mean for vectors and embedding tables."""
        if not entries.is_matrix:
            return entries.mean()
        rows = RowSpace.of(entries)
        found = torch.zeros(entries.shape[0], rows.width, dtype=torch.float64)  # S
        pulled = torch.zeros_like(found)  # M
        gram = torch.zeros(rows.width, rows.width, dtype=torch.float64)
        for task in entries.present:
            delta = rows.delta(task)
            found.add_(delta, alpha=1.0 if self.start == "sum" else 1 / len(entries))
            if energy := energy_of(delta):
                add_cubed(pulled, delta, 1 / energy)
                gram_of(delta, gram, 1 / energy)
            del delta
        values, vectors = torch.linalg.eigh(gram)
        values, vectors = values.flip(0).clamp(min=_LEAST), vectors.flip(1)
        share = self._filtered(values, entries.shape[1])
        vectors = vectors[:, : len(share)]
        step = (pulled @ vectors) / values[: len(share)] - found @ vectors
        return rows.dense(found.addmm_(step * share, vectors.T))

    def _filtered(self, values: Tensor, width: int) -> Tensor:
        """``(K,)`` f on the leading eigenvalues, those of all ``width`` inputs being falling."""
        if self.filter == "decay":
            count = min(math.ceil(self.kept * width), len(values))
            return -torch.expm1(-self.time * values[:count])
        idle = width - len(values)  # inputs that no factor reaches, at the least eigenvalue
        roots = float(values.sqrt().sum()) + idle * math.sqrt(_LEAST)
        count = math.ceil(roots**2 / (float(values.sum()) + idle * _LEAST) - 1e-9)
        return torch.ones(min(count, len(values)), dtype=values.dtype)
