"""What was written is read again: headers as planned, bytes as computed, and what they change."""

from pathlib import Path

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.stored import CODES
from studio.checkpoints.vectors import pieces
from studio.checkpoints.weights import Weights
from studio.errors import BadCheckpoint
from studio.merge import Merge


def read_back(work: Path, merge: Merge, root: str) -> tuple[int, int]:
    """Compare a written model with what was planned and computed.

    Args:
        work: folder of the model.
        merge: that it was written from.
        root: weights root of what was computed.

    Returns:
        How many tensors differ from the base, of how many.

    Raises:
        BadCheckpoint: a header or the bytes are others.
    """
    written = open_checkpoint(work).weights
    planned = {
        name: (CODES[merge.output_dtype(name)], entry.shape)
        for name, entry in merge.base.weights.entries.items()
    }
    found = {name: (entry.code, entry.shape) for name, entry in written.entries.items()}
    wrong = sorted(name for name in {*planned, *found} if planned.get(name) != found.get(name))
    if wrong:
        raise BadCheckpoint(
            f"The written model's headers differ from the plan in {len(wrong)} tensors, first "
            f"{wrong[0]}; nothing was kept."
        )
    if written.root != root:
        raise BadCheckpoint(
            f"The disk gave back other bytes than were computed (weights root {written.root[:12]}… "
            f"in place of {root[:12]}…); nothing was kept. Check the disk and export again."
        )
    return sum(_differs(written, merge, name) for name in merge.changed), len(found)


def _differs(written: Weights, merge: Merge, name: str) -> bool:
    """Whether a tensor has other numbers than the base's; reading stops at the first."""
    ours, base = written.stored(name), merge.base.weights.stored(name)
    return any(
        not ours[start:stop].double().equal(base[start:stop].double())
        for start, stop in pieces(ours.numel())
    )
