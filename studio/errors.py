"""Errors shown to people: what is wrong, with names and numbers, then what to do."""


class StudioError(Exception):
    """A sentence for the user; everything else that is raised is a bug."""


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
