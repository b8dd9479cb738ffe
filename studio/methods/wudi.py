"""WUDI: the merged delta that acts least on what each task's own delta responds to."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.geometry.spectra import gram_of
from studio.geometry.subspaces import is_matrix
from studio.methods.additive import Additive, RowAdditive, Sums
from studio.methods.contract import Given, option
from studio.methods.kit.row_space import RowSpace, add_cubed, divide, energy_of, factorized
from studio.methods.whole import Entries, Whole

_LEARNING_RATE = 1e-5  # the paper's


@dataclass(frozen=True)
class Wudi(Whole):
    """base + scale tau per matrix; tau minimizes sum_i ||(tau - D_i) D_i^T||^2 / ||D_i||^2.

    D_i = c_i delta_i. The closed form solves tau (sum_i C_i) = sum_i D_i C_i with
    C_i = D_i^T D_i / ||D_i||^2; its ridge draws tau toward sum_i D_i, in units of the mean
    eigenvalue of sum_i C_i, and decides where no delta has rows. The paper instead takes a few
    hundred steps of Adam from the sum, which stay near it: its loss is higher, and that is a
    regularization of its own. Other tensors take the mean.

    Source: Cheng et al. 2025, Whoever started the interference should end it (arXiv 2503.08099).
    """

    name: ClassVar[str] = "wudi"
    title: ClassVar[str] = "WUDI"
    plainly: ClassVar[str] = (
        "Seeks one change per layer that disturbs as little as possible what each task's own "
        "change does."
    )
    default_coefficient: ClassVar[float] = 1.0
    starts_short: ClassVar[bool] = True

    solver: str = option(
        "closed",
        "The best change is computed at once, or sought in many small steps as the paper does.",
        label="how it is found",
        exactly="The exact minimum, or the paper's steps of Adam.",
        choices=("closed", "adam"),
    )
    ridge: float = option(
        1e-3,
        "How strongly the exact solution is pulled toward the plain sum of all changes.",
        label="pull to the sum",
        exactly="Closed form: pull toward the sum of the deltas.",
        low=1e-6,
        high=1e3,
    )
    steps: int = option(
        300,
        "How many small steps are made where the best change is sought in steps.",
        label="steps",
        exactly="Adam: number of steps, at the learning rate 0.00001.",
        low=1,
        whole=True,
    )

    @property
    def additive(self) -> Additive:
        """Of matrices the sums of C_i and of D_i C_i, and of all tensors that of the deltas."""
        if self.solver == "adam":
            return super().additive
        return RowAdditive(self.title, self._of_sums, is_matrix)

    def _of_sums(self, sums: Sums) -> Tensor:
        """As ``_closed``, in all inputs."""
        if not is_matrix(sums.place.name, sums.place.shape):
            return sums.deltas().mul_(self.scale / sums.tasks)
        deltas = sums.deltas_inputs_first(1)
        pull = self.ridge * sums.present / deltas.shape[1]
        left = sums.left()
        left.diagonal(dim1=-2, dim2=-1).add_(pull)
        right = sums.right().add_(deltas, alpha=pull)
        found = torch.cholesky_solve(right, torch.linalg.cholesky(left))
        return sums.place.flat(found).mul_(self.scale)

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The minimum; the mean for vectors and embedding tables."""
        if not entries.is_matrix:
            return entries.mean()
        return self._iterated(entries) if self.solver == "adam" else self._closed(entries)

    def _closed(self, entries: Entries) -> Tensor:
        rows = RowSpace.of(entries)
        pull = self.ridge * len(entries.present) / entries.shape[1]  # every C_i has trace 1
        right = torch.zeros(entries.shape[0], rows.width, dtype=torch.float64)
        for task in entries.present:
            delta = rows.delta(task)
            right.add_(delta, alpha=pull)
            if energy := energy_of(delta):
                add_cubed(right, delta, 1 / energy)
            del delta
        left = torch.eye(rows.width, dtype=torch.float64).mul_(pull)
        for (
            task
        ) in entries.present:  # again, so that both sides' products are not in memory at once
            delta = rows.delta(task)
            if energy := energy_of(delta):
                gram_of(delta, left, 1 / energy)
            del delta
        return rows.dense(divide(right, factorized(left)))

    def _iterated(self, entries: Entries) -> Tensor:
        tau, rows = entries.sum(), RowSpace(entries, None)
        left = torch.zeros(rows.width, rows.width, dtype=tau.dtype)
        right, present = torch.zeros_like(tau), 0
        for task in entries.present:
            delta = rows.delta(task)
            if energy := energy_of(delta):
                add_cubed(right, delta, 1 / energy)
                left.addmm_(delta.T, delta, alpha=1 / energy)
                present += 1
            del delta
        if present < 2:
            return tau  # it is the minimum; steps would only amplify rounding errors
        adam = torch.optim.Adam([tau], lr=_LEARNING_RATE)
        for _ in range(self.steps):
            tau.grad = torch.addmm(right, tau, left, beta=-2.0, alpha=2.0)
            adam.step()
        return tau.detach()
