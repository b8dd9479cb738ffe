"""A layer fitted to its experts in closed form: sums over rows, one task after another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from studio.errors import NotFinite
from studio.measure.unfolded import CONVOLUTIONS, LINEAR, patches
from studio.recipe import Calibrate

FITTED = (*LINEAR, *CONVOLUTIONS, nn.LayerNorm)
"""The layers that have a closed form."""
WEIGHT, BIAS = "weight", "bias"
_MOST = 2.2  # times the length of a mix that a weight is pulled to, at most


@dataclass(frozen=True)
class Fed:
    """What enters a layer in one batch, twice.

    Attributes:
        student: of the model that is calibrated.
        teacher: of the task's expert, of the same shape.
        real: ``(rows, positions)`` true where there is more than padding; None for everywhere.
    """

    student: Tensor
    teacher: Tensor
    real: Tensor | None


@dataclass(frozen=True)
class Products:
    """Sums over what enters a layer, divided by their number; float64.

    Attributes:
        own: ``(groups, in, in)`` E[x_s x_s^T].
        cross: ``(groups, in, in)`` E[x_s x_t^T].
        mean_own: ``(groups, in)`` E[x_s].
        mean_target: ``(groups, in)`` E[x_t].
    """

    own: Tensor
    cross: Tensor
    mean_own: Tensor
    mean_target: Tensor


class Fit(Protocol):
    """Collects what one layer needs of every task, and solves for it."""

    def add(self, products: Products, expert: Mapping[str, Tensor]) -> None:
        """Add a task: what was measured of its rows, and its expert's tensors of the layer."""
        ...

    def solved(self) -> dict[str, Tensor]:
        """The layer's calibrated tensors, float64, by their own names."""
        ...


def products_of(layer: nn.Module, pairs: Sequence[Fed], share: float) -> Products:
    """Sums over the batches of one task.

    Products are added in float32 within a batch and in float64 across batches.

    Args:
        layer: one of ``FITTED``.
        pairs: its batches, at least one.
        share: of the expert's input in the target ``x_t = share x_e + (1 - share) x_s``.
    """
    own = cross = mean_own = mean_expert = torch.zeros(())
    own, cross = own.double(), cross.double()
    mean_own, mean_expert, count = mean_own.double(), mean_expert.double(), 0
    for pair in pairs:
        both = (_rows(layer, x, pair.real) for x in (pair.student, pair.teacher))
        for student, teacher in zip(*both, strict=True):
            own = own + _product(layer, student, student)
            cross = cross + _product(layer, student, teacher)
            mean_own = mean_own + student.sum(-2, dtype=torch.float64)
            mean_expert = mean_expert + teacher.sum(-2, dtype=torch.float64)
            count += student.shape[-2]
    own, mean_own = own / count, mean_own / count
    target = share * mean_expert / count + (1 - share) * mean_own
    return Products(own, share * cross / count + (1 - share) * own, mean_own, target)


def fit_of(layer: nn.Module, merged: Mapping[str, Tensor], base: Mapping[str, Tensor],
           options: Calibrate, name: str) -> Fit:  # fmt: skip
    """What solves for a layer.

    Args:
        layer: one of ``FITTED``.
        merged: the layer's tensors in the mix, by their own names.
        base: the same of the base.
        options: of the calibration.
        name: of the layer, for people.
    """
    anchor = _Anchor(merged, base, options.length)
    if isinstance(layer, nn.LayerNorm):
        return _Affine(anchor, options.pull)
    return _Linear(layer, anchor, options.pull, name)


class _Anchor:
    """What a layer is pulled to: the mix, made longer where it is shorter than its experts.

    Args:
        merged: tensors of the mix.
        base: of the base.
        length: how many times the mix's change is taken; None for as many times as the sum of
            the experts' changes is longer than the mix's along it, from 1 to 2.2.
    """

    def __init__(
        self, merged: Mapping[str, Tensor], base: Mapping[str, Tensor], length: float | None
    ) -> None:
        self.merged = {name: x.double() for name, x in merged.items()}
        self._base = {name: x.double() for name, x in base.items()}
        self._length = length
        self._sum = {name: torch.zeros_like(x) for name, x in self.merged.items()}

    def add(self, expert: Mapping[str, Tensor]) -> None:
        """Add one more expert to the sum."""
        for name, total in self._sum.items():
            total.add_(expert[name].double() - self._base[name])

    def of(self, name: str) -> Tensor:
        """The anchor of one tensor, float64."""
        base, length = self._base[name], self._length
        change = self.merged[name] - base
        if length is None:
            whole = self._sum[name]
            along = float((whole * change).sum())
            length = min(max(float(whole.square().sum()) / along, 1.0), _MOST) if along > 0 else 1.0
        return base + length * change


