"""How long work reports back: a share between 0 and 1 and a few words; raising stops it."""

from collections.abc import Callable

Progress = Callable[[float, str], None]


def silent(share: float, words: str) -> None:
    """Report nothing."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Progress for a piece of the work that covers ``start`` to ``stop`` of the whole."""

    def report(share: float, words: str) -> None:
        progress(start + (stop - start) * share, words)

    return report
