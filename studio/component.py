"""One task's component of a merge: what a move of its slider adds or takes."""

import torch
from torch import Tensor

from studio.checkpoints.vectors import Room, add_weighted, pieces
from studio.merge import PIECE, Merge
from studio.parallel import in_order


def component(merge: Merge, task: str) -> dict[str, Tensor]:
    """One task's component, before its coefficient: what a move of its slider adds or takes.

    Returns:
        Per merged tensor a flat one in the compute dtype; not to be changed, for where the
        component is a delta that is held in memory, it is that memory.
    """
    _ = merge.mixing, merge.vectors
    names = merge.deltas.names
    made = in_order(lambda name: component_at(merge, task, name), names)
    return dict(zip(names, made, strict=True))


def component_at(merge: Merge, task: str, name: str) -> Tensor:
    """One task's component in one tensor, see ``component``."""
    rows, index = merge.basis.rows, merge.recipe.names.index(task)
    tensor, dtype = merge.vectors.at(name), merge.compute_dtype
    weights = rows[merge.deltas.names.index(name) % len(rows), index].tolist()
    used = [i for i, weight in enumerate(weights) if weight != 0.0]
    if len(used) == 1 and weights[used[0]] == 1.0:
        whole = tensor.delta(used[0], 0, tensor.numel, dtype)
        return torch.zeros(tensor.numel, dtype=dtype) if whole is None else whole
    total, room = torch.zeros(tensor.numel, dtype=dtype), Room()
    for start, stop in pieces(tensor.numel, PIECE):
        add_weighted(total[start:stop], tensor, weights, start, room)
    return total
