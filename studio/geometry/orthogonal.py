"""Orthogonalization in coefficient space: component i is a combination of the raw deltas."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.errors import NothingToMerge
from studio.geometry import scopes
from studio.geometry.gram import Gram, cosine

SMALLEST_SHARE = 1e-8
"""Least share of a delta's squared norm that may be left when the other tasks are taken out."""
CLOSE_SHARE = 1e-4
"""Below this share, inner products of the components themselves correct what rounding left."""
LARGEST_GAIN = 2.0
"""Most that normalization may stretch a component to give it back its delta's norm."""


@dataclass(frozen=True)
class Basis:
    """One component per task, written in the raw deltas.

    Attributes:
        rows: ``(T, n, n)`` float64, or ``(1, n, n)`` for all tensors alike; component i of tensor t
            is ``sum_j rows[t, i, j] delta_j``.
        scope: within which groups of tensors the components are meant to be orthogonal.
        scales: ``(T, n)`` norms by which they are divided before their cosine is taken, or None.
        shares: ``(n,)`` share of each delta's squared norm that orthogonalization left.
        made_of: (task, folder) of the n checkpoints it was computed from, once a merge holds it.
    """

    rows: Tensor
    scope: str
    scales: Tensor | None
    shares: Tensor
    made_of: tuple[tuple[str, str], ...] = ()

    def residual(self, components: Gram) -> float:
        """Largest cosine left between two components.

        Args:
            components: the Gram of the streamed components, not one derived from the raw
                deltas' Gram: C G C^T with the G that made C could not fail.

        Returns:
            A cosine in [0, 1]; 0 for a single task.

        Source: MDM-OC, theorem V.3.
        """
        return largest_cosine(self.weighed(components).grouped(self.scope)[1])

    def weighed(self, gram: Gram) -> Gram:
        """Inner products as the basis weighs them: divided by ``scales``, if it has any."""
        if self.scales is None:
            return gram
        safe = self.scales.where(self.scales > 0, 1.0)
        blocks = gram.blocks / (safe.unsqueeze(-1) * safe.unsqueeze(-2))
        return Gram(gram.tasks, gram.names, blocks)


def identity(n: int) -> Basis:
    """The raw deltas themselves as components."""
    eye = torch.eye(n, dtype=torch.float64).unsqueeze(0)
    return Basis(eye, "model", None, torch.ones(n, dtype=torch.float64))


def largest_cosine(gram: Tensor) -> float:
    """Largest absolute cosine between two different vectors in ``(..., n, n)`` inner products."""
    if gram.shape[-1] < 2 or gram.numel() == 0:
        return 0.0
    cosines = cosine(gram)
    return float((cosines - torch.eye(gram.shape[-1], dtype=torch.float64)).abs().max())


def residual_shares(gram: Tensor) -> Tensor:
    """Share of each delta's squared norm outside the span of the earlier ones, ``(n,)``.

    Args:
        gram: ``(n, n)`` float64 inner products.
    """
    return _sequential(gram.unsqueeze(0))[1][0]


def refuse_dependent(gram: Gram, order: str) -> None:
    """Refuse deltas of which one lies in the span of the others, before anything is derived.

    Raises:
        NothingToMerge: naming two tasks.
    """
    total = gram.total()
    _, shares = (_sequential if order == "arrival" else _symmetric)(total.unsqueeze(0))
    _refuse_dependent(shares[0], total, gram.tasks)


def orthogonalize(
    gram: Gram,
    scope: str,
    order: str,
    per_layer: bool,
    strength: float = 1.0,
    again: Callable[[Tensor], Gram] | None = None,
) -> Basis:
    """Components that are orthogonal within every group of a scope.

    Args:
        gram: of the raw deltas.
        scope: 'model', 'layer' or 'tensor'.
        order: 'arrival' (Gram-Schmidt) or 'symmetric' (Loewdin).
        per_layer: divide every delta by its norm in each layer before, and give the component
            that norm back after, stretching it by at most ``LARGEST_GAIN``.
        strength: 0 keeps the raw deltas, 1 the orthogonal components, between them a blend.
        again: takes the Gram of combinations of the deltas, ``(T, n, n)`` rows, by another pass;
            asked for where a delta is so close to others (``CLOSE_SHARE``) that the raw deltas'
            Gram leaves cosines above 1e-9. None: left as they are.

    Raises:
        NothingToMerge: over the whole model, less than ``SMALLEST_SHARE`` of a delta's squared
            norm is its own. Where that is so in one group only, the component is zero there.

    Source: MDM-OC, Eqs. 4, 5, 12 and Sec. IV-A ("normalized per-layer").
    """
    scales = _layer_norms(gram) if per_layer else None
    scaled = Basis(gram.blocks, scope, scales, torch.empty(0)).weighed(gram)
    _, grouped = scaled.grouped(scope)
    make = _sequential if order == "arrival" else _symmetric
    rows, shares = make(grouped)  # (g, n, n), (g, n)
    weights = grouped.diagonal(dim1=-2, dim2=-1)  # (g, n)
    total = weights.sum(0)
    whole = torch.where(total > 0, (shares * weights).sum(0) / total.where(total > 0, 1.0), 1.0)
    _refuse_dependent(whole, scaled.total(), gram.tasks)
    positions = torch.tensor(scopes.index(scopes.labels(gram.names, scope))[1], dtype=torch.long)
    lengths = torch.ones(1, len(gram.tasks)) if scales is None else scales
    safe = lengths.double().where(lengths > 0, 1.0)
    if again and bool(((shares >= SMALLEST_SHARE) & (shares < CLOSE_SHARE)).any()):
        second = again(rows[positions] / safe.unsqueeze(-2))
        rows = make(second.grouped(scope)[1])[0] @ rows
    if scales is not None and scope == "model" and order == "arrival":
        rows = rows * shares.rsqrt().clamp(max=LARGEST_GAIN).unsqueeze(-1)
    rows = rows[positions]  # (T, n, n)
    if scales is not None:
        rows = rows * safe.unsqueeze(-1) / safe.unsqueeze(-2)
        if scope != "model":
            rows = rows * _layer_gains(gram, rows).unsqueeze(-1)
    eye = torch.eye(len(gram.tasks), dtype=torch.float64)
    rows = rows if strength == 1.0 else eye + strength * (rows - eye)
    return Basis(rows, scope, scales if scope == "model" else None, whole)


