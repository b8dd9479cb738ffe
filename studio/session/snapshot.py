"""What a page shows at one moment, as a frozen value."""

from dataclasses import dataclass

from studio.checkpoints.statistics import statistics_among
from studio.measure.change import Change
from studio.measure.doubts import doubts, replaced_experts
from studio.measure.intervals import Score
from studio.recipe import Recipe
from studio.session.context import Context
from studio.session.first_scores import first_scores
from studio.session.geometry import Geometry
from studio.session.jobs import JobState
from studio.session.mix import Mix
from studio.session.mixer import Mixer
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
        seen: whether every row was run, be it quickly, or by who made the zoo.
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
        doubts: experts whose scores cannot be trusted, a sentence each.
        has_statistics: whether the base keeps running statistics, so that ``batch_norm`` counts.
        shipped: which of scores, experts, head_only and base hold a score that the zoo ships and
            this computer has not computed yet; no file that is saved may hold one.
        departed: where the zoo's scores are not those of this computer, a sentence; or empty.
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
    shipped: frozenset[str] = frozenset()
    departed: str = ""


def take_snapshot(context: Context, mixer: Mixer, job: JobState | None) -> Snapshot:
    """What the page shows at this moment; the caller holds the session's lock.

    Args:
        context: of the session.
        mixer: with the mix that the shown one is compared with.
        job: the long job, or what is shown in its place.
    """
    recipe, other = context.recipe(), mixer.pinned.recipe(context.zoo)
    worker, bench = context.worker, context.bench
    results = worker.results
    known, refusal = results.evaluation(recipe), results.refusal(recipe)
    first = first_scores(results, worker.shipped, recipe)
    return Snapshot(
        version=worker.version,
        zoo=context.zoo,
        mix=context.mix(),
        recipe=recipe,
        scores=dict(first.scores),
        changes=results.changes(recipe, other),
        is_pinned=recipe.digest == other.digest,
        flipped=mixer.flipped,
        rows={name: bench.tasks[name].questions("held_out") for name in bench.scored()},
        share=known.share if known else 0.0,
        seen=bool(known and known.seen) or "scores" in first.shipped,
        experts=dict(first.experts),
        head_only=dict(first.head_only),
        base=dict(first.base),
        refusal=refusal or results.refusal_of_references,
        refused=bool(refusal),
        geometry=results.geometry(recipe),
        order=results.order(recipe),
        job=job,
        measuring=worker.measuring.words(recipe),
        busy=not worker.idle or bool(job and job.running),
        doubts=_doubts(worker),
        has_statistics=bool(statistics_among(worker.bench.base.names)),
        shipped=first.shipped,
        departed=first.departed,
    )


def _doubts(worker: Worker) -> tuple[str, ...]:
    known, options = (
        worker.results,
        {name: worker.bench.options(name) for name in worker.bench.tasks},
    )
    floors = (("head-only", known.head_only), ("the base with its head", known.base))
    gone = replaced_experts(worker.bench)
    return tuple(doubts(dict(known.experts), options, floors, gone).values())
