"""A sequence run as plain values and as lines of text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from studio.measure.metrics import means, scores_json
from studio.sequence.measures import (
    TRANSFERS,
    Track,
    curve_names,
    mean_matrix,
    metrics_of,
    spread,
)
from studio.sequence.plan import SequencePlan, carried
from studio.sequence.run import Arrival, ReferenceScores
from studio.sequence.sweep import Sweep
from studio.tasks.metric import LOSS, Metric

_LEVELS = tuple(next(iter(names)) for names in TRANSFERS.values())  # and not changes


def plain(
    plan: SequencePlan, found: ReferenceScores, tracks: Sequence[Track], sweep: Sweep | None = None
) -> dict:
    """Everything that a run measured, for a JSON file."""
    metrics = metrics_of(found)
    curves = curve_names(metrics)
    result = {
        "tasks": list(plan.tasks),
        "rows": dict(plan.counts),
        "orders": [{"tasks": list(order.tasks), "seed": order.seed} for order in plan.orders],
        "models_at_most": plan.models,
        "row_evaluations_at_most": plan.row_evaluations,
        "base": scores_json(found.base),
        "experts": scores_json(found.experts),
        "head_only": scores_json(found.head_only) if found.head_only else None,
        "methods": {label: _method(plan, label, tracks, curves) for label in plan.recipes},
    }
    if sweep:
        result["sweep"] = {
            "method": sweep.method,
            "option": sweep.option,
            "values": [
                _swept(plan, sweep, value, tracks, titles(metrics)) for value in sweep.values
            ],
        }
    return result


def lines(plan: SequencePlan, found: ReferenceScores, tracks: Sequence[Track]) -> Iterator[str]:
    """The run for a terminal: per method the matrix, ACC, BWT and FWT, and their spread."""
    counts = ", ".join(f"{name} {count}" for name, count in plan.counts.items())
    yield f"held-out rows: {counts}"
    base = ", ".join(f"{name} {score.value:.4f}" for name, score in found.base.items())
    yield f"base: {base}"
    for label, recipe in plan.recipes.items():
        own = [track for track in tracks if track.label == label]
        yield ""
        yield f"{label} (keeps {carried(recipe)})"
        for track in own:
            if len(plan.orders) > 1 or track.refusal:
                seed = "" if track.order.seed is None else f"seed {track.order.seed}: "
                yield f"  {seed}{', '.join(track.order.tasks)}"
            if track.refusal:
                yield f"  ended after {len(track.steps)} tasks: {track.refusal}"
        if own and own[0].steps:
            yield from matrix_lines(plan, own, metrics_of(found))
            yield from curve_lines(plan, own, titles(metrics_of(found)))
    if LOSS in metrics_of(found):
        yield "losses in nats per token; of a loss, BWT and FWT above 0 say that it fell"


def titles(metrics: Sequence[Metric]) -> dict[str, str]:
    """ACC, BWT and FWT within each metric, by the names of the curves."""
    return {curve: title for metric in metrics for curve, title in TRANSFERS[metric].items()}


def sweep_lines(
    plan: SequencePlan, sweep: Sweep, tracks: Sequence[Track], shown: Mapping[str, str]
) -> Iterator[str]:
    """ACC, BWT and FWT at the end, value by value.

    Args:
        plan: of the run.
        sweep: of one of its methods.
        tracks: of the run.
        shown: see ``titles``.
    """
    yield ""
    yield f"{sweep.method}: {sweep.option} swept, after {len(plan.tasks)} tasks"
    yield f"  {sweep.option:>10}  " + "  ".join(f"{name:>17}" for name in shown.values())
    for value in sweep.values:
        own = [track for track in tracks if track.label == sweep.label(value)]
        cells = (_cell(own, curve, len(plan.tasks), "") for curve in shown)
        yield f"  {value:>10g}  {'  '.join(cells)}"


def matrix_lines(
    plan: SequencePlan, own: Sequence[Track], metrics: Sequence[Metric]
) -> Iterator[str]:
    """What each task is scored after t arrivals, of one method."""
    single = len(plan.orders) == 1
    heads = own[0].order.tasks if single else [f"arrived {i + 1}" for i in range(len(plan.tasks))]
    width = max(8, *(len(head) for head in heads))
    over = "" if single else f", mean over {len(own)} orders"
    what = " or ".join(metric.name for metric in metrics)
    if len(metrics) > 1 and not single:
        yield "  tasks of two metrics arrive in one place, so no mean over orders is formed there"
        return
    yield f"  {what} of each task after t arrivals{over}"
    yield "    t  " + "  ".join(f"{head:>{width}}" for head in heads)
    for t, row in enumerate(mean_matrix(own), 1):
        yield f"  {t:3}  " + "  ".join(f"{value:>{width}.4f}" for value in row)


def curve_lines(
    plan: SequencePlan, own: Sequence[Track], shown: Mapping[str, str]
) -> Iterator[str]:
    """ACC, BWT and FWT of one method after t arrivals, and how far it is from the base."""
    yield "    t  " + "  ".join(f"{name:>17}" for name in shown.values()) + "  distance to base"
    for t in range(1, len(plan.tasks) + 1):
        cells = [_cell(own, curve, t, "" if curve in _LEVELS else "+") for curve in shown]
        if any(cell.strip() != "-" for cell in cells):
            far = spread(own, "distance", t)
            yield f"  {t:3}  {'  '.join(cells)}  {f'{far.mean:.4f}' if far else '-'}"


def _cell(own: Sequence[Track], curve: str, t: int, sign: str) -> str:
    value = spread(own, curve, t)
    if value is None:
        return f"{'-':>17}"
    many = "" if value.deviation is None else f" sd {value.deviation:.4f}"
    return f"{format(value.mean, sign + '.4f') + many:>17}"


def _method(plan: SequencePlan, label: str, tracks: Sequence[Track], curves: Sequence[str]) -> dict:
    own = [track for track in tracks if track.label == label]
    counts = range(1, len(plan.tasks) + 1)
    spreads = {curve: [spread(own, curve, t) for t in counts] for curve in curves}
    return {
        "recipe": plan.recipes[label].plain(),
        "carried": carried(plan.recipes[label]),
        "refusals": [track.refusal for track in own if track.refusal],
        "orders": [_track(plan, track) for track in own],
        "mean": {c: [s and s.mean for s in values] for c, values in spreads.items()},
        "sd": {c: [s and s.deviation for s in values] for c, values in spreads.items()},
    }


def _track(plan: SequencePlan, track: Track) -> dict:
    return {
        "order": plan.orders.index(track.order),
        "tasks": list(track.order.tasks),
        "matrix": [list(row) for row in track.matrix],
        "steps": [_step(step, track) for step in track.steps],
        "refusal": track.refusal,
        **{curve: list(values) for curve, values in track.curves.items()},
    }


def _step(step: Arrival, track: Track) -> dict:
    arrived = track.order.tasks[: step.t]
    own = means({name: step.scores[name] for name in arrived})
    names = {metric: next(iter(curves)) for metric, curves in TRANSFERS.items()}
    halves = {f"{names[mean.metric]}_half": mean.half for mean in own}
    return scores_json(step.scores) | {"t": step.t, **halves, "seconds": step.seconds}


def _swept(
    plan: SequencePlan, sweep: Sweep, value: float | int, tracks: Sequence[Track],
    curves: Iterable[str],
) -> dict:  # fmt: skip
    own = [track for track in tracks if track.label == sweep.label(value)]
    last: dict = {"value": value, "orders": len(own)}
    for curve in curves:
        at_end = spread(own, curve, len(plan.tasks))
        last[curve] = at_end and at_end.mean
        last[f"{curve}_sd"] = at_end and at_end.deviation
    return last
