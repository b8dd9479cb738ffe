"""Training-time baselines as plain values and as lines of text, beside the merges of a run."""

from collections.abc import Iterator, Mapping, Sequence

from studio.measure.metrics import means, scores_json
from studio.sequence.measures import Track, metrics_of, spread, tracks_of
from studio.sequence.plan import SequencePlan, carried
from studio.sequence.report import curve_lines, matrix_lines, titles
from studio.sequence.run import ReferenceScores
from studio.sequence.trained.baselines import BASELINES
from studio.sequence.trained.course import TrainedPlan, split_words
from studio.sequence.trained.learner import ADAPTER
from studio.sequence.trained.run import JOINT, TrainedArrival

_ALL = "nothing: all tasks' rows are there at once"


def cost_words(rows: int, split: str, what: str, own: TrainedPlan) -> str:
    """What a run will take, before it is begun.

    Args:
        rows: see ``trained_rows``.
        split: that is trained on.
        what: is trained.
        own: what training may spend.
    """
    rate = own.adapter_rate if what == ADAPTER else own.whole_rate
    return (
        f"Training-time baselines: {own.steps} steps of {own.batch} rows at every arrival, at most "
        f"{own.rows:,} different {split_words(split)} per task, AdamW at {rate:g} on {what}; "
        f"together at most {rows:,} row evaluations forward and backward. Heads are the experts', "
        "as for a merge. Nothing was tuned for this zoo."
    )


def trained_lines(
    plan: SequencePlan, found: ReferenceScores, made: Sequence[TrainedArrival],
    merged: Sequence[Track],
) -> Iterator[str]:  # fmt: skip
    """Every baseline's matrix and curves, and then all rows of the run beside each other.

    Args:
        plan: of the run.
        found: its references.
        made: by the baselines.
        merged: tracks of its merges.
    """
    shown = titles(metrics_of(found))
    tracked = _tracks(plan, found, made)
    for label, own in tracked.items():
        yield ""
        yield f"{label}, trained (keeps {BASELINES[label].carried})"
        for track in own:
            if track.refusal:
                yield f"  ended after {len(track.steps)} tasks: {track.refusal}"
        if own and own[0].steps:
            yield from matrix_lines(plan, own, metrics_of(found))
            yield from curve_lines(plan, own, shown)
    yield ""
    yield f"After all {len(plan.tasks)} tasks, merged and trained"
    yield (
        f"  {'':15} "
        + "  ".join(f"{name:>17}" for name in shown.values())
        + ("  seconds  MB kept  peak MB  keeps")
    )
    for label in plan.recipes:
        own = [track for track in merged if track.label == label]
        yield _last(plan, label, own, shown, _merged_price(plan, label, own))
    for label, own in tracked.items():
        steps = [each for each in made if each.step.label == label]
        price = f"{_seconds(steps)}  {_price(steps)}  {BASELINES[label].carried}"
        yield _last(plan, label, own, shown, price)
    for each in made:
        if each.step.label == JOINT:
            yield _joint(each, shown)
    yield (
        "  seconds: of all arrivals, a mean over the orders; of a merge to compute it and put it "
        "on, - where its scores were known. peak: resident memory above that before training, "
        "sampled. The trained rows have seen labels; merges without data have not."
    )


def trained_json(
    plan: SequencePlan, found: ReferenceScores, made: Sequence[TrainedArrival], own: TrainedPlan,
    split: str,
) -> dict:  # fmt: skip
    """``{"plan", "split", "baselines": {NAME: {"orders": [...]}}}``, plain."""
    rows: dict = {}
    for label in dict.fromkeys(each.step.label for each in made):
        rows[label] = [_step(each) for each in made if each.step.label == label]
    curves = {
        label: [{name: list(values) for name, values in track.curves.items()} for track in tracks]
        for label, tracks in _tracks(plan, found, made).items()
    }
    return {
        "plan": own.plain(),
        "split": split,
        "baselines": {
            label: {"arrivals": steps, "curves": curves.get(label)} for label, steps in rows.items()
        },
    }


def _tracks(
    plan: SequencePlan, found: ReferenceScores, made: Sequence[TrainedArrival]
) -> dict[str, list[Track]]:
    """By baseline, without joint training, which has no arrivals."""
    steps = [each.step for each in made if each.step.label != JOINT]
    labels = dict.fromkeys(step.label for step in steps)
    return {label: tracks_of(plan, found, steps, label) for label in labels}


def _last(
    plan: SequencePlan, label: str, own: Sequence[Track], shown: Mapping[str, str], price: str
) -> str:
    n, cells = len(plan.tasks), []
    for curve in shown:
        value = spread(own, curve, n)
        many = "" if value is None or value.deviation is None else f" sd {value.deviation:.4f}"
        cells.append(f"{'-' if value is None else f'{value.mean:.4f}{many}':>17}")
    return f"  {label:15} {'  '.join(cells)}  {price}"


def _merged_price(plan: SequencePlan, label: str, own: Sequence[Track]) -> str:
    """Of a merge: seconds where all its models were measured in this run."""
    times = [[step.seconds for step in track.steps] for track in own]
    known = [sum(each) for each in times if each and all(each)]
    seconds = f"{sum(known) / len(known):7.2f}" if known else f"{'-':>7}"
    return f"{seconds}  {'':7}  {'':7}  {carried(plan.recipes[label])}"


def _seconds(steps: Sequence[TrainedArrival]) -> str:
    orders = len({each.step.order for each in steps})
    return f"{sum(each.step.seconds for each in steps) / max(orders, 1):7.2f}"


def _price(steps: Sequence[TrainedArrival]) -> str:
    kept, peak = max(each.kept for each in steps), max(each.peak for each in steps)
    return f"{kept / 1e6:7.3f}  {peak / 1e6:7.0f}"


def _joint(each: TrainedArrival, shown: Mapping[str, str]) -> str:
    if each.step.refusal:
        return f"  {JOINT}: {each.step.refusal}"
    levels = means(each.step.scores)
    cells = [f"{mean.value:.4f}" for mean in levels] + ["-"] * (len(shown) - len(levels))
    if len(levels) > 1:  # BWT and FWT stand between the means of two metrics
        cells = [", ".join(mean.words for mean in levels), *["-"] * (len(shown) - 1)]
    line = "  ".join(f"{cell:>17}" for cell in cells)
    return f"  {JOINT:15} {line}  {_seconds([each])}  {_price([each])}  {_ALL}"


def _step(each: TrainedArrival) -> dict:
    step = each.step
    return scores_json(step.scores) | {
        "order": step.order,
        "t": step.t,
        "seconds": step.seconds,
        "kept_bytes": each.kept,
        "peak_bytes": each.peak,
        "trained_numbers": each.trained,
        "refusal": step.refusal,
    }
