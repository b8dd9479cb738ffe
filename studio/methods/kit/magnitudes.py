"""Selection by magnitude: the k-th smallest absolute value of a stream, without sorting."""

from collections.abc import Callable, Iterable, Sequence

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


def kth_values(
    stream: Callable[[], Iterable[Sequence[Tensor | None]]], ks: Sequence[int], dtype: torch.dtype
) -> list[float]:
    """The k-th smallest value of each of several series, with their signs.

    Args:
        stream: gives a piece of every series at a time, None where a series has nothing there;
            called once per pass.
        ks: per series, from 1 to the number of its values; 0 gives 0.0.
        dtype: of the values: float32 or float64.
    """
    width = dtype.itemsize * 8
    kind = np.uint32 if width == 32 else np.uint64
    ranks, prefixes = list(ks), [0] * len(ks)
    for shift in range(width - _DIGIT, -1, -_DIGIT):
        counts = np.zeros((len(ks), 2**_DIGIT), dtype=np.int64)
        for pieces in stream():
            for i, values in enumerate(pieces):
                if values is None or not ks[i]:
                    continue
                bits = _ordered(values.numpy().view(kind), width)
                if shift + _DIGIT < width:
                    bits = bits[(bits >> kind(shift + _DIGIT)) == kind(prefixes[i])]
                digits = ((bits >> kind(shift)) & kind(0xFFFF)).astype(np.int64)
                counts[i] += np.bincount(digits, minlength=2**_DIGIT)
        for i in range(len(ks)):
            below = np.cumsum(counts[i])
            digit = int(np.searchsorted(below, max(ranks[i], 1)))
            ranks[i] -= int(below[digit - 1]) if digit else 0
            prefixes[i] = (prefixes[i] << _DIGIT) | min(digit, 0xFFFF)
    return [_value(p, width) if k else 0.0 for p, k in zip(prefixes, ks, strict=True)]


def _ordered(bits: np.ndarray, width: int) -> np.ndarray:
    """Bits of floats as unsigned numbers that are ordered as the floats are."""
    top = bits.dtype.type(1 << (width - 1))
    return np.where(bits & top, ~bits, bits | top)


def _value(ordered: int, width: int) -> float:
    top = 1 << (width - 1)
    bits = ordered ^ top if ordered & top else ordered ^ (2 * top - 1)
    unsigned, real = (np.uint32, np.float32) if width == 32 else (np.uint64, np.float64)
    return float(np.array([bits], dtype=unsigned).view(real)[0])
