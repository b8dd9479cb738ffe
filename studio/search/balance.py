"""How the losses of several tasks become one: uniform, adaptive, minimax, uncertainty."""

from dataclasses import dataclass

import torch
from torch import Tensor

BALANCES = ("uniform", "adaptive", "minimax", "uncertainty")
_FLOOR = 0.05  # of the base's loss: an expert that gains less would make any change look large
_MEMORY = 0.9  # of the running mean that weights follow
_SMALLEST = 1e-6  # of a unit
_SURE = 0.01  # nats; a loss below counts as this where its logarithm is taken


@dataclass(frozen=True)
class Scale:
    """What losses are measured by: 0 is the expert's loss, 1 the base's.

    Attributes:
        expert: ``(n,)`` loss of each task's own expert.
        base: ``(n,)`` loss of the untouched base.
    """

    expert: Tensor
    base: Tensor

    @property
    def unit(self) -> Tensor:
        """``(n,)`` the gain that the expert brings, or 5 % of the base's loss if that is more."""
        return torch.maximum(self.base - self.expert, _FLOOR * self.base).clamp(min=_SMALLEST)

    def lost(self, losses: Tensor) -> Tensor:
        """``(n,)`` the share of each expert's gain that is lost."""
        return (losses - self.expert) / self.unit


class Balance:
    """Weights of the tasks that follow what was seen, and one value to compare models by.

    - uniform: the mean of the losses.
    - adaptive: losses as shares of each expert's gain lost, ``l_i = (L_i - L_i(expert)) /
      max(L_i(base) - L_i(expert), 0.05 L_i(base))``, weighted by ``softmax(l)``.
    - minimax: the largest of these shares.
    - uncertainty: the mean of ``log L_i``, which is ``exp(-s_i) L_i + s_i`` at its best ``s_i``,
      with losses of at least 0.01: a task that is always right would outweigh all others.

    Args:
        kind: one of ``BALANCES``.
        scale: of the losses.

    Source: MDM-OC, Eq. 14 (adaptive balancing); for uncertainty, Kendall, Gal and Cipolla 2018
    (arXiv 1705.07115), Eq. 10, with the variances at their optimum.
    """

    def __init__(self, kind: str, scale: Scale) -> None:
        self.kind = kind
        self.scale = scale
        self._mean = self._seen(scale.base)

    def begin(self, losses: Tensor) -> None:
        """Start from ``(n,)`` losses: those where the search starts."""
        self._mean = self._seen(losses)

    def slopes(self) -> Tensor:
        """``(n,)`` derivative of the value by each loss, at the running mean; not yet updated."""
        n = len(self._mean)
        if self.kind == "uniform":
            return torch.full((n,), 1.0 / n, dtype=torch.float64)
        if self.kind == "uncertainty":
            return 1.0 / (n * self._mean.clamp(min=_SURE))
        weights = self._mean.softmax(0)
        if self.kind == "minimax":
            weights = torch.nn.functional.one_hot(self._mean.argmax(), n).double()
        return weights / self.scale.unit

    def see(self, losses: Tensor) -> None:
        """Let the weights follow the losses of a batch."""
        self._mean = _MEMORY * self._mean + (1 - _MEMORY) * self._seen(losses)

    def value(self, losses: Tensor) -> float:
        """What is to be small: the same function of the losses at every step."""
        if self.kind == "uniform":
            return float(losses.mean())
        if self.kind == "uncertainty":
            return float(losses.clamp(min=_SURE).log().mean())
        lost = self.scale.lost(losses)
        if self.kind == "minimax":
            return float(lost.max())
        return float((lost.softmax(0) * lost).sum())

    def _seen(self, losses: Tensor) -> Tensor:
        return losses if self.kind in ("uniform", "uncertainty") else self.scale.lost(losses)
