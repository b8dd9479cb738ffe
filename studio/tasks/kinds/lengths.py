"""How long a row may be in tokens: what is usual, what a model can read, how much is cut."""

from collections.abc import Mapping

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadData, BadZoo
from studio.tasks.pretrained import longest_of

LONGEST = 512
"""Tokens of a row, if the zoo does not say and the model has as many positions."""


def length_of(entry: Mapping[str, object], where: str) -> int | None:
    """The ``max_length`` of an entry of the zoo file; None if it names none.

    Raises:
        BadZoo: it is no whole number from 2.
    """
    length = entry.get("max_length")
    if length is None and "max_length" not in entry:
        return None
    if type(length) is not int or not 2 <= length <= 1_000_000:
        raise BadZoo(
            f"{where} has max_length {length!r}; it must be a whole number from 2, since the "
            "first token is not predicted."
        )
    return length


def usual_length(base: Checkpoint) -> int:
    """Tokens of a row where the zoo does not say: the model's positions, at most 512."""
    return min(longest_of(base) or LONGEST, LONGEST)


def refuse_longer(task: str, asked: int | None, longest: int | None) -> None:
    """Refuse rows that may be longer than a model has positions for; None is no limit.

    Raises:
        BadData: with both numbers.
    """
    if longest is not None and asked is not None and asked > longest:
        raise BadData(
            f"'{task}' has max_length {asked}, but the model reads at most {longest} "
            "tokens. Lower max_length in the zoo file."
        )


def cut_remark(cut: list[int], length: int) -> str:
    """How many of some rows are cut, as a sentence; empty if none is.

    Args:
        cut: tokens of each row that did not fit.
        length: tokens that a row may have.
    """
    longer = [each for each in cut if each]
    if not longer:
        return ""
    return (
        f"{len(longer):,} of {len(cut):,} rows are longer than max_length {length} and are cut; "
        f"{sum(longer):,} tokens are left out."
    )
