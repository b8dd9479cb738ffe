"""Running statistics of batch normalization, which are no weights: they are mixed as such.

A statistic says how the inputs of a layer are spread. Those of a merge are the mean and variance
of a mixture of the tasks' inputs: with shares ``w`` that are at least 0 and sum to 1,
``mean = sum_i w_i mean_i`` and ``var = sum_i w_i (var_i + (mean_i - mean)^2)``, the law of total
variance. So no method trims, turns or subtracts them, and no variance falls below 0.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

import torch
from torch import Tensor

from studio.errors import NotFinite

MEAN, VARIANCE = ".running_mean", ".running_var"
"""How the names of the two statistics of a layer end."""

Read = Callable[[str], Tensor]
"""One model's tensor by the base's name."""


def statistics_among(names: Iterable[str]) -> frozenset[str]:
    """Those of a model's tensors that are running statistics: mean and variance of one layer."""
    known = {*names}
    means = {name.removesuffix(MEAN) for name in known if name.endswith(MEAN)}
    paired = {layer for layer in means if layer + VARIANCE in known}
    return frozenset(layer + kind for layer in paired for kind in (MEAN, VARIANCE))


def shares(coefficients: Sequence[float]) -> list[float]:
    """The share of every task in a mixture; what is missing to 1 is the base's.

    A task that is not merged, or is subtracted, has none; coefficients that sum to more than 1
    are divided by their sum.
    """
    positive = [max(each, 0.0) for each in coefficients]
    whole = max(sum(positive), 1.0)
    return [each / whole for each in positive]


def mixed(name: str, base: Read, experts: Sequence[Read], coefficients: Sequence[float]) -> Tensor:
    """One statistic of a mixture.

    Args:
        name: of the statistic, as the base calls it.
        base: reads the base's.
        experts: read the tasks', in order.
        coefficients: of the tasks at this tensor.

    Returns:
        float64, of the statistic's shape.

    Raises:
        NotFinite: a stored statistic is not finite, or a variance below 0; names the tensor.
    """
    own = shares(coefficients)
    parts = [(1.0 - sum(own), base), *zip(own, experts, strict=True)]
    parts = [(share, read) for share, read in parts if share > 0.0]
    if name.endswith(MEAN):
        return _checked(name, _sum([share * read(name).double() for share, read in parts]))
    at = name.removesuffix(VARIANCE) + MEAN
    means = [read(at).double() for _, read in parts]
    mean = _sum([share * each for (share, _), each in zip(parts, means, strict=True)])
    spread = [
        share * (_checked(name, read(name).double()) + (each - mean).square())
        for (share, read), each in zip(parts, means, strict=True)
    ]
    return _checked(name, _sum(spread))


def _sum(values: Sequence[Tensor]) -> Tensor:
    return reduce(torch.add, values)


def _checked(name: str, values: Tensor) -> Tensor:
    if not bool(values.isfinite().all()):
        raise NotFinite(f"{name}: statistics of batch normalization hold NaN or infinity.")
    if name.endswith(VARIANCE) and values.numel() and float(values.min()) < 0:
        raise NotFinite(
            f"{name}: a variance of batch normalization is {float(values.min()):.3g}; below 0 the "
            "model answers NaN. The base or a checkpoint stores it so: save that model again."
        )
    return values
