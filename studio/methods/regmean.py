"""RegMean: the linear layers that come closest to every expert on its own inputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.architecture import turned
from studio.checkpoints.deltas import DerivedDeltas
from studio.methods.contract import GRAM, Given, option
from studio.methods.kit.coefficients import refuse_negative
from studio.methods.whole import Entries, Whole

_SINGULAR = 1e-6  # least squared Cholesky pivot of unit diagonals; Grams are kept in float32
_RIDGE = 1e-5  # of the diagonal; ten times that until it is enough


@dataclass(frozen=True)
class RegMean(Whole):
    """base + scale D per linear layer, D^T = (sum_i c_i G_i)^-1 sum_i c_i G_i delta_i^T.

    G_i = X^T X / n, ``(in, in)``, of the n non-padding tokens of validation rows of task i as
    they enter the layer in expert i, its off-diagonal entries multiplied by ``off_diagonal``. D
    minimizes the squared distance to every expert's outputs on its own inputs. A task counts with
    its inputs in layers that it left alone, too. Coefficients are relative weights: the same
    factor on all of them changes nothing, and they must not be negative. transformers' Conv1D is a
    linear layer that stores D^T. All other tensors take sum_i c_i delta_i / sum_i c_i. Solved in
    float64; where the inputs of all tasks leave a direction open, a ridge of 1e-5 of the diagonal
    gives that direction the weighted mean.

    Source: Jin et al. 2023, Dataless knowledge fusion by merging weights of language models
    (arXiv 2212.09849).
    """

    name: ClassVar[str] = "regmean"
    title: ClassVar[str] = "RegMean"
    default_coefficient: ClassVar[float] = 1.0
    needs: ClassVar[str] = GRAM

    off_diagonal: float = option(
        0.95, "Multiplies the off-diagonal entries of every Gram.", low=0.0, high=1.0
    )
    rows: int = option(256, "Most validation rows per task.", low=1, high=100_000, whole=True)

    @property
    def measured_rows(self) -> int:
        """As the option says."""
        return self.rows

    def vectors(self, given: Given) -> DerivedDeltas:
        """See ``Whole.vectors``."""
        refuse_negative(given.deltas, given.coefficients, self.title)
        return super().vectors(given)

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The regression; the weighted mean where some task has no Gram."""
        assert given.measured is not None, "a merge refuses a method whose needs are not measured"
        grams: list[Tensor | None] = []
        for task, weight in zip(given.deltas.tasks, entries.weights, strict=True):
            grams.append(given.measured(task, entries.name) if weight != 0.0 else None)
        used = [weight for weight in entries.weights if weight != 0.0]
        if 0 in entries.shape or sum(each is not None for each in grams) < len(used):
            return entries.sum().div_(sum(used))
        as_stored = bool(turned(given.deltas.base, entries.name))
        found = self._regressed(entries, grams, as_stored).to(entries.dtype)
        return found.T.contiguous() if as_stored else found

    def _regressed(
        self, entries: Entries, grams: Sequence[Tensor | None], transposed: bool
    ) -> Tensor:
        """The solution ``(out, in)`` float64; ``transposed`` weights are stored as (in, out)."""
        rows, width = entries.shape[::-1] if transposed else entries.shape
        left = torch.zeros(width, width, dtype=torch.float64)
        right = torch.zeros(width, rows, dtype=torch.float64)
        for task, weight in enumerate(entries.weights):
            found = grams[task]
            if found is None:
                continue
            gram = self._scaled(found)
            left.add_(gram, alpha=weight)
            delta = entries.delta(task)  # times its coefficient
            if delta is not None:
                right.addmm_(gram, (delta if transposed else delta.T).double())

        def mean() -> Tensor:
            whole = entries.sum().div_(sum(entries.weights)).double()
            return whole if transposed else whole.T

        return _solved(left, right, mean).T

    def _scaled(self, gram: Tensor) -> Tensor:
        wide = gram.double()
        diagonal = wide.diagonal().clone()
        wide = wide * self.off_diagonal
        wide.diagonal().copy_(diagonal)
        return wide


def _solved(left: Tensor, right: Tensor, mean: Callable[[], Tensor]) -> Tensor:
    """``left^-1 right`` for a symmetric ``left``, with a ridge toward the mean if it is singular.

    All is scaled to a unit diagonal first, so that inputs of unlike size are judged alike.
    """
    diagonal = left.diagonal()
    sizes = diagonal.where(diagonal > 0, 1.0).sqrt().unsqueeze(1)  # (in, 1)
    left, right = left / sizes / sizes.T, right / sizes
    factor, failed = torch.linalg.cholesky_ex(left)
    if int(failed) or float(factor.diagonal().square().min()) < _SINGULAR:
        ridge, failed = _RIDGE / 10, torch.ones(())
        while int(failed):
            ridge *= 10
            eye = torch.eye(len(left), dtype=left.dtype)
            factor, failed = torch.linalg.cholesky_ex(left + ridge * eye)
        right = right + ridge * sizes * mean()
    return torch.cholesky_solve(right, factor) / sizes
