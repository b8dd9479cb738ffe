"""What merges of a seed's adapters score, computed with PEFT alone and not with the studio."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from assets.make_zoo.train import base_model, features
from assets.make_zoo.zoo import Material, deltas, read_adapter, read_head

REMOVED = "guild-registry"
SCALES = (0.3, 0.5, 1.0)
Right = dict[str, list[int]]  # by task, whether each row is predicted right


class Scores:
    """Predictions on one split of every task.

    Args:
        material: the rows.
        base: folder of the base.
        folder: folder of one seed's tasks.
        split: the split to score.
    """

    def __init__(self, material: Material, base: Path, folder: Path, split: str) -> None:
        self._base, self._folder = base, folder
        self._rows = {task.name: material.rows(base, task, split) for task in material.tasks}
        self._deltas = {name: deltas(base, folder / "tasks" / name) for name in self._rows}

    def all(self, say: Callable[[str], None]) -> dict[str, Right]:
        """Every line of the table."""
        names = list(self._rows)
        equal = 1 / len(names)
        kept = [name for name in names if name != REMOVED]
        found: dict[str, Right] = {"head-only": {}, "expert": {}}
        for name, rows in self._rows.items():
            place = self._folder / "tasks" / name
            states = features(base_model(self._base), rows)
            found["head-only"][name] = _right(place / "head_only.safetensors", states, rows.labels)
            states = features(read_adapter(self._base, place), rows)
            found["expert"][name] = _right(place / "head.safetensors", states, rows.labels)
        merges = {"average": dict.fromkeys(names, equal)}
        for scale in SCALES:
            merges[merged_at(scale)] = dict.fromkeys(names, scale)
            merges[without_at(scale)] = dict.fromkeys(kept, scale)
        for words, coefficients in merges.items():
            found[words] = self._merged(coefficients)
            say(f"{words}: {mean(found[words]):.3f}")
        return found

    def cosines(self) -> dict[str, dict[str, float]]:
        """Cosine of every two tasks' whole deltas."""
        whole = {name: _flat(parts, self._deltas) for name, parts in self._deltas.items()}
        return {
            one: {other: float(torch.cosine_similarity(a, b, dim=0)) for other, b in whole.items()}
            for one, a in whole.items()
        }

    def norms(self) -> dict[str, float]:
        """Euclidean norm of every delta."""
        return {name: float(_flat(parts, self._deltas).norm()) for name, parts in
                self._deltas.items()}  # fmt: skip

    def _merged(self, coefficients: Mapping[str, float]) -> Right:
        model = base_model(self._base)
        with torch.no_grad():
            for name, value in model.state_dict().items():
                for task, coefficient in coefficients.items():
                    if name in self._deltas[task]:
                        value += coefficient * self._deltas[task][name]
        return {
            name: _right(self._folder / "tasks" / name / "head.safetensors",
                         features(model, rows), rows.labels)
            for name, rows in self._rows.items()
        }  # fmt: skip


def merged_at(scale: float) -> str:
    """The line of the plain sum of all deltas at one scale."""
    return f"sum x {scale:g}"


def without_at(scale: float) -> str:
    """The same without the task that is unmerged."""
    return f"sum x {scale:g} without {REMOVED}"


def mean(right: Right) -> float:
    """Mean over the tasks of the share of right rows."""
    return sum(sum(rows) / len(rows) for rows in right.values()) / len(right)


def _right(head: Path, states: Tensor, labels: Tensor) -> list[int]:
    with torch.no_grad():
        return (read_head(head)(states).argmax(1) == labels).int().tolist()


def _flat(parts: Mapping[str, Tensor], deltas: Mapping[str, Mapping[str, Tensor]]) -> Tensor:
    names = sorted(set().union(*deltas.values()))
    return torch.cat([parts[name].flatten() for name in names]).double()
