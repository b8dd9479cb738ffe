"""AdapterFusion beside the methods of a comparison: its scores, its price, and its removals."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from studio.compare.comparison import Table
from studio.compare.standings import Standing
from studio.compare.unmerge_drop import Removal, removal_of
from studio.errors import BadData
from studio.fusion.fusion import Fusion, make_fusion, refuse_unfusable
from studio.fusion.training import FusionPlan, Training, counted_rows, train_fusion
from studio.measure.bench import Bench
from studio.measure.change import Change, mean_change
from studio.measure.evaluate import Evaluation
from studio.measure.metrics import Mean, means, scores_json
from studio.measure.outcomes import Outcome, paired
from studio.progress import Progress, part, silent

TITLE = "AdapterFusion (trained)"
DROP, RETRAIN = "drop", "retrain"
PROTOCOL = (
    "One attention for all tasks is trained on all their rows, as one merged model serves all; the "
    "paper trains one per target task. So what was trained with a task's rows stays in queries, "
    "keys and values when its adapter is dropped, and leaves only with the attention, which is "
    "then trained again without it."
)
_TIMED = 8  # batches, each with and without the fusion in turn
_SPLIT = "held_out"


@dataclass(frozen=True)
class FusionRow:
    """AdapterFusion on a comparison's held-out rows.

    Attributes:
        outcome: its marks.
        training: what its training came to.
        plan: what that might spend.
        tasks: whose n adapters stay at inference.
        numbers: in queries, keys and values, which the model carries along.
        base: numbers of the base.
        latency: seconds a row takes, by those of the base or any merged model: the median over
            batches that both ran in turn.
        rival: best merged row and the change of the mean from it; None if there is none.
        floor: change of the mean from not merging.
        expert: change of the mean from the experts.
    """

    outcome: Outcome
    training: Training
    plan: FusionPlan
    tasks: tuple[str, ...]
    numbers: int
    base: int
    latency: float
    rival: tuple[str, Change] | None
    floor: Change
    expert: Change

    @property
    def means(self) -> tuple[Mean, ...]:
        """Unweighted means over the tasks of each metric."""
        return means(self.outcome.scores)

    @property
    def price(self) -> str:
        """What it takes and a merged model does not, a sentence or two."""
        spent, n = self.training, len(self.tasks)
        return (
            f"needs labelled validation rows: {spent.rows:,} forward and backward and "
            f"{spent.looked:,} to decide, {spent.seconds:.0f} s, best after {spent.best} of "
            f"{spent.steps} steps; {n} adapters and {self.numbers / 1e6:.2f} million numbers of "
            f"attention stay at inference ({self.numbers / self.base:.0%} of the base); a row "
            f"takes {self.latency:.2f} times as long as by a merged model"
        )

    def plain(self) -> dict:
        """As JSON."""
        return scores_json(self.outcome.scores) | {
            "adapters": len(self.tasks),
            "protocol": PROTOCOL,
            "needs": "labels",
            "plan": self.plan.plain(),
            "training": asdict(self.training),
            "attention_numbers": self.numbers,
            "base_numbers": self.base,
            "latency_ratio": self.latency,
            "rival": {"name": self.rival[0]} | self.rival[1].plain() if self.rival else None,
            "not_merging": self.floor.plain(),
            "experts": self.expert.plain(),
        }


def fusion_cost(bench: Bench, plan: FusionPlan, removed: int = 0) -> str:
    """What a row, and so many removals with it, will take at most, before it is begun.

    Raises:
        StudioError: the zoo has no adapters, or too few rows, or tasks to remove one of.
    """
    refuse_unfusable(bench)
    names = _names(bench)
    if removed:
        _refuse_few(names)
    fitted, deciding = counted_rows(bench, names, plan)
    looks = plan.budget // plan.every + 1
    held = sum(len(bench.tasks[name].rows(_SPLIT)) for name in names)
    once = plan.budget * plan.batch * len(names)
    words = (
        f"AdapterFusion: at most {plan.budget} steps of {plan.batch} rows of each task, "
        f"{once:,} row evaluations forward and backward on {fitted:,} validation rows, "
        f"and {looks * deciding:,} on {deciding:,} others that decide"
    )
    if not removed:
        return f"{words}; then {held:,} held-out rows."
    return (
        f"{words}; the same again, with one task less, for each of {removed} removals; then "
        f"{(1 + 2 * removed) * held:,} held-out rows."
    )


def fusion_row(
    bench: Bench, table: Table, plan: FusionPlan, progress: Progress = silent,
    most: int | None = None,
) -> tuple[FusionRow, Fusion]:  # fmt: skip
    """Train a fusion of all the zoo's adapters and score it on the rows of a comparison.

    Args:
        bench: the zoo, opened; its live model wears the base afterwards.
        table: of the methods that it stands beside.
        plan: of the training.
        progress: told the share done; raising stops it.
        most: held-out rows per task, as of the table; None for all.

    Raises:
        StudioError: see ``make_fusion`` and ``train_fusion``.
    """
    names = _names(bench)
    fusion = make_fusion(bench, names, plan.seed)
    training = train_fusion(bench, fusion, plan, part(progress, 0.0, 0.6))
    evaluation = _evaluated(bench, fusion, names, most, part(progress, 0.6, 0.95), TITLE)
    outcome = _outcome(evaluation)
    ratio = latency_ratio(bench, fusion, names)
    progress(1.0, TITLE)
    refs, best = table.references, _best(table.standings)
    row = FusionRow(
        outcome, training, plan, names, fusion.trained,
        sum(each.numel() for each in bench.live.whole.parameters()), ratio,
        (best.row.name, _change(outcome, best.outcome)) if best else None,
        _change(outcome, refs.floor[1]), _change(outcome, refs.experts),
    )  # fmt: skip
    return row, fusion


def fusion_removals(
    bench: Bench, fusion: Fusion, plan: FusionPlan, progress: Progress = silent,
    most: int | None = None,
) -> Iterator[Removal]:  # fmt: skip
    """Take out each task in turn: its adapter dropped, then the attention trained without it.

    What is trained again begins anew, from the same seed, on the other tasks' adapters and rows:
    it is the fusion that never saw the task.

    Args:
        bench: the zoo, opened.
        fusion: trained on all its tasks; attends to all of them again afterwards.
        plan: of its training.
        progress: told the share done; raising stops it.
        most: held-out rows per task; None for all.

    Raises:
        BadData: there are fewer than three tasks, so that no two adapters are left.
    """
    _refuse_few(fusion.tasks)
    return _removals(bench, fusion, plan, most, progress)


def _refuse_few(names: Sequence[str]) -> None:
    if len(names) < 3:
        raise BadData(
            f"{TITLE} without one of {len(names)} tasks has one adapter left, and nothing to "
            "attend to. Measuring what its removals cost takes three."
        )


def latency_ratio(bench: Bench, fusion: Fusion, names: Sequence[str]) -> float:
    """Seconds that batches take with a fusion by those without: the median over pairs in turn."""
    live, found = bench.live, []
    live.wear(None)
    apart = [bench.evaluation(bench.heads(names), _SPLIT, rows=_TIMED * 8) for _ in range(2)]
    for _ in range(_TIMED):
        if any(each.done for each in apart):
            break
        seconds = []
        for evaluation, on in zip(apart, (False, True), strict=True):
            started = time.perf_counter()
            if on:
                with fusion.attached(live):
                    evaluation.step(live)
            else:
                evaluation.step(live)
            seconds.append(time.perf_counter() - started)
        found.append(seconds[1] / seconds[0])
    return median(found)


def fusion_lines(row: FusionRow) -> list[str]:
    """The row for a terminal."""
    rival = f"; against {row.rival[0]} {row.rival[1].shown}" if row.rival else ""
    each = ", ".join(f"{name} {score.shown}" for name, score in row.outcome.scores.items())
    return [
        f"{TITLE}: {', '.join(mean.words for mean in row.means)} on held-out rows; against the "
        f"experts {row.expert.shown}, against not merging {row.floor.shown}{rival}, paired.",
        f"  {each}",
        f"  It {row.price}.",
        f"  {PROTOCOL}",
    ]


def _removals(
    bench: Bench, fusion: Fusion, plan: FusionPlan, most: int | None, progress: Progress
) -> Iterator[Removal]:
    names = fusion.tasks
    size = 1 / (1 + len(names))

    def scored(of: Fusion, words: str, report: Progress) -> Evaluation:
        return _evaluated(bench, of, names, most, report, f"{TITLE}, {words}")

    before = scored(fusion, "all tasks", part(progress, 0.0, size))
    for place, task in enumerate(names, 1):
        report, left = part(progress, place * size, (place + 1) * size), _without(names, task)
        started = time.perf_counter()
        fusion.attend(left)
        seconds = time.perf_counter() - started
        try:
            after = scored(fusion, f"adapter of {task} dropped", part(report, 0.0, 0.2))
        finally:
            fusion.attend(names)
        yield removal_of(bench, TITLE, task, DROP, before, after, seconds)
        started = time.perf_counter()
        again = make_fusion(bench, left, plan.seed)
        train_fusion(bench, again, plan, part(report, 0.2, 0.8))
        seconds = time.perf_counter() - started
        after = scored(again, f"trained without {task}", part(report, 0.8, 1.0))
        yield removal_of(bench, TITLE, task, RETRAIN, before, after, seconds)


def _without(names: Sequence[str], task: str) -> tuple[str, ...]:
    return tuple(name for name in names if name != task)


def _names(bench: Bench) -> tuple[str, ...]:
    """All tasks of the zoo, each of which has to have rows.

    Raises:
        BadData: one of them cannot be scored.
    """
    names, scored = tuple(bench.tasks), bench.scored(_SPLIT)
    if mute := [name for name in names if name not in scored]:
        raise BadData(
            f"{', '.join(map(repr, mute))}: no head or no held-out rows, so AdapterFusion cannot "
            "be scored on all tasks whose adapters it holds. Add rows, or leave AdapterFusion out."
        )
    return names


def _evaluated(
    bench: Bench, fusion: Fusion, names: Sequence[str], most: int | None, progress: Progress,
    words: str,
) -> Evaluation:  # fmt: skip
    evaluation = bench.evaluation(bench.heads(names), _SPLIT, rows=most)
    bench.live.wear(None)
    with fusion.attached(bench.live):
        for share in evaluation.run(bench.live):
            progress(share, words)
    return evaluation


def _outcome(evaluation: Evaluation) -> Outcome:
    parts = evaluation.parts
    rows = sum(len(each.items) for each in parts.values())
    return Outcome(
        {name: evaluation.marks(name) for name in parts},
        {name: each.groups for name, each in parts.items()},
        latency=evaluation.seconds / max(rows, 1),
    )


def _best(standings: Sequence[Standing]) -> Standing | None:
    """The best merged row that is no mix of somebody's own."""
    return next((each for each in standings if not each.row.own), None)


def _change(new: Outcome, old: Outcome) -> Change:
    return mean_change(paired(new, old))
