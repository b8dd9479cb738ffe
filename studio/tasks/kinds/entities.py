"""Entities: the spans that the tags of a sentence mark, and how many of them are found."""

import re
from collections.abc import Sequence

import numpy as np

Entity = tuple[str, int, int]
"""Its type, and its first and last word."""
OUTSIDE = "O"
"""The tag of a word in no entity."""
_TAG = re.compile(r"[BIES](-.*)?", re.DOTALL)


def mark_entities(tags: Sequence[str]) -> bool:
    """Whether a set of tags marks entities: O, and B, I, E or S, mostly with a type behind it."""
    return any(tag != OUTSIDE for tag in tags) and all(
        tag == OUTSIDE or _TAG.fullmatch(tag) for tag in tags
    )


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of a sentence, in IOB1, IOB2 or IOBES.

    An entity begins at B or S; at I or E behind another type, behind O, E or S, or at the beginning
    of the sentence. It ends before O, B, S or another type, with E or S, or with the sentence. So
    tags that no scheme would write, as models give them, mark entities, too.

    Source: conlleval of the CoNLL-2000 shared task, as seqeval has it where no scheme is named.
    """
    found: list[Entity] = []
    place, before, kind = 0, OUTSIDE, ""
    for word, tag in enumerate([*tags, OUTSIDE]):
        mark, own = tag[:1], tag[2:]
        apart = mark in "OBS" or before in "ES" or own != kind
        if before != OUTSIDE and apart:
            found.append((kind, place, word - 1))
        if mark != OUTSIDE and (apart or before == OUTSIDE):
            place = word
        before, kind = mark, own
    return found


def f1_sums(right: Sequence[str], said: Sequence[str]) -> np.ndarray:
    """What the words of a sentence add to the micro-averaged F1 of entities.

    F1 = 2 · found / (said + right): entities that are said with their type and both ends as they
    are right, twice, by those that are said and those that are right. Each counts at its first
    word.

    Args:
        right: tags of the words that are scored.
        said: tags that are predicted.

    Returns:
        ``(words, 2)`` float64: the parts of the upper and of the lower sum.
    """
    sums = np.zeros((len(right), 2))
    true, found = set(entities(right)), set(entities(said))
    for _, first, _ in true & found:
        sums[first, 0] += 2
    for _, first, _ in [*true, *found]:
        sums[first, 1] += 1
    return sums
