"""Exact coefficient gradients: one backward pass, then inner products with the vectors."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from studio.checkpoints.low_rank import Factors
from studio.checkpoints.vectors import Room, Vectors, pieces
from studio.merge import Merge
from studio.parallel import SMALL, in_order
from studio.tasks.live_model import LiveModel


@contextmanager
def gradients(live: LiveModel, merge: Merge) -> Iterator[Mapping[str, nn.Parameter]]:
    """Parameters that the merge changes collect gradients while the context lasts, others do not.

    Yields:
        Them by the base's names; buffers, such as running means, have no gradient and are not
        among them.
    """
    every = dict(live.whole.named_parameters(remove_duplicate=False))
    own = live.own_names(merge.deltas.names)
    found = {name: every[mine] for name, mine in own.items() if mine in every}
    before = {id(each): (each, each.requires_grad) for each in every.values()}
    try:
        for each in every.values():
            each.requires_grad_(False)
        for each in found.values():
            each.requires_grad_(True)
        with torch.enable_grad():
            yield found
    finally:
        for each, needed in before.values():
            each.requires_grad_(needed)
            each.grad = None


def mixing_slopes(
    merge: Merge, parameters: Mapping[str, nn.Parameter], part: Callable[[str, Tensor], Tensor]
) -> Tensor:
    """Derivatives of a loss by every vector's coefficient: ``<dL/dW[t], vector_j[t]>``.

    Each gradient is let go as soon as its products are taken (that of a stack of experts behind
    the last), so there is one model's worth of gradients at most, and never one per task. Where
    weights are worn rounded to the output's dtype, the derivative is that at the rounded weights.

    Args:
        merge: of n tasks over T tensors; of fixed vectors.
        parameters: by name, that hold the gradients of the loss.
        part: what a tensor of a name is of its parameter, see ``OwnPlaces.part``.

    Returns:
        ``(T, n)`` float64; 0 for tensors without a gradient.

    Source: MDM-OC, Eq. 14, by the chain rule through Eq. 2.
    """
    names, vectors = merge.deltas.names, merge.vectors
    raw = not merge.method.derives  # what is derived may have to be derived anew for its factors
    owners = Counter(map(id, parameters.values()))  # several for a stack of experts

    def products(name: str) -> Tensor:
        parameter = parameters.get(name)
        if parameter is None or parameter.grad is None:
            return torch.zeros(len(merge.deltas), dtype=torch.float64)
        gradient = part(name, parameter.grad).cpu().float()
        if owners[id(parameter)] == 1:
            parameter.grad = None
        tensor = vectors.at(name)
        return inner(gradient, tensor, tensor.factors if raw else ())

    made = list(in_order(products, names, SMALL))
    for each in parameters.values():
        each.grad = None
    return torch.stack(made) if made else torch.zeros(0, len(merge.deltas), dtype=torch.float64)


def inner(gradient: Tensor, tensor: Vectors, factors: Sequence[Factors | None] = ()) -> Tensor:
    """``(n,)`` float64 inner products of a gradient with the vectors of its tensor.

    Low-rank factors are never made dense: ``<G, B A> = sum((B^T G) * A)``. All else is read piece
    by piece, so that it makes no difference whether it is held in memory.

    Args:
        gradient: of the tensor's shape.
        tensor: of n vectors.
        factors: of those vectors that have some; empty if none has.
    """
    found = torch.zeros(len(tensor.present), dtype=torch.float64)
    low = {j: each for j, each in enumerate(factors) if each is not None}
    if low:
        whole = gradient.reshape(len(next(iter(low.values())).b), -1)
        joined = torch.cat([each.b for each in low.values()], 1).to(whole.dtype)
        sides = (joined.T @ whole).split([len(each.a) for each in low.values()])  # (rank, in) each
        for (j, each), side in zip(low.items(), sides, strict=True):
            product = side.mul_(each.a.to(whole.dtype)).sum(dtype=torch.float64)
            found[j] = each.scale * float(product)
    rest = [j for j, present in enumerate(tensor.present) if present and j not in low]
    if rest:
        flat, room = gradient.reshape(-1), Room()
        for start, stop in pieces(tensor.numel):
            read = tensor.vectors(start, stop, flat.dtype, room)
            for j, vector in enumerate(read):
                if vector is not None and j in rest:
                    found[j] += float(torch.dot(flat[start:stop], vector))
    return found


def coefficient_slopes(slopes: Tensor, rows: Tensor) -> Tensor:
    """Derivatives by the components' coefficients, of those by the vectors'.

    Args:
        slopes: ``(T, n)`` by the mixing.
        rows: ``(T, n, n)`` or ``(1, n, n)`` of the basis.

    Returns:
        ``(T, n)``: ``sum_j rows[t, i, j] slopes[t, j]``.
    """
    return (rows @ slopes.unsqueeze(-1)).squeeze(-1)
