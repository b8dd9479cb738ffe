"""What a search takes of the memory, before it starts and when it was too much."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from studio.coefficients.plan import Plan
from studio.device import free_memory
from studio.errors import StudioError
from studio.merge import Merge

_FLOAT = 4
_MEMORY = re.compile("out of memory|allocate memory", re.IGNORECASE)  # torch on CUDA, MPS, CPU


def gradient_bytes(merge: Merge) -> int:
    """Bytes of one gradient of everything that the merge changes."""
    entries = merge.base.weights.entries
    return _FLOAT * sum(entries[name].numel for name in merge.deltas.names)


def refuse_too_large(merge: Merge, plan: Plan) -> None:
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
def said_in_words(plan: Plan) -> Iterator[None]:
    """Say what to do when memory runs out while the model runs.

    Raises:
        StudioError: with a number of rows at once that takes half of it.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        if isinstance(problem, RuntimeError) and not _MEMORY.search(str(problem)):
            raise
        half = plan.at_once // 2
        advice = "One row does not fit: use a device with more memory, or a smaller max_length."
        if half:
            advice = (
                f"{half} take about half of it: give --at-once {half} on the command line; the "
                "result is the same up to rounding."
            )
        raise StudioError(f"Out of memory with {plan.at_once} rows at once. {advice}") from None
