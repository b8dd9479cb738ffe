"""Pure views of the Over time tab: what a run costs, summary, heat maps, curves and sweep."""

import json
from collections.abc import Sequence
from html import escape
from math import inf

from studio.disk.csv import csv_text
from studio.measure.metrics import marked, means
from studio.methods import METHODS
from studio.sequence.measures import (
    TRANSFERS,
    Spread,
    Track,
    curve_names,
    metrics_of,
    spread,
    tracks,
)
from studio.sequence.plan import SequencePlan, carried
from studio.sequence.report import plain
from studio.session.sequence import SequenceView
from studio.tasks.metric import ACCURACY, AGREEMENT, LOSS, Metric
from studio.ui.charts import line_figure, lines
from studio.ui.charts.lines import Chart, Series
from studio.ui.charts.saves import data_saves
from studio.ui.views.glossary import term
from studio.ui.views.sequence_heat import heats, title_of
from studio.ui.views.sequence_words import CHARTS, headings, verdict

NOTHING = (
    "<p class='quiet'>Tasks arrive one after another, and after each arrival the model merged of "
    "those that are there is scored on all tasks: what is learned, what is forgotten. Press "
    "<b>Run the sequence</b>, or choose other methods first.</p>"
)
_LIMITS = {
    "distance": (0.0, inf),
    "growth": (0.0, inf),
    "acc": ACCURACY.limits,
    "agreement": AGREEMENT.limits,
    "loss": LOSS.limits,
    "projected": (0.0, 1.0),
}
_NAMED = 5  # titles in a heading
_SHARES = (
    *TRANSFERS[ACCURACY], *TRANSFERS[AGREEMENT], "gain", "projected",
)  # fmt: skip


def chosen(names: Sequence[str]) -> str:
    """The heading of the methods that are folded away."""
    titles = [METHODS[name].title for name in names]
    more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
    return f"Methods: {', '.join(titles[:_NAMED]) or 'none chosen'}{more} (change)"


def methods() -> str:
    """What each method does, a sentence each."""
    rows = "".join(
        f"<dt>{escape(each.title)}</dt><dd>{escape(each.plainly)}</dd>" for each in METHODS.values()
    )
    return f"<details class='says'><summary>What each does</summary><dl>{rows}</dl></details>"


def cost(plan: SequencePlan) -> str:
    """What a run takes, before its start."""
    orders = f"{len(plan.orders)} orders" if len(plan.orders) > 1 else "1 order"
    rows = sum(plan.counts.values())
    return (
        f"<p class='quiet' id='sequence-cost' data-rows='{plan.row_evaluations}'>"
        f"{len(plan.tasks)} tasks, {orders}: at most <b>{plan.models:,}</b> models and "
        f"<b>{plan.row_evaluations:,}</b> {term('row evaluations')} ({rows:,} rows a model). "
        "Models that were scored before, or that methods share, are not scored again.</p>"
    )


def refused(sentence: str) -> str:
    """Why there is no run of what the boxes hold."""
    return f"<p class='note' id='sequence-cost'>{escape(sentence)}</p>"


def results(shown: SequenceView | None) -> str:
    """Everything of a run, as far as it has come; files to save once it is whole."""
    if shown is None:
        return NOTHING
    made = tracks(shown.plan, shown.found, shown.steps)
    labels = _labels(shown)
    parts = [_summary(shown, labels, made), heats(shown, labels, made)]
    parts += [_curves(shown, labels, made), _sweep(shown, made)]
    if shown.done:
        parts.append(verdict(shown, labels, made))
        whole = json.dumps(plain(shown.plan, shown.found, made, shown.sweep), indent=1)
        parts.append(data_saves("sequence", _csv(shown, made), whole))
    return f"<div class='sequence' data-steps='{len(shown.steps)}'>{''.join(parts)}</div>"


def _labels(shown: SequenceView) -> list[str]:
    """The methods that are compared: without the values of a sweep."""
    swept = {shown.sweep.label(value) for value in shown.sweep.values} if shown.sweep else set()
    return [label for label in shown.plan.recipes if label not in swept]


