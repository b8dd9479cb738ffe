"""What helps, in the words of the page: what can be done on it, and how it is started."""

from studio.errors import Remedy, StudioError

WORDS = {
    Remedy.LEAVE_ONE_OUT: "Leave one out; only the command line merges both.",
    Remedy.LEAVE_IT_OUT: "Leave it out; only the command line merges it.",
    Remedy.LET_IT_IN: "The Evidence tab can let it in again, which is written into the log.",
    Remedy.REBUILD: "Choose 'Remove exactly' instead, which merges the other tasks anew.",
    Remedy.GIVE_ROWS: "Open a zoo that has this recipe's tasks and their validation rows.",
    Remedy.ADD_ROOT: "Restart it with --root to add another.",
    Remedy.FOLLOW_LINKS: "Copy the file itself there, or restart it with --root {}.",
    Remedy.GO_ONLINE: "Restart it without --offline and HF_HUB_OFFLINE to allow it.",
    Remedy.CHOOSE_DEVICE: "use --device auto, or one of {}.",
}


def told(refusal: StudioError) -> str:
    """What is wrong, and what helps on the page."""
    return refusal.told(WORDS)
