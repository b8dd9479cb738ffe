"""Errors shown to people: what is wrong, with names and numbers, then what to do."""

_LONGEST = 2000


class StudioError(Exception):
    """A sentence for the user; everything else that is raised is a bug.

    It quotes what strangers wrote: characters that a terminal would obey become escapes, and
    the middle of a very long sentence is left out.
    """

    def __init__(self, sentence: str) -> None:
        if len(sentence) > _LONGEST:
            sentence = f"{sentence[: _LONGEST // 2]} … {sentence[-_LONGEST // 4 :]}"
        super().__init__(visible(" ".join(sentence.splitlines())))


def visible(text: str) -> str:
    """``text`` with every character that cannot be seen written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


class BadCheckpoint(StudioError):
    """A folder of weights cannot be read, or is of a kind that is not supported."""


class ShapeMismatch(BadCheckpoint):
    """A checkpoint does not share the base's architecture."""


class NotFinite(BadCheckpoint):
    """A tensor holds NaN or infinity."""


class NothingToMerge(StudioError):
    """A delta is zero, a copy of another one, or lies in the span of the others."""


class BadRecipe(StudioError):
    """A recipe names an unknown method, option or key, or holds an impossible value."""


class BadState(StudioError):
    """The state of a sequence is damaged or of another base, or cannot take a checkpoint."""


class BadZoo(StudioError):
    """A zoo file is incomplete or names something that does not exist."""


class BadData(StudioError):
    """A data file, a label list or a head does not fit its task."""


class OutputExists(StudioError):
    """The output folder is there already; nothing is ever overwritten."""


class NotAllowed(StudioError):
    """The request leaves the folders, or the network rule, that the studio was started with."""


class Cancelled(StudioError):
    """The user stopped a long job; nothing was written."""


class BadLedger(StudioError):
    """The ledger was edited, cut or rolled back, or cannot be used."""


class BadCertificate(StudioError):
    """A certificate, signature or key cannot be read, or does not fit what it speaks of."""