class _Linear:
    """A linear layer or a convolution; see ``calibrated`` for the equations."""

    def __init__(self, layer: nn.Module, anchor: _Anchor, pull: float, name: str) -> None:
        self._layer, self._anchor, self._pull, self._name = layer, anchor, pull, name
        self._left = self._right = self._mean = self._shift = self._sum = torch.zeros(())

    def add(self, products: Products, expert: Mapping[str, Tensor]) -> None:
        """See ``Fit``."""
        self._anchor.add(expert)
        size = products.own.norm(dim=(-2, -1), keepdim=True)
        weigh = torch.where(size > 0, 1 / size, 0.0)
        weight = self._flat(expert[WEIGHT].double())
        self._left = self._left + weigh * products.own
        self._right = self._right + weigh * products.cross @ weight.mT
        self._sum = self._sum + weigh
        self._mean = self._mean + weigh[..., 0] * products.mean_own
        target = (weight @ products.mean_target.unsqueeze(-1)).squeeze(-1)  # (groups, out)
        if BIAS in expert:
            target = target + expert[BIAS].double().view(target.shape)
        self._shift = self._shift + weigh[..., 0] * target

    def solved(self) -> dict[str, Tensor]:
        """See ``Fit``."""
        anchor = self._flat(self._anchor.of(WEIGHT))
        eye = torch.eye(anchor.shape[-1], dtype=torch.float64)
        factor, failed = torch.linalg.cholesky_ex(self._left + self._pull * eye)
        if bool(failed.any()) or not bool(factor.isfinite().all()):
            raise NotFinite(
                f"{self._name}: what enters this layer of the mix cannot be fitted: its products "
                "hold NaN or infinity. Choose smaller coefficients, or leave 'calibrate' out."
            )
        right = self._right + self._pull * anchor.mT
        weight = torch.cholesky_solve(right, factor).mT  # (groups, out, in)
        found = {WEIGHT: self._whole(weight)}
        if BIAS in self._anchor.merged:
            known = self._anchor.of(BIAS).view(self._shift.shape)
            shift = self._shift - (weight @ self._mean.unsqueeze(-1)).squeeze(-1)
            bias = (shift + self._pull * known) / (self._sum[..., 0] + self._pull)
            found[BIAS] = bias.flatten()
        return found

    def _flat(self, weight: Tensor) -> Tensor:
        """A weight as ``(groups, out, in)``."""
        if isinstance(self._layer, Conv1D):
            return weight.T.unsqueeze(0)
        groups = self._layer.groups if isinstance(self._layer, CONVOLUTIONS) else 1
        return weight.reshape(groups, weight.shape[0] // groups, -1)

    def _whole(self, flat: Tensor) -> Tensor:
        """The other way round."""
        shape = self._anchor.merged[WEIGHT].shape
        return flat[0].T if isinstance(self._layer, Conv1D) else flat.reshape(shape)


class _Affine:
    """Gain and bias of a LayerNorm: two numbers per channel, from two equations."""

    def __init__(self, anchor: _Anchor, pull: float) -> None:
        self._anchor, self._pull = anchor, pull
        self._square = self._mean = self._with_input = self._alone = torch.zeros(())
        self._count = 0

    def add(self, products: Products, expert: Mapping[str, Tensor]) -> None:
        """See ``Fit``."""
        self._anchor.add(expert)
        gain, mean = expert[WEIGHT].double(), products.mean_own[0]
        bias = expert[BIAS].double() if BIAS in expert else torch.zeros_like(gain)
        self._square = self._square + products.own[0]
        self._mean = self._mean + mean
        self._with_input = self._with_input + gain * products.cross[0] + bias * mean
        self._alone = self._alone + gain * products.mean_target[0] + bias
        self._count += 1

    def solved(self) -> dict[str, Tensor]:
        """See ``Fit``."""
        square, gain = self._square + self._pull, self._anchor.of(WEIGHT)
        first = self._with_input + self._pull * gain
        if BIAS not in self._anchor.merged:
            return {WEIGHT: first / square}
        bias = self._anchor.of(BIAS)
        second, count = self._alone + self._pull * bias, self._count + self._pull
        determinant = square * count - self._mean.square()
        return {
            WEIGHT: (first * count - second * self._mean) / determinant,
            BIAS: (second * square - first * self._mean) / determinant,
        }


def _rows(layer: nn.Module, states: Tensor, real: Tensor | None) -> Iterator[Tensor]:
    """What a layer's weight multiplies, in pieces of ``(groups, rows, in)`` float32."""
    states = states.float()
    if isinstance(layer, CONVOLUTIONS):
        single = states.dim() == len(layer.kernel_size) + 1
        for one in (states,) if single else states:
            yield patches(layer, one)
        return
    if isinstance(layer, nn.LayerNorm):
        states = functional.layer_norm(states, layer.normalized_shape, eps=layer.eps)
    if real is not None and states.dim() > 2 and states.shape[:2] == real.shape:
        states = states[real]
    yield states.reshape(1, -1, states.shape[-1])


def _product(layer: nn.Module, one: Tensor, other: Tensor) -> Tensor:
    """Sums of products over rows; of a LayerNorm, of every channel with itself alone."""
    if isinstance(layer, nn.LayerNorm):
        return (one * other).sum(-2, dtype=torch.float64)
    return (one.mT @ other).double()
