"""Elastic weight consolidation in coefficient space: a quadratic that costs nothing per step."""

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.deltas import not_finite
from studio.checkpoints.vectors import Room, Vectors, pieces
from studio.errors import BadData
from studio.merge import Merge
from studio.methods.contract import Measured
from studio.parallel import SMALL, in_order
from studio.progress import Progress, silent

ANCHORS = ("experts", "base")
FISHER_ROWS = 256  # validation rows per task


@dataclass(frozen=True)
class Quadratic:
    """``sum_t (m[t]^T Phi[t] m[t] - 2 m[t]^T b[t]) + c`` of the mixing m.

    Attributes:
        phi: ``(T, n, n)`` float64 Fisher-weighted Grams of the vectors.
        linear: ``(T, n)`` b.
        constant: c.
    """

    phi: Tensor
    linear: Tensor
    constant: float

    def value(self, mixing: Tensor) -> float:
        """Of ``(T, n)`` coefficients of the vectors."""
        bent = (self.phi @ mixing.unsqueeze(-1)).squeeze(-1)
        return float((mixing * (bent - 2 * self.linear)).sum()) + self.constant

    def slopes(self, mixing: Tensor) -> Tensor:
        """``(T, n)`` its derivatives."""
        return 2 * ((self.phi @ mixing.unsqueeze(-1)).squeeze(-1) - self.linear)


def consolidation(
    merge: Merge, fisher: Measured, anchor: str, progress: Progress = silent
) -> Quadratic:
    """EWC's penalty, per expert and then averaged over the experts.

    ``E_i(m) = sum_p F_i[p] (sum_j m_j v_j[p] - a_i[p])^2 / sum_p F_i[p] delta_i[p]^2`` with the
    diagonal Fisher information F_i of expert i, and a_i its delta (anchor 'experts': stay where
    it is) or 0 (anchor 'base': stay where the base is, in what matters to the expert). So 1 is
    the base's distance to an expert, whatever the size of its Fisher, and every expert counts
    alike. Two passes over the deltas; a step then costs n x n numbers per tensor.

    Args:
        merge: n tasks over T tensors, of fixed vectors.
        fisher: the experts' information, by task and tensor.
        anchor: one of ``ANCHORS``.
        progress: told the share of tensors done.

    Raises:
        BadData: an expert's rows say nothing about its own delta.

    Source: MDM-OC, Eq. 17; Kirkpatrick et al. 2017 (arXiv 1612.00796), Eq. 3, written in the
    coefficients. The normalization is ours.
    """
    names, tasks = merge.deltas.names, merge.deltas.tasks
    norms = torch.zeros(len(tasks), dtype=torch.float64)
    own = (merge.deltas.at(name) for name in names)
    for t, tensor in enumerate(own):
        progress(0.3 * t / len(names), f"Fisher-weighted norms in {tensor.name}")
        norms += _norms(tensor, fisher, tasks)
    if not bool((norms > 0).all()):
        idle = tasks[int((norms <= 0).nonzero()[0])]
        raise BadData(
            f"EWC: the Fisher information of '{idle}' is 0 wherever its delta is not, so its rows "
            "say nothing about it. Give it rows that it can get wrong, or search without EWC."
        )
    weights = (1.0 / (len(tasks) * norms)).tolist()

    def block(name: str) -> tuple[Tensor, Tensor]:
        return _block(merge, name, fisher, weights, anchor)

    blocks = []
    for t, found in enumerate(in_order(block, names, SMALL)):
        progress(0.3 + 0.7 * t / len(names), f"Fisher-weighted products in {names[t]}")
        if not bool(found[0].isfinite().all()):
            raise not_finite(merge.deltas, names[t])
        blocks.append(found)
    phi, linear = (torch.stack(each) for each in zip(*blocks, strict=True))
    return Quadratic(phi, linear, 1.0 if anchor == "experts" else 0.0)


def _norms(tensor: Vectors, fisher: Measured, tasks: tuple[str, ...]) -> Tensor:
    """``(n,)`` sum_p F_i delta_i^2 of one tensor."""
    found, room = torch.zeros(len(tasks), dtype=torch.float64), Room()
    held = [_flat(fisher, task, tensor) for task in tasks]
    for start, stop in pieces(tensor.numel):
        for i, delta in enumerate(tensor.vectors(start, stop, torch.float32, room)):
            information = held[i]
            if delta is not None and information is not None:
                found[i] += float(
                    (information[start:stop].double() * delta.double().square()).sum()
                )
    return found


def _block(
    merge: Merge, name: str, fisher: Measured, weights: list[float], anchor: str
) -> tuple[Tensor, Tensor]:
    """``(n, n)`` weighted products of a tensor's vectors, and ``(n,)`` those with the anchors."""
    tasks, n = merge.deltas.tasks, len(merge.deltas)
    vectors, deltas = merge.vectors.at(name), merge.deltas.at(name)
    held = [_flat(fisher, task, deltas) for task in tasks]
    phi = torch.zeros(n, n, dtype=torch.float64)
    linear = torch.zeros(n, dtype=torch.float64)
    rooms = Room(), Room()
    for start, stop in pieces(vectors.numel):
        summed = torch.zeros(stop - start, dtype=torch.float64)
        pulled = torch.zeros(stop - start, dtype=torch.float64)
        for i, delta in enumerate(deltas.vectors(start, stop, torch.float32, rooms[0])):
            information = held[i]
            if information is not None:
                weighted = weights[i] * information[start:stop].double()
                summed += weighted
                if delta is not None and anchor == "experts":
                    pulled += weighted * delta.double()
        read = vectors.vectors(start, stop, torch.float32, rooms[1])
        stacked = torch.stack(
            [torch.zeros_like(summed) if each is None else each.double() for each in read]
        )
        phi += (stacked * summed) @ stacked.T
        linear += stacked @ pulled
    return phi, linear


def _flat(fisher: Measured, task: str, tensor: Vectors) -> Tensor | None:
    found = fisher(task, tensor.name)
    return None if found is None else found.reshape(-1)