def _summary(shown: SequenceView, labels: Sequence[str], made: Sequence[Track]) -> str:
    n, plan = len(shown.plan.tasks), shown.plan
    weights = "".join(_weight(shown, label) for label in labels)
    body = "".join(_row(shown, label, [t for t in made if t.label == label]) for label in labels)
    if not body:
        return ""
    many = len(plan.orders) > 1
    spread_words = (
        f"± is one standard deviation over {len(plan.orders)} orders of arrival; a method that "
        "does not look at the order ends at the same model in all of them"
        if many
        else "± of a mean is half of a 95 % interval over rows, one order of arrival"
    )
    seeds = ", ".join(str(order.seed) for order in plan.orders if order.seed is not None)
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='After the last arrival'>"
        f"<table class='studio arrivals'><caption>After {n} arrivals</caption><thead><tr>"
        f"<th scope='col'>method</th>{_heads(shown)}<th scope='col'>{term('gain kept')}</th>"
        f"<th scope='col'>{term('keeps')}</th></tr></thead><tbody>{body}</tbody></table></div>"
        f"<p class='quiet'>{spread_words}; n={sum(plan.counts.values()):,} held-out rows over "
        f"{n} tasks{f'; seeds {seeds}' if seeds else ''}. Keeps: what has to be there for the next "
        f"arrival.{weights}</p>"
    )


def _weight(shown: SequenceView, label: str) -> str:
    """With which weight a method was run, where a file that leaves it out means another one."""
    recipe = shown.plan.recipes[label]
    given = {task.coefficient for task in recipe.tasks}
    usual = METHODS[recipe.method].default_coefficient
    if len(given) > 1:
        return f" {escape(title_of(shown, label))}: each task with its weight of the mixer."
    (weight,) = given
    if weight is None or weight == usual or not isinstance(weight, int | float):
        return ""
    return f" {escape(title_of(shown, label))}: every task with {term('weight')} {weight:g}."


def _heads(shown: SequenceView) -> str:
    """Headings of means and transfers, within each metric."""
    metrics = metrics_of(shown.found)
    found = [head for metric in metrics for head in headings(metric, len(metrics) > 1)]
    return "".join(f"<th scope='col'>{head}</th>" for head in found)


def _row(shown: SequenceView, label: str, own: Sequence[Track]) -> str:
    n, metrics = len(shown.plan.tasks), metrics_of(shown.found)
    ended = [track for track in own if track.refusal]
    cells = [cell for metric in metrics for cell in _cells(shown, own, metric)]
    gain = spread(own, "gain", n)
    known = any(len(track.steps) == n for track in own)
    cells.append(f"{gain.mean:.0%}" if gain else ("–" if known else "…"))
    if ended and not known:
        words = f"ended after {len(ended[0].steps)} arrivals: {ended[0].refusal}"
        columns = f"<td colspan='{len(cells)}'>{escape(words)}</td>"
    else:
        columns = "".join(f"<td class='num'>{cell}</td>" for cell in cells)
    return (
        f"<tr data-method='{escape(label)}'><th scope='row'>{escape(title_of(shown, label))}</th>"
        f"{columns}<td class='quiet'>{escape(carried(shown.plan.recipes[label]))}</td></tr>"
    )


def _cells(shown: SequenceView, own: Sequence[Track], metric: Metric) -> list[str]:
    """Mean, BWT and FWT of the tasks of a metric after the last arrival."""
    level, *transfers = (spread(own, curve, len(shown.plan.tasks)) for curve in TRANSFERS[metric])
    half = level.deviation if level else None
    if level and len(shown.plan.orders) == 1:
        scores = own[0].steps[-1].scores
        half = next(mean.half for mean in means(scores) if mean.metric is metric)
    first = f"{metric.shown(level.mean)}{_plus(metric, half)}" if level else "…"
    return [first, *(
        f"{metric.difference(x.mean)}{_plus(metric, x.deviation)}" if x else ("–" if level else "…")
        for x in transfers
    )]  # fmt: skip


def _plus(metric: Metric, half: float | None) -> str:
    return "" if half is None else f" <span class='quiet'>± {metric.amount(half)}</span>"


