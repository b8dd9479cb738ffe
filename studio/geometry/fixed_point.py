"""Fixed-point integers: numbers as whole multiples of a power of two, whose sums are exact."""

import math

import torch
from torch import Tensor

from studio.errors import BadState, NotFinite

LARGEST = 2**63 - 1
_FIT = 2.0**62  # a rounded float64 below it is an int64, and two of them can be added


def exponent_of(largest: float) -> int:
    """The least e with ``largest < 2^e``; 0 of a tensor that is all zeros."""
    return math.frexp(largest)[1] if largest else 0


def power_of_two(exponents: Tensor) -> Tensor:
    """``2^e`` in float64, exactly; int64 ``exponents`` from -1022 to 1023."""
    return ((exponents.clamp(-1022, 1023) + 1023) << 52).view(torch.float64)


def to_units(values: Tensor, unit: int, whose: str) -> Tensor:
    """The nearest whole multiples of ``2^unit``, int64; halves go to the even one.

    Args:
        values: float64.
        unit: exponent of the unit.
        whose: tensor and task, for people.

    Raises:
        NotFinite: a value is NaN or infinite.
        BadState: a value leaves the range of the integers.
    """
    units = values * 2.0**-unit
    if not bool((units.abs() < _FIT).all()):
        bad = int((~values.isfinite()).sum())
        if bad:
            raise NotFinite(
                f"{whose}: {bad:,} of {values.numel():,} values are NaN or infinite. Look whether "
                "this expert answers its rows, save or download it again, or leave it out."
            )
        raise overflow(whose, float(values.abs().max()), unit)
    return units.round_().to(torch.int64)


def from_units(units: Tensor, unit: int) -> Tensor:
    """Whole multiples of ``2^unit`` as float64, rounded where there are more than 53 bits."""
    return units.double() * 2.0**unit


def added(total: Tensor, more: Tensor, unit: int, whose: str) -> Tensor:
    """The sum of int64 tensors, in the place of the first.

    Args:
        total: overwritten.
        more: of the same shape.
        unit: exponent of their unit.
        whose: tensor and task, for people.

    Raises:
        BadState: a sum leaves the range of the integers.
    """
    before = total.clone()
    total.add_(more)  # wraps around
    if bool((((before ^ total) & (more ^ total)) < 0).any()):
        sums = from_units(before, unit) + from_units(more, unit)
        raise overflow(whose, float(sums.abs().max()), unit)
    return total


def overflow(whose: str, size: float, unit: int) -> BadState:
    """The error for what integers of a unit do not hold."""
    most = LARGEST * 2.0**unit
    need = max(math.ceil(math.log2(max(size, 1e-300) / most)), 0) + 2
    return BadState(
        f"{whose}: the sum would reach {size:.4g}, but integers in units of 2^{unit} end at "
        f"{most:.4g}. Nothing was changed. Leave the task out, give it a smaller coefficient, or "
        f"begin a state whose units are coarser by {need} powers of two."
    )
