"""What a search takes of the memory, before it starts and when it was too much."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import clear_frames

from studio.device import free_memory
from studio.errors import Remedy, StudioError
from studio.merge import Merge
from studio.search.plan import SearchPlan

_FLOAT = 4
_MEMORY = re.compile("out of memory|allocate memory", re.IGNORECASE)  # torch on CUDA, MPS, CPU


def gradient_bytes(merge: Merge) -> int:
    """Bytes of one gradient of everything that the merge changes."""
    entries = merge.base.weights.entries
    return _FLOAT * sum(entries[name].numel for name in merge.deltas.names)


def refuse_too_large(merge: Merge, plan: SearchPlan) -> None:
    """Refuse a gradient for which there is no memory; values alone may still fit.

    Raises:
        StudioError: with the bytes that are needed and free.
    """
    if plan.optimizer != "adam":
        return
    needed, free = gradient_bytes(merge), free_memory()
    if needed > free:
        raise StudioError(
            f"Adam needs {needed / 2**30:.1f} GiB for one gradient of what the merge changes, and "
            f"{free / 2**30:.1f} GiB are free. CMA-ES needs no gradients and would fit."
        )


@contextmanager
def said_in_words(plan: SearchPlan, tried: Callable[[int], None], smaller: str) -> Iterator[None]:
    """Say what would fit when memory runs out while the model runs.

    Args:
        plan: of the search.
        tried: runs so many rows at once as the search does, the longest that there are.
        smaller: what to set so that a row takes less.

    Raises:
        StudioError: with the number of rows at once that went through when tried.
    """
    try:
        yield
        return
    except (MemoryError, RuntimeError) as problem:
        if not _ran_out(problem):
            raise
        clear_frames(problem.__traceback__)  # which hold the tensors that were too many
    problem = f"Out of memory with {plan.at_once} rows at once."
    if fitting := _fitting(plan.at_once // 2, tried):
        fits = f"{fitting} of the longest {'fit' if fitting > 1 else 'fits'}, it was tried:"
        raise StudioError(f"{problem} {fits}", Remedy.FEWER_AT_ONCE, fitting)
    raise StudioError(
        f"{problem} Not even one row fits: use a device with more memory, or {smaller}."
    )


def _fitting(rows: int, tried: Callable[[int], None]) -> int:
    """How many rows go through, halving until they do; 0 if none."""
    while rows:
        try:
            tried(rows)
            return rows
        except (MemoryError, RuntimeError) as problem:
            if not _ran_out(problem):
                raise
            clear_frames(problem.__traceback__)
        rows //= 2
    return 0


def _ran_out(problem: Exception) -> bool:
    return isinstance(problem, MemoryError) or bool(_MEMORY.search(str(problem)))
