"""Work on several tensors at once: each on one thread, serially, so threads change no bit."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


SMALL = 64  # results that may wait, where a result is small


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], waiting: int = 1
) -> Iterator[Result]:
    """Results of ``work`` in the order of the items.

    As many items are in work at a time as torch has threads, and ``waiting`` results may wait for
    a slow one before them. Every torch operation inside runs on one thread, so that no result
    depends on how many there are. An exception of one item, or of whoever consumes the results,
    drops those not begun.
    """
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "tensors", initializer=torch.set_num_threads, initargs=(1,))
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) >= threads + waiting:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # the initializer's 1 would hold for later threads
