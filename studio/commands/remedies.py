"""What helps, in the words of the command line: its options."""

from studio.errors import Remedy, StudioError

WORDS = {
    Remedy.LEAVE_ONE_OUT: "Leave one out, or pass --allow-duplicates.",
    Remedy.LEAVE_IT_OUT: "Leave it out, or pass --allow-duplicates.",
    Remedy.LET_IT_IN: "Leave it out, or pass --allow-removed, which is written into the log.",
    Remedy.REBUILD: "Unmerge with --mode exact, which merges the other tasks anew.",
    Remedy.NAME_BASE: "Name the model that all of them were made from: --base MODEL.",
    Remedy.GIVE_ROWS: (
        "Give --zoo with a zoo that has this recipe's tasks and their validation rows."
    ),
    Remedy.FOLLOW_LINKS: "Copy the file itself there, or allow links into it: --root {}.",
    Remedy.CHOOSE_DEVICE: "use --device auto, or one of {}.",
    Remedy.GO_ONLINE: "Unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE to allow it.",
    Remedy.FEWER_AT_ONCE: (
        "set rows at once to {0} (--at-once {0}); the result is the same up to rounding."
    ),
}


def told(refusal: StudioError) -> str:
    """What is wrong, and the options that help."""
    return refusal.told(WORDS)
