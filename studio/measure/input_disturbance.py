"""What each task's change does to the inputs of the others, measured on rows; and its ranks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from studio.checkpoints.architecture import turned
from studio.checkpoints.deltas import AnyDeltas
from studio.checkpoints.low_rank import Factors, Product
from studio.checkpoints.vectors import CHUNK, Vectors, pieces
from studio.merge import Merge
from studio.methods.contract import Measured
from studio.progress import Progress, silent

Inward = tuple[Tensor, Tensor | None]
ROWS = 256
"""Validation rows per task, at most, that inputs are seen on; see ``row_parts``."""


@dataclass(frozen=True)
class InputDisturbance:
    """How far each task's change moves what a layer makes of the others' inputs.

    Attributes:
        tasks: n names.
        before: ``(n, n)`` float64; entry i, j is ``|delta_i X_j|^2 / |delta_j X_j|^2``, both summed
            over the layers of which every task has inputs. NaN where j's own change does nothing.
        after: the same of the components at coefficient 1; None where there are none.
        layers: how many layers were summed over.
    """

    tasks: tuple[str, ...]
    before: Tensor
    after: Tensor | None
    layers: int

    def worst(self, after: bool) -> tuple[str, str, float] | None:
        """Who disturbs whom most, and how far; None where no pair has a number."""
        values = self.after if after and self.after is not None else self.before
        off = values.clone().fill_diagonal_(float("nan"))
        if bool(off.isnan().all()):
            return None
        place = int(off.nan_to_num(-1.0).argmax())
        i, j = divmod(place, len(self.tasks))
        return self.tasks[i], self.tasks[j], float(off[i, j])


def input_disturbance(
    merge: Merge, look: Measured, progress: Progress = silent
) -> InputDisturbance:
    """Measure it, layer by layer; every Gram is read once per layer.

    Args:
        merge: of n tasks.
        look: Grams of the inputs of each task's layers in its own expert.
        progress: told the share of tensors done; may raise to give up.

    Source: the studio's own; ``|C X|^2 / n = tr(C G C^T)`` for ``G = X X^T / n``.
    """
    n, has = len(merge.deltas), merge.method.has_components
    before, after = (torch.zeros(n, n, dtype=torch.float64) for _ in range(2))
    own = torch.zeros(n, dtype=torch.float64)
    layers, names = 0, merge.deltas.names
    rows = merge.basis.rows if has else None
    for place, name in enumerate(names):
        progress(place / max(len(names), 1), name)
        grams = [look(task, name) for task in merge.deltas.tasks]
        found = [gram.double() for gram in grams if gram is not None]
        if len(found) < n or 0 in merge.base.weights.entries[name].shape:
            continue
        layers += 1
        raw = list(_inner(merge.deltas, name, found))
        derived = list(_inner(merge.vectors, name, found)) if merge.method.derives and has else raw
        for j in range(n):
            squares = raw[j].diagonal()
            before[:, j] += squares
            own[j] += squares[j]
            if rows is not None:
                mixed = rows[place if len(rows) > 1 else 0]
                after[:, j] += (mixed @ derived[j] @ mixed.T).diagonal()
    nothing = torch.where(own > 0, own, float("nan"))
    return InputDisturbance(
        merge.deltas.tasks, before / nothing, after / nothing if has else None, layers
    )


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rank correlation, ties with their mean rank; None of fewer than three pairs.

    None, too, where one side is the same everywhere.

    Source: Spearman 1904, The proof and measurement of association between two things.
    """
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a == a and b == b]
    if len(pairs) < 3:
        return None
    one, other = (_ranks(np.array(side)) for side in zip(*pairs, strict=True))
    if any(float(each.std()) == 0 for each in (one, other)):
        return None
    return float(np.corrcoef(one, other)[0, 1])


def with_losses(
    values: Tensor, tasks: Sequence[str], losses: Mapping[tuple[str, str], float]
) -> float | None:
    """Rank correlation of a matrix with what task j loses when task i is added to it alone.

    Args:
        values: ``(n, n)``, of who disturbs (rows) whom (columns).
        tasks: n names.
        losses: by (task, other), what the task loses by the other.
    """
    chosen = [(i, j) for i in range(len(tasks)) for j in range(len(tasks)) if i != j]
    known = [(i, j) for i, j in chosen if (tasks[j], tasks[i]) in losses]
    return rank_correlation(
        [float(values[i, j]) for i, j in known],
        [losses[tasks[j], tasks[i]] for i, j in known],
    )


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + last - 1) / 2)[places]


def _inner(vectors: AnyDeltas, name: str, grams: list[Tensor]) -> Iterator[Tensor]:
    """Per Gram the ``(n, n)`` products ``tr(V_a G V_b^T)`` of the tensor's vectors."""
    tensor = vectors.at(name)
    as_stored = bool(turned(vectors.base, name))
    groups = len(grams[0]) if grams[0].dim() > 2 else 1
    pairs = [_pair(tensor, task, as_stored, groups) for task in range(len(tensor.present))]
    for gram in grams:
        wide = gram if gram.dim() > 2 else gram.unsqueeze(0)
        made = torch.zeros(len(pairs), len(pairs), dtype=torch.float64)
        for b, other in enumerate(pairs):
            applied = None if other is None else wide @ other[0]
            for a, one in enumerate(pairs[: b + 1]):
                if one is not None and other is not None and applied is not None:
                    made[a, b] = made[b, a] = _trace(one, applied, other)
        yield made


def _trace(one: Inward, applied: Tensor, other: Inward) -> float:
    """``tr(V_a G V_b^T)`` of ``V^T = inner outer``; an outer of None is the identity."""
    if one[1] is not None and other[1] is not None:
        crossed = one[0].mT @ applied  # (1, rank, rank)
        return float((crossed[0] * (one[1] @ other[1].T)).sum())
    return float((_whole(one) * _whole((applied, other[1]))).sum())


def _whole(pair: Inward) -> Tensor:
    inner, outer = pair
    return inner if outer is None else inner @ outer


def _pair(tensor: Vectors, task: int, as_stored: bool, groups: int) -> Inward | None:
    """A vector with its inputs first: ``(groups, in, k)`` and, of low rank, ``(k, out)``."""
    if not tensor.present[task]:
        return None
    found = tensor.compact[task]
    if groups == 1 and isinstance(found, Factors | Product):
        scale = found.scale if isinstance(found, Factors) else 1.0
        b, a = found.b.double() * scale, found.a.double()
        return (b.unsqueeze(0), a) if as_stored else (a.T.unsqueeze(0), b.T)
    whole = torch.empty(tensor.numel, dtype=torch.float64)
    for start, stop in pieces(tensor.numel, CHUNK):
        piece = tensor.delta(task, start, stop, torch.float64)
        assert piece is not None
        whole[start:stop] = piece
    matrix = whole.view(tensor.shape[0], -1)
    return torch.stack((matrix if as_stored else matrix.T).chunk(groups, 1)), None
