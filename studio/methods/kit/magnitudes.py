"""Selection by magnitude: the k-th smallest absolute value of a stream, without sorting."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

_DIGIT = 16  # bits per pass


def kth_magnitude(stream: Callable[[], Iterable[Tensor]], k: int, dtype: torch.dtype) -> float:
    """The k-th smallest absolute value, in memory that does not depend on how many there are.

    Absolute values of floats are ordered like their bits, so counting one 16-bit digit per pass
    finds the value: two passes for float32, four for float64.

    Args:
        stream: gives the values, piece by piece; called once per pass.
        k: from 1 to the number of values; 0 gives 0.0.
        dtype: of the values: float32 or float64.
    """
    if k == 0:
        return 0.0
    width = dtype.itemsize * 8
    whole = torch.int32 if width == 32 else torch.int64
    prefix = 0
    for shift in range(width - _DIGIT, -1, -_DIGIT):
        counts = np.zeros(2**_DIGIT, dtype=np.int64)
        for values in stream():
            bits = values.abs().view(whole).numpy()
            if shift + _DIGIT < width:
                bits = bits[(bits >> (shift + _DIGIT)) == prefix]
            counts += np.bincount((bits >> shift) & 0xFFFF, minlength=2**_DIGIT)
        below = np.cumsum(counts)
        digit = int(np.searchsorted(below, k))
        k -= int(below[digit - 1]) if digit else 0
        prefix = (prefix << _DIGIT) | digit
    found = np.array([prefix], dtype=np.int32 if width == 32 else np.int64)
    return float(found.view(np.float32 if width == 32 else np.float64)[0])
