"""Merged values in the dtype of their output; what leaves its range is refused."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas, not_finite
from studio.checkpoints.vectors import pieces
from studio.errors import NotFinite

Watch = Callable[[Tensor, Tensor, Tensor], None]
"""Shown the base, a sum or a whole in its stead, and the same in the dtype of its output."""


def cast(deltas: AnyDeltas, name: str, values: Tensor, target: torch.dtype) -> Tensor:
    """Merged values in the dtype of their output.

    Args:
        deltas: that were merged.
        name: of the tensor.
        values: in the dtype in which they were merged.
        target: of the output.

    Raises:
        NotFinite: an input holds NaN or infinity, or the result leaves the output's range.
    """
    made = values.to(target)
    # a sum tells at a tenth of the cost whether a closer look is needed
    suspect = not math.isfinite(made.sum(dtype=values.dtype))
    if suspect and target.is_floating_point and not bool(made.isfinite().all()):
        if not bool(values.isfinite().all()):
            raise not_finite(deltas, name)
        raise NotFinite(
            f"{name}: merged values reach {float(values.abs().max()):.3g}, but {target} ends at "
            f"{torch.finfo(target).max:.3g}. Choose `dtype: float32` or smaller coefficients."
        )
    return made


def whole_pieces(
    deltas: AnyDeltas, name: str, whole: Tensor, target: torch.dtype, size: int,
    watch: Watch | None = None,
) -> Iterator[Tensor]:  # fmt: skip
    """A tensor that is no sum of deltas, in flat pieces of an output's dtype; see ``cast``."""
    flat, stored = whole.reshape(-1), deltas.base.weights.stored(name)
    for start, stop in pieces(flat.numel(), size):
        made = cast(deltas, name, flat[start:stop], target)
        if watch:
            watch(stored[start:stop].to(flat.dtype), flat[start:stop], made)
        yield made
