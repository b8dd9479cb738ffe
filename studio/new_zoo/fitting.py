"""Heads fitted on the spot: a logistic regression on what the base, or the expert, gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadData
from studio.merge import open_merge
from studio.methods import SUM
from studio.progress import Progress, part, silent
from studio.recipe import Recipe, TaskEntry
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.contract import Kind
from studio.tasks.live_model import LiveModel
from studio.tasks.rows import Row
from studio.tasks.spec import TaskSpec

_STRENGTHS = (0.01, 0.1, 1.0, 10.0)  # of sklearn's C on standardized states
_AT_ONCE = 32  # rows of a batch
_ITERATIONS = 2_000


@dataclass(frozen=True)
class Fit:
    """A head and how it was fitted.

    Attributes:
        head: on states as the model gives them.
        strength: sklearn's C, chosen on validation rows.
        accuracy: on the validation rows, by which the strength was chosen.
        rows: it was fitted on.
    """

    head: LinearHead
    strength: float
    accuracy: float
    rows: int


def fitted(
    base: Checkpoint, spec: TaskSpec, kind: Kind, labels: Sequence[str], on_expert: bool,
    device: torch.device, progress: Progress = silent,
) -> Fit:  # fmt: skip
    """Fit a linear head on training rows, its strength chosen on validation rows.

    Args:
        base: of the zoo.
        spec: of the task, whose files hold ``train`` and ``validation`` rows.
        kind: of the task.
        labels: in the order of the head.
        on_expert: whether the states are those of the expert, or of the untouched base.
        device: of the model.
        progress: told after every batch.

    Raises:
        BadData: a label has no row to fit on.
    """
    live = LiveModel(base, device, [kind])
    if on_expert:
        alone = (TaskEntry(spec.name, spec.checkpoint, 1.0),)
        live.wear(open_merge(Recipe(str(base.folder), alone, SUM)))
    rows = {s: kind.read(spec.data[s], tuple(labels), True) for s in ("train", "validation")}
    missing = {*range(len(labels))} - {row.answers[0] for row in rows["train"]}
    if missing:
        names = ", ".join(repr(labels[at]) for at in sorted(missing)[:5])
        raise BadData(f"'{spec.name}': no training row has the label {names}. Add rows.")
    total = sum(map(len, rows.values()))
    share = len(rows["train"]) / total
    known = _states(live, spec, kind, rows["train"], part(progress, 0.0, 0.8 * share))
    seen = _states(live, spec, kind, rows["validation"], part(progress, 0.8 * share, 0.8))
    answers = {s: np.array([row.answers[0] for row in found]) for s, found in rows.items()}
    tried = []
    for at, strength in enumerate(_STRENGTHS):
        progress(0.8 + 0.2 * at / len(_STRENGTHS), "fitting the head")
        head = _regression(known, answers["train"], strength, len(labels))
        right = float((head(seen).argmax(1).numpy() == answers["validation"]).mean())
        tried.append(Fit(head, strength, right, len(rows["train"])))
    return max(tried, key=lambda fit: fit.accuracy)


@torch.inference_mode()
def _states(
    live: LiveModel, spec: TaskSpec, kind: Kind, rows: Sequence[Row], progress: Progress
) -> Tensor:
    """``(rows, hidden)`` float32: what a linear head of the kind would read."""
    items = kind.encode(live.readers[kind.name], spec, rows)
    order = sorted(range(len(items)), key=lambda at: kind.length(items[at]))
    found: dict[int, Tensor] = {}
    for start in range(0, len(order), _AT_ONCE):
        progress(start / len(order), f"{start:,} of {len(order):,} rows read")
        chosen = order[start : start + _AT_ONCE]
        batch = live.batch(kind, [items[at] for at in chosen])
        output: Any = live.states(batch.inputs)
        pooled = kind.scores(spec, _same(output, kind), output, batch, torch.arange(len(chosen)))
        found.update(zip(chosen, pooled.float(), strict=True))
    states = torch.stack([found[at] for at in range(len(rows))])
    if wrong := int((~states.isfinite()).any(1).sum()):
        raise BadData(
            f"'{spec.name}': for {wrong:,} of {len(rows):,} rows the model gives no finite "
            "numbers, so no head can be fitted. Are its weights whole?"
        )
    return states


def _same(output: Any, kind: Kind) -> LinearHead:
    """A head that gives its states back."""
    if kind.name == "image-classification":
        width = output.pooler_output.flatten(1).shape[1]
    else:
        width = output.last_hidden_state.shape[-1]
    return LinearHead(torch.eye(width), torch.zeros(width))


def _regression(states: Tensor, answers: np.ndarray, strength: float, count: int) -> LinearHead:
    """A multinomial logistic regression on standardized states, written for the states as is."""
    mean, spread = states.mean(0), states.std(0).clamp(min=1e-6)
    fit = LogisticRegression(C=strength, max_iter=_ITERATIONS)
    fit.fit(((states - mean) / spread).numpy(), answers)
    weight, bias = torch.from_numpy(fit.coef_).float(), torch.from_numpy(fit.intercept_).float()
    if count == 2:  # sklearn gives the second label's row alone
        weight, bias = torch.cat([-weight / 2, weight / 2]), torch.cat([-bias / 2, bias / 2])
    weight = weight / spread
    return LinearHead(weight.contiguous(), bias - weight @ mean)
