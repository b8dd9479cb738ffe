"""The quick pass in bfloat16, where that is faster: precision and threads, by timing a batch."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

FULL_PRECISION = torch.float32
_QUICK = torch.bfloat16
_WORTH = 0.75  # of the exact time: a quick pass that takes longer is not worth a second pass
_REPEATS = 3


@dataclass(frozen=True)
class Pace:
    """Precision of a first pass over the rows, and threads by precision.

    Attributes:
        quick: bfloat16 where that is faster; float32 if nothing is, and then there is one pass.
        threads: that torch shall use; as many as it does already for a precision that is missing.
        seconds: of one batch by precision and threads, as they were measured.
    """

    quick: torch.dtype = FULL_PRECISION
    threads: Mapping[torch.dtype, int] = field(default_factory=dict)
    seconds: Mapping[tuple[torch.dtype, int], float] = field(default_factory=dict)


def measured_pace(run: Callable[[torch.dtype], object], device: torch.device) -> Pace:
    """Time a batch in each precision, on a CPU with one thread and with all.

    Args:
        run: runs a batch in a precision and waits for its result.
        device: it runs on.
    """
    most = torch.get_num_threads()
    counts = sorted({1, most}) if device.type == "cpu" else [most]
    seconds = {}
    for dtype in (FULL_PRECISION, _QUICK):
        for count in counts:
            with using_threads(count):
                run(dtype)  # the first one also chooses kernels
                seconds[dtype, count] = min(_timed(run, dtype) for _ in range(_REPEATS))
    threads = {
        dtype: min(counts, key=lambda count: seconds[dtype, count])
        for dtype in (FULL_PRECISION, _QUICK)
    }
    exact, quick = (seconds[dtype, threads[dtype]] for dtype in (FULL_PRECISION, _QUICK))
    return Pace(_QUICK if quick <= _WORTH * exact else FULL_PRECISION, threads, seconds)


@contextmanager
def using_threads(count: int | None) -> Iterator[None]:
    """Let torch use this many threads for a while; None changes nothing."""
    before = torch.get_num_threads()
    if count is None or count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _timed(run: Callable[[torch.dtype], object], dtype: torch.dtype) -> float:
    start = time.perf_counter()
    run(dtype)
    return time.perf_counter() - start
