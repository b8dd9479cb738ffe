"""Coordinates that all tasks' changes of a matrix have in common: aligned columns, and rows too."""

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.geometry.spectra import gram_of, times
from studio.methods.whole import Entries


@dataclass(frozen=True)
class CoreSpace:
    """Orthonormal bases in which every c_i delta_i is a small matrix, without a loss.

    Attributes:
        entries: the weighted deltas.
        u: ``(out, k)`` float64 basis of all their columns, by falling length.
        v: ``(in, m)`` float64 basis of all their rows; None where rows are taken as they are.
    """

    entries: Entries
    u: Tensor
    v: Tensor | None

    @classmethod
    def aligned(cls, entries: Entries) -> "CoreSpace":
        """By the left singular vectors of all deltas side by side.

        Source: KnOTS (arXiv 2410.19735), Sec. 4.
        """
        low_rank = entries.summed_factors()
        if low_rank is None:
            return cls(entries, _left_of_all(entries), None)
        left, upper = torch.linalg.qr(low_rank.b)
        spans = torch.block_diag(*(_span(entries, task) for task in entries.present))
        return cls(entries, left @ _leading(upper @ spans @ upper.T, _rounding(entries)), None)

    @classmethod
    def core(cls, entries: Entries) -> "CoreSpace":
        """By the singular vectors of stacked factors; of dense deltas, of all deltas themselves.

        Source: Core Space (NeurIPS 2025), as in the authors' code.
        """
        low_rank, least = entries.summed_factors(), _rounding(entries)
        if low_rank is None:
            rows = torch.zeros(entries.shape[1], entries.shape[1], dtype=torch.float64)
            for task in entries.present:
                delta = entries.delta(task)
                assert delta is not None
                gram_of(delta, rows)
            return cls(entries, _left_of_all(entries), _leading(rows, least))
        left, right = (_basis(each, least) for each in (low_rank.b, low_rank.a.T))
        return cls(entries, left, right)

    def coordinates(self, task: int) -> Tensor:
        """``(k, m or in)`` float64 of one of the tasks."""
        factors = self.entries.factors(task)
        if factors is not None:
            left, right = self.u.T @ (factors.b.double() * factors.scale), factors.a.double()
            return left @ (right if self.v is None else right @ self.v)
        delta = self.entries.delta(task)
        assert delta is not None
        within = times(delta.T, self.u, torch.float64).T
        return within if self.v is None else within @ self.v

    def dense(self, coordinates: Tensor) -> Tensor:
        """``(out, in)`` in the entries' dtype, of what ``coordinates`` gives."""
        rows = coordinates if self.v is None else coordinates @ self.v.T
        return times(self.u, rows, self.entries.dtype)


def _left_of_all(entries: Entries) -> Tensor:
    gram = torch.zeros(entries.shape[0], entries.shape[0], dtype=torch.float64)
    for task in entries.present:
        delta = entries.delta(task)
        assert delta is not None
        gram_of(delta.T, gram)
    return _leading(gram, _rounding(entries))


def _span(entries: Entries, task: int) -> Tensor:
    """``(r, r)`` inner products of the rows of a task's second factor."""
    factors = entries.factors(task)
    assert factors is not None, "asked only where all have factors"
    return factors.a.double() @ factors.a.double().T


def _basis(columns: Tensor, least: float) -> Tensor:
    """Left singular vectors of ``(d, r)`` float64."""
    u, s, _ = torch.linalg.svd(columns, full_matrices=False)
    return u[:, s > least * s[:1]]


def _leading(gram: Tensor, least: float) -> Tensor:
    """Eigenvectors of a Gram, by falling eigenvalue, without null directions."""
    values, vectors = torch.linalg.eigh(gram)
    lengths = values.clamp(min=0.0).sqrt().flip(0)
    return vectors.flip(1)[:, lengths > least * lengths[:1]]


def _rounding(entries: Entries) -> float:
    """Below this share of the longest, a direction is rounding of float32 deltas."""
    return max(entries.shape) * torch.finfo(torch.float32).eps
