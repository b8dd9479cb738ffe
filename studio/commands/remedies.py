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
    Remedy.DROP_LEAKS: (
        "Give one file, from which both are drawn, or pass --drop-leaks, which keeps these rows in "
        "the held-out ones alone."
    ),
    Remedy.TAKE_COLUMN: "Its column {0!r} holds them (--column TASK.label={0}), or rename them.",
    Remedy.NAME_LABELS: (
        "Give the labels in the order of its head, as --labels TASK=A,B: that of the training, for "
        "most trainers the order of the alphabet."
    ),
    Remedy.NO_GROUP: "Fill it in every row, or read no group: --column TASK.group=",
    Remedy.GUESS_COLUMNS: "Name another one, or have them guessed: leave --column out.",
    Remedy.UNTICK: "Leave '{}' out of the recipe, or add such rows to the zoo file.",
    Remedy.LEAVE_TASK_OUT: "Leave '{}' out: name the others with --task.",
}


def told(refusal: StudioError) -> str:
    """What is wrong, and the options that help."""
    return refusal.told(WORDS)
