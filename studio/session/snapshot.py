"""What a page shows at one moment, as a frozen value."""

from dataclasses import dataclass

from studio.checkpoints.statistics import statistics_among
from studio.measure.change import Change
from studio.measure.doubts import doubts
from studio.measure.intervals import Score
from studio.recipe import Recipe
from studio.session.context import Context
from studio.session.geometry import Geometry
from studio.session.jobs import JobState
from studio.session.mix import Mix
from studio.session.worker import Worker
from studio.zoo import Zoo


@dataclass(frozen=True)
class Snapshot:
    """What the page shows at one moment.

    Attributes:
        version: grows with every change of anything below.
        zoo: that is open.
        mix: the mixer.
        recipe: of the tasks that are on.
        scores: of the recipe; on few rows, carried along from the last full pass.
        changes: of each task since the pinned recipe, on the rows that both have seen.
        is_pinned: whether the recipe is the pinned one.
        flipped: whether the pinned mix is shown for a moment in place of the one worked on.
        rows: {task: questions that its held-out rows ask}.
        share: of the recipe's evaluation that is done; 1 once all scores are exact.
        seen: whether every row was run, be it quickly.
        experts: each task by its own checkpoint, as far as known.
        head_only: the base with heads fitted on it, for the tasks that have one.
        base: the base with the experts' heads, once known.
        refusal: why the recipe cannot be merged, or the references cannot be scored; or empty.
        refused: whether it is the recipe that cannot be merged.
        geometry: of the recipe, once known.
        order: how much the order of the tasks matters, as a sentence; empty until known.
        job: the long job, if there was one.
        measuring: what a method that needs data still measures for the recipe; or empty.
        busy: whether more is coming by itself.
        doubts: experts that alone do worse than what needs no training, a sentence each.
        has_statistics: whether the base keeps running statistics, so that ``batch_norm`` counts.
    """

    version: int
    zoo: Zoo
    mix: Mix
    recipe: Recipe
    scores: dict[str, Score]
    changes: dict[str, Change]
    is_pinned: bool
    flipped: bool
    rows: dict[str, int]
    share: float
    seen: bool
    experts: dict[str, Score]
    head_only: dict[str, Score]
    base: dict[str, Score]
    refusal: str
    refused: bool
    geometry: Geometry | None
    order: str
    job: JobState | None
    measuring: str
    busy: bool
    doubts: tuple[str, ...] = ()
    has_statistics: bool = False


def take_snapshot(context: Context, pinned: Mix, flipped: bool) -> Snapshot:
    """What the page shows at this moment; the caller holds the session's lock.

    Args:
        context: of the session.
        pinned: the mix that the shown one is compared with.
        flipped: whether the pinned mix is shown for a moment.
    """
    recipe, other = context.recipe(), pinned.recipe(context.zoo)
    worker, bench, job = context.worker, context.bench, context.jobs.state
    results = worker.results
    known, refusal = results.evaluation(recipe), results.refusal(recipe)
    return Snapshot(
        version=worker.version,
        zoo=context.zoo,
        mix=context.mix(),
        recipe=recipe,
        scores=results.scores(recipe),
        changes=results.changes(recipe, other),
        is_pinned=recipe.digest == other.digest,
        flipped=flipped,
        rows={name: bench.tasks[name].questions("held_out") for name in bench.scored()},
        share=known.share if known else 0.0,
        seen=bool(known and known.seen),
        experts=dict(results.experts),
        head_only=dict(results.head_only),
        base=dict(results.base),
        refusal=refusal or results.refusal_of_references,
        refused=bool(refusal),
        geometry=results.geometry(recipe),
        order=results.order(recipe),
        job=job,
        measuring=worker.measuring.words(recipe),
        busy=not worker.idle or bool(job and job.running),
        doubts=_doubts(worker),
        has_statistics=bool(statistics_among(worker.bench.base.names)),
    )


def _doubts(worker: Worker) -> tuple[str, ...]:
    known, options = (
        worker.results,
        {name: worker.bench.options(name) for name in worker.bench.tasks},
    )
    floors = (("head-only", known.head_only), ("the base with its head", known.base))
    return tuple(doubts(dict(known.experts), options, floors).values())
