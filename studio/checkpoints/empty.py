"""Tensors that were saved empty, as distributed training leaves them."""

from collections.abc import Iterable

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import ShapeMismatch, some

_EMPTY = (0,)


def refuse_empty(whose: str, checkpoint: Checkpoint, names: Iterable[str]) -> None:
    """Refuse tensors of which nothing was saved.

    Args:
        whose: the checkpoint, for words.
        checkpoint: that holds them.
        names: stored names of those that must not be empty.

    Raises:
        ShapeMismatch: naming them, and how to save them whole.
    """
    empty = [name for name in names if checkpoint.weights.entries[name].shape == _EMPTY]
    if empty:
        raise ShapeMismatch(
            f"{whose} ({checkpoint.folder}) holds {len(empty)} empty tensors, of shape {_EMPTY}: "
            f"{some(empty)}. It was saved while DeepSpeed ZeRO-3 or FSDP held its weights in "
            "shards. Gather them and save it again: for ZeRO-3 by the option "
            "stage3_gather_16bit_weights_on_model_save or by zero_to_fp32.py."
        )
