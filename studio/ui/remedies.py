"""What helps, in the words of the page: what can be done on it, and how it is started."""

from studio.errors import Remedy, StudioError

WORDS = {
    Remedy.LEAVE_ONE_OUT: "Leave one out; only the command line merges both.",
    Remedy.LEAVE_IT_OUT: "Leave it out; only the command line merges it.",
    Remedy.LET_IT_IN: "The Unmerge tab can let it in again, which is written into the log.",
    Remedy.REBUILD: "Choose 'Remove exactly' instead, which merges the other tasks anew.",
    Remedy.GIVE_ROWS: "Open a zoo that has this recipe's tasks and their validation rows.",
    Remedy.UNTICK: "Untick '{}' in the mixer; the others can then be optimized.",
    Remedy.ADD_ROOT: "Restart it with --root to add another.",
    Remedy.FOLLOW_LINKS: "Copy the file itself there, or restart it with --root {}.",
    Remedy.GO_ONLINE: "Restart it without --offline and HF_HUB_OFFLINE to allow it.",
    Remedy.CHOOSE_DEVICE: "use --device auto, or one of {}.",
    Remedy.DROP_LEAKS: (
        "Give one file, from which both are drawn, or leave these rows out of all but the held-out "
        "ones."
    ),
}
BUTTONS = {
    Remedy.DROP_LEAKS: "Leave them out of all but the held-out rows",
    Remedy.TAKE_COLUMN: "Use column '{}' as the label",
    Remedy.NAME_LABELS: "Take the order of the alphabet: {}",
    Remedy.NO_GROUP: "Read no group",
    Remedy.GUESS_COLUMNS: "Guess its columns again",
    Remedy.LEAVE_TASK_OUT: "Leave '{}' out",
    Remedy.WITHOUT_ROWS: "Take it without rows",
    Remedy.READ_ROWS: "Read its rows",
}
"""What the page itself can do about a task in the making, as its button says it."""
_LONGEST = 80


def told(refusal: StudioError) -> str:
    """What is wrong, and what helps on the page."""
    return refusal.told(WORDS)


def button(remedy: Remedy, about: object) -> str:
    """What a button says that does something about a problem."""
    words = str(about)
    short = words if len(words) <= _LONGEST else words[:_LONGEST] + "…"
    return BUTTONS[remedy].format(short)