def _sequential(grams: Tensor) -> tuple[Tensor, Tensor]:
    """Gram-Schmidt with a second pass, for ``(g, n, n)`` inner products.

    Returns:
        Rows ``(g, n, n)``, zero where a delta is dependent, and shares ``(g, n)`` of its squared
        norm that are left.
    """
    groups, n = grams.shape[:2]
    eye = torch.eye(n, dtype=torch.float64).expand(groups, n, n)
    rows = torch.zeros(groups, n, n, dtype=torch.float64)
    shares = torch.ones(groups, n, dtype=torch.float64)
    for i in range(n):
        row = eye[:, i].clone()
        for _ in range(2):
            for j in range(i):
                image = torch.einsum("gk,gkl->gl", rows[:, j], grams)
                length = (image * rows[:, j]).sum(-1)
                overlap = (image * row).sum(-1)
                factor = torch.where(length > 0, overlap / length.where(length > 0, 1.0), 0.0)
                row = row - factor.unsqueeze(-1) * rows[:, j]
        before = grams[:, i, i]
        left = torch.einsum("gk,gkl,gl->g", row, grams, row)
        share = torch.where(before > 0, left / before.where(before > 0, 1.0), 1.0)
        shares[:, i] = share.clamp(min=0.0)
        rows[:, i] = torch.where((share >= SMALLEST_SHARE).unsqueeze(-1), row, 0.0)
    return rows, shares


def _symmetric(grams: Tensor) -> tuple[Tensor, Tensor]:
    """Loewdin orthogonalization for ``(g, n, n)`` inner products; see ``_sequential``."""
    norms = grams.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
    cosines = cosine(grams)
    values, vectors = torch.linalg.eigh(cosines)
    kept = values > SMALLEST_SHARE / grams.shape[-1]  # below, some share is below SMALLEST_SHARE
    powers = torch.where(kept, values.where(kept, 1.0).rsqrt(), 0.0)
    root = (vectors * powers.unsqueeze(-2)) @ vectors.mT
    safe = norms.where(norms > 0, 1.0)
    rows = norms.unsqueeze(-1) * root / safe.unsqueeze(-2)
    inverse = (vectors / values.clamp(min=1e-14).unsqueeze(-2)) @ vectors.mT
    shares = 1 / inverse.diagonal(dim1=-2, dim2=-1)
    zero = norms == 0  # a task that leaves the group alone keeps its (zero) delta
    eye = torch.eye(grams.shape[-1], dtype=torch.float64)
    return torch.where(zero.unsqueeze(-1), eye, rows), shares.where(~zero, 1.0)


def _refuse_dependent(shares: Tensor, gram: Tensor, tasks: tuple[str, ...]) -> None:
    for i, share in enumerate(shares.tolist()):
        if share < SMALLEST_SHARE:
            nearest = cosine(gram)[i].abs()
            nearest[i] = -1.0
            other = int(nearest.argmax())
            raise NothingToMerge(
                f"'{tasks[i]}' adds no direction of its own: only {share:.1e} of its delta's "
                f"squared norm is outside the other tasks' span (at least {SMALLEST_SHARE:.0e} is "
                f"needed), and its cosine with '{tasks[other]}' is {cosine(gram)[i, other]:.6f}. "
                "Leave one of the two out, or use a method that does not orthogonalize."
            )


def _layer_norms(gram: Gram) -> Tensor:
    """``(T, n)`` norm of each delta within the layer that a tensor belongs to."""
    _, grouped = gram.grouped("layer")
    positions = torch.tensor(scopes.index(scopes.labels(gram.names, "layer"))[1], dtype=torch.long)
    return grouped.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()[positions]


def _layer_gains(gram: Gram, rows: Tensor) -> Tensor:
    """``(T, n)`` factors that give each component its delta's norm back, layer by layer."""
    _, after = gram.combined(rows).grouped("layer")
    _, before = gram.grouped("layer")
    after, before = (x.diagonal(dim1=-2, dim2=-1).clamp(min=0) for x in (after, before))
    gains = torch.where(after > 0, (before / after.where(after > 0, 1.0)).sqrt(), 1.0)
    positions = torch.tensor(scopes.index(scopes.labels(gram.names, "layer"))[1], dtype=torch.long)
    return gains.clamp(max=LARGEST_GAIN)[positions]
