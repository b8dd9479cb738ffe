"""Output layers of another size than the base's, which belong to their task alone."""

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.names import Names


def take_other_heads(
    ours: Names, checkpoint: Checkpoint, shared: dict[str, str], private: dict[str, str]
) -> list[str]:
    """Make output layers of another size private, such as those of other characters.

    That is, where the base's class ties them to nothing and has no embedding of as many rows:
    else they speak of a vocabulary, which must be the base's.

    Args:
        ours: names of the base.
        checkpoint: the other one.
        shared: ``{base name: stored name}``; what becomes private is taken out.
        private: ``{name: stored name}``; it is put there.

    Returns:
        Notes.
    """
    notes = []
    for name in [*shared]:
        if name in shared and name.endswith(".weight") and _is_free(ours, name):
            before = ours.weights.entries[name].shape
            after = checkpoint.weights.entries[shared[name]].shape
            if len(before) == len(after) == 2 and before[0] != after[0] and before[1] == after[1]:
                for each in (name, name.removesuffix("weight") + "bias"):
                    if each in shared:
                        private[each] = shared.pop(each)
                notes.append(
                    f"Its {name} has {after[0]:,} outputs and the base's {before[0]:,}: it is the "
                    "task's own, and the base's is kept."
                )
    return notes


def _is_free(ours: Names, stored: str) -> bool:
    """Whether a base's tensor is an output layer that speaks of no vocabulary of its inputs."""
    name = ours.named(stored)
    own = ours.base.own(name) if ours.base else None
    if ours.base is None or own is None or ours.required(name) or ours.base.group(own):
        return False
    kinds, shapes = ours.base.modules, ours.base.shapes
    embeddings = {f"{path}.weight" for path, kind in kinds.items() if kind.endswith("Embedding")}
    return own not in embeddings and all(
        shapes[each][:1] != shapes[own][:1] for each in embeddings & shapes.keys()
    )
