"""Reconstruction attack: bring the removed task back from what an unmerge has left of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from torch import Tensor

from studio.errors import StudioError
from studio.evidence.residue import residue_tensor
from studio.evidence.unmerge import Unmerging
from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.merge import Merge
from studio.progress import Progress, part, silent
from studio.tasks.live_model import LiveModel


@dataclass(frozen=True)
class Attack:
    """What the attack brought back of one removed task.

    Attributes:
        task: that was removed.
        score: of the reconstructed model on the task's held-out rows.
        scale: by which the residue was multiplied; its sign was chosen on validation rows.
        split: whose rows chose the sign; empty if the task has no validation rows.
    """

    task: str
    score: Score
    scale: float
    split: str

    def recovered(self, own: float, floor: float) -> float | None:
        """Share of the task's gain over a floor that came back; None if it gained nothing.

        Args:
            own: score of the task's own model.
            floor: score without the task, of the base, say.
        """
        sign = self.score.metric.sign
        gain = sign * (own - floor)
        return sign * (self.score.value - floor) / gain if gain > 0 else None


def attack(
    bench: Bench,
    live: LiveModel,
    unmerged: Unmerging,
    residue_norm: float,
    progress: Progress = silent,
) -> Attack | None:
    """Attack the subtracted model: base + s R on the removed task's held-out rows.

    R is the never-merged model minus the unmerged one, both as they are written: whoever holds
    the base, the kept checkpoints, the recipe and the unmerged model can form it. s gives R the
    mean length of the kept deltas; both signs are tried on the task's validation rows.

    Args:
        bench: the zoo, for heads and rows.
        live: a model that may be worn.
        unmerged: whose result is attacked; of one task.
        residue_norm: ‖R‖, as ``residue`` measures it.
        progress: told the share done.

    Returns:
        None if R is 0: there is nothing to amplify, so nothing to attack with.

    Raises:
        StudioError: the task has no held-out rows or head.
    """
    (task,) = unmerged.removed
    if task not in bench.scored():
        raise StudioError(f"'{task}' has no head or no held-out rows to attack with.")
    if residue_norm == 0.0:
        return None
    result, never = bench.merge(unmerged.recipe), bench.merge(unmerged.never)
    kept = [bench.gram.tasks.index(name) for name in unmerged.never.names] or [0]
    lengths = bench.gram.total().diagonal()[kept].sqrt()
    scale = float(lengths.mean()) / residue_norm
    heads = bench.heads([task])
    by_validation = "validation" if "validation" in bench.tasks[task].spec.data else ""
    best: tuple[float, float] = (-inf, scale)
    for number, signed in enumerate((scale, -scale) if by_validation else ()):
        live.wear_tensors(_reconstructed(result, never, signed))
        share = part(progress, number / 3, (number + 1) / 3)
        found = _score(bench, live, heads, "validation", share)
        best = max(best, (found[task].metric.sign * found[task].value, signed))
    live.wear_tensors(_reconstructed(result, never, best[1]))
    score = _score(bench, live, heads, "held_out", part(progress, 2 / 3, 1.0))[task]
    return Attack(task, score, best[1], by_validation)


def _reconstructed(result: Merge, never: Merge, scale: float) -> Iterator[tuple[str, Tensor]]:
    """Base + s (never - result), tensor by tensor."""
    for name in sorted({*result.changed, *never.changed}):
        base = result.base.tensor(name).flatten()
        if base.is_floating_point():
            base = base.to(result.compute_dtype)
            yield name, base + scale * residue_tensor(result, never, name)


def _score(
    bench: Bench, live: LiveModel, heads: dict, split: str, progress: Progress
) -> dict[str, Score]:
    evaluation = bench.evaluation(heads, split, live)
    for share in evaluation.run(live):
        progress(share, f"attacking: {split.replace('_', '-')} rows")
    return evaluation.scores()
