"""Sign conflict and subspace overlap of every tensor, and by layer, as plain values."""

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.geometry.overlap import Overlap, overlap
from studio.geometry.scopes import layer_of
from studio.geometry.signs import SignConflict, sign_conflict
from studio.progress import Progress, part, silent


@dataclass(frozen=True)
class TensorReport:
    """What was measured in one tensor; no overlap where there are no subspaces."""

    conflict: SignConflict
    overlap: Overlap | None

    def plain(self) -> dict:
        """As it stands in a file; null where a pair has no number."""
        conflict, found = self.conflict, self.overlap
        signs = {
            "pairs": _numbers(conflict.share()),
            "pairs_by_size": _numbers(conflict.share_of_size()),
            "all": _number(conflict.share_of_all()),
        }
        subspaces = found and {
            "rank": found.rank,
            "columns": _numbers(found.columns),
            "rows": _numbers(found.rows),
            "expected_columns": found.expected_columns,
            "expected_rows": found.expected_rows,
        }
        return {"sign_conflict": signs, "subspace_overlap": subspaces}


def report(deltas: Deltas, progress: Progress = silent) -> dict[str, TensorReport]:
    """Sign conflict and subspace overlap of every tensor that some delta changes.

    Takes a pass over all deltas and a decomposition of every matrix; holds the subspaces of one
    tensor at a time.

    Args:
        deltas: finite ones.
        progress: told the share of tensors done; may raise to give up.
    """
    found = {}
    for t, name in enumerate(deltas.names):
        ahead = part(progress, t / len(deltas.names), (t + 1) / len(deltas.names))
        ahead(0.0, f"sign conflict in {name}")
        conflict = sign_conflict(deltas.at(name), deltas.dtype)
        found[name] = TensorReport(conflict, overlap(deltas, name, ahead))
    return found


def by_layer(found: dict[str, TensorReport]) -> dict[str, dict]:
    """Means over the pairs of tasks, layer by layer.

    Signs are counted over all elements of a layer; overlaps are means over its matrices.
    """
    layers: dict[str, list[TensorReport]] = {}
    for name, each in found.items():
        layers.setdefault(layer_of(name), []).append(each)
    return {layer: _layer(parts) for layer, parts in layers.items()}


def largest(found: dict[str, TensorReport], tasks: tuple[str, ...], side: str) -> dict | None:
    """The two tasks and the matrix whose 'columns' or 'rows' overlap most, or None."""
    best: tuple[float, dict] | None = None
    for name, each in found.items():
        if each.overlap is None:
            continue
        matrix, expected = {
            "columns": (each.overlap.columns, each.overlap.expected_columns),
            "rows": (each.overlap.rows, each.overlap.expected_rows),
        }[side]
        values = matrix.nan_to_num(-1.0).tril(-1)
        second, first = divmod(int(values.argmax()), len(tasks))
        value = float(values[second, first])
        if best is None or value > best[0]:
            pair = [tasks[first], tasks[second]]
            where = {"tensor": name, "tasks": pair, "overlap": value, "expected": expected}
            best = (value, where)
    return best and best[1]


def _layer(parts: list[TensorReport]) -> dict:
    conflict = sum((each.conflict for each in parts[1:]), parts[0].conflict)
    matrices = [each.overlap for each in parts if each.overlap]
    return {
        "sign_conflict": _mean(conflict.share()),
        "sign_conflict_by_size": _mean(conflict.share_of_size()),
        "matrices": len(matrices),
        "columns": _average([_mean(each.columns) for each in matrices]),
        "expected_columns": _average([each.expected_columns for each in matrices]),
        "rows": _average([_mean(each.rows) for each in matrices]),
        "expected_rows": _average([each.expected_rows for each in matrices]),
    }


def _mean(pairs: Tensor) -> float | None:
    """Mean over the pairs that have a number, or None."""
    i, j = torch.tril_indices(*pairs.shape, offset=-1)
    return _number(float(pairs[i, j].nanmean()))


def _average(values: list) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _number(value: float) -> float | None:
    return None if value != value else value  # NaN has no place in JSON


def _numbers(pairs: Tensor) -> list[list[float | None]]:
    return [[_number(value) for value in row] for row in pairs.tolist()]