def _curves(shown: SequenceView, labels: Sequence[str], made: Sequence[Track]) -> str:
    drawn, keys = [], {}
    for curve, (name, words) in CHARTS.items():
        series = []
        for number, label in enumerate(labels):
            own = [track for track in made if track.label == label]
            points = _points(own, curve, len(shown.plan.tasks))
            if points:
                series.append(Series(title_of(shown, label), number, points))
                keys[number] = series[-1]
        if series:
            ticks = tuple(float(t) for t in range(1, len(shown.plan.tasks) + 1))
            percent = curve in _SHARES
            limits = _LIMITS.get(curve, (-inf, inf))
            across = "tasks that have arrived"
            chart = Chart(name, across, tuple(series), ticks, percent, limits, (words,))
            drawn.append(_chart(chart, words, curve, shown.done))
    if not drawn:
        return ""
    marks = lines.legend([keys[number] for number in sorted(keys)])
    band = (
        f" Bands: one standard deviation over {len(shown.plan.orders)} orders."
        if len(shown.plan.orders) > 1
        else ""
    )
    return (
        f"<h3>After each arrival</h3><p class='keys'>{marks}</p>"
        f"<div class='matrices'>{''.join(drawn)}</div>"
        f"<p class='quiet'>n={sum(shown.plan.counts.values()):,} held-out rows.{band}</p>"
    )


def _points(
    own: Sequence[Track], curve: str, n: int
) -> tuple[tuple[float, float, float | None], ...]:
    found = ((t, spread(own, curve, t)) for t in range(1, n + 1))
    return tuple((float(t), each.mean, each.deviation) for t, each in found if each)


def _chart(chart: Chart, words: str, key: str, done: bool) -> str:
    name = "shrunk by lambda" if key == "growth" else ""
    return line_figure.figure(chart, f"<p class='quiet'>{escape(words)}</p>", done, key, name, True)


def _sweep(shown: SequenceView, made: Sequence[Track]) -> str:
    sweep, n = shown.sweep, len(shown.plan.tasks)
    if sweep is None:
        return ""
    title, drawn = METHODS[sweep.method].title, []
    for curve in (name for metric in metrics_of(shown.found) for name in TRANSFERS[metric]):
        found: list[tuple[float, Spread]] = []
        for value in sweep.values:
            own = [track for track in made if track.label == sweep.label(value)]
            if at_end := spread(own, curve, n):
                found.append((float(value), at_end))
        if found:
            points = tuple((value, each.mean, each.deviation) for value, each in found)
            name = f"{CHARTS[curve][0]} by {sweep.option}"
            series = (Series(title, 0, points),)
            ticks = tuple(float(value) for value in sweep.values[:: len(sweep.values) // 8 + 1])
            limits, percent = _LIMITS.get(curve, (-inf, inf)), curve in _SHARES
            chart = Chart(name, sweep.option, series, ticks, percent, limits)
            drawn.append(_chart(chart, f"After {n} arrivals.", f"sweep-{curve}", shown.done))
    ended = {
        track.refusal for track in made if track.refusal and track.label.startswith(sweep.method)
    }
    notes = "".join(f"<p class='note'>{escape(each)}</p>" for each in sorted(ended))
    waiting = "" if drawn or shown.done else "<p class='quiet'>The sweep follows the methods.</p>"
    return (
        f"<h3>{escape(title)}: {escape(sweep.option)} swept</h3>{waiting}{notes}"
        f"<div class='matrices'>{''.join(drawn)}</div>"
        "<p class='quiet'>Each point is a whole sequence at that value; differences smaller than "
        "the ± of the means above may be noise. The best value on these held-out rows is no choice "
        "to report: choose on validation rows.</p>"
    )


def _csv(shown: SequenceView, made: Sequence[Track]) -> str:
    """One line per method, order, arrival and task, with the curves' values beside."""
    plan, metrics = shown.plan, metrics_of(shown.found)
    what, names = " or ".join(metric.name for metric in metrics), curve_names(metrics)
    header = [
        "method", "order", "seed", "t", "newcomer", "task", what, "low", "high", "n", *names,
    ]  # fmt: skip
    rows = []
    for track in made:
        place = plan.orders.index(track.order)
        for step in track.steps:
            curves = [track.curves[curve][step.t - 1] for curve in names]
            newcomer = track.order.tasks[step.t - 1]
            for name in track.order.tasks:
                own = step.scores[name]
                score = (own.value, own.low, own.high, own.n)
                about = (
                    track.label,
                    place + 1,
                    track.order.seed,
                    step.t,
                    newcomer,
                    marked(name, own.metric),
                )
                rows.append((*about, *score, *curves))
    return csv_text(header, rows)
