"""Products of matrices that have the same bits on every machine, at any number of threads."""

import math

import torch
from torch import Tensor

from studio.geometry.fixed_point import power_of_two

_EXACT = 52  # bits that a sum of products may have in float64, with one to spare


def exact_product(left: Tensor, right: Tensor) -> Tensor:
    """``left @ right`` in float64, with an error below ``k 2^-38`` of the largest entries' product.

    The rows of ``left`` and the columns of ``right`` are rounded to whole multiples of a power of
    two of their own, and cut into an upper and a lower half. The four products of halves are sums
    of whole numbers below 2^53: exact, in whatever order a library adds them. They are put
    together element by element, in one order.

    Args:
        left: ``(..., m, k)`` float64.
        right: ``(..., k, n)`` float64.

    Source: Ozaki et al. 2012, Error-free transformations of matrix multiplication, with two
    slices.
    """
    half = (_EXACT - max(left.shape[-1] - 1, 1).bit_length()) // 2
    high, low, rows = _halves(left, half, -1)
    upper, lower, columns = _halves(right, half, -2)
    total = (high @ upper).mul_(math.ldexp(1.0, half))
    total += high @ lower + low @ upper
    total = total.mul_(math.ldexp(1.0, half)).add_(low @ lower)
    return total.mul_(rows).mul_(columns)


def _halves(matrix: Tensor, half: int, along: int) -> tuple[Tensor, Tensor, Tensor]:
    """Upper and lower halves, whole numbers, and what the rows or columns are to be times."""
    largest = matrix.abs().amax(along, keepdim=True)
    exponents = torch.frexp(largest).exponent.long()  # largest < 2^exponent
    scale = exponents - 2 * half
    whole = (matrix * power_of_two(-scale)).round_()
    high = (whole * math.ldexp(1.0, -half)).floor_()
    return high, whole.sub_(high * math.ldexp(1.0, half)), power_of_two(scale)
