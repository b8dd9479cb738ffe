"""Pure views of the Sequence tab: what a run costs, summary, heat maps, curves and sweep."""

import json
from collections.abc import Sequence
from html import escape
from math import inf

from studio.disk.csv import csv_text
from studio.methods import METHODS
from studio.sequence.measures import CURVES, Spread, Track, half_width, mean_matrix, spread, tracks
from studio.sequence.plan import SequencePlan, carried
from studio.sequence.report import plain
from studio.session.sequence import SequenceView
from studio.ui.charts import grids, line_figure, lines
from studio.ui.charts.grids import Grid
from studio.ui.charts.lines import Chart, Series
from studio.ui.charts.saves import data_saves, picture_saves

NOTHING = (
    "<p class='quiet'>Tasks arrive one after another, and after each arrival the model merged of "
    "those that are there is scored on all tasks: what is learned, what is forgotten. Choose "
    "methods, then <b>Run the sequence</b>.</p>"
)
_HEAT = (
    "Row t is the model after t arrivals, a column a task; darker is better. In a framed cell the "
    "task has just arrived. Below the frame it can be forgotten: read a column downwards. "
    "Above the frame it has not arrived yet."
)
_CHARTS = {
    "acc": ("ACC", "Mean accuracy of the tasks that have arrived."),
    "bwt": (
        "BWT",
        "Backward transfer: what earlier tasks have gained since their own arrival, on average. "
        "Below 0 they are being forgotten. There is none for the first arrival.",
    ),
    "fwt": (
        "FWT",
        "Forward transfer: accuracy on a task just before it arrives, minus the base's. Above 0 "
        "the merge has helped before the task's own checkpoint came.",
    ),
    "gain": (
        "Gain kept",
        "Share of the arrived experts' gain over head-only that the merge keeps; falling with the "
        "number of tasks, it says how many tasks one model holds.",
    ),
    "distance": (
        "Distance to the base",
        "Norm of what was added to the base. Steady growth without more accuracy is drift.",
    ),
    "growth": (
        "λ(t)",
        "Norm of the running sum divided by the mean norm of the deltas: by this number the sum "
        "is shrunk. Orthogonal newcomers of equal norm give the square root of t.",
    ),
    "projected": (
        "Projected share",
        "Share of the newcomer's squared norm that lies along what came before and is taken out. "
        "0: it is all new; near 1: it adds next to nothing.",
    ),
}
_SHARES = ("acc", "bwt", "fwt", "gain", "projected")


def cost(plan: SequencePlan) -> str:
    """What a run takes, before its start."""
    orders = f"{len(plan.orders)} orders" if len(plan.orders) > 1 else "1 order"
    rows = sum(plan.counts.values())
    return (
        f"<p class='quiet' id='sequence-cost' data-rows='{plan.row_evaluations}'>"
        f"{len(plan.tasks)} tasks, {orders}: at most <b>{plan.models:,}</b> models and "
        f"<b>{plan.row_evaluations:,}</b> row evaluations ({rows:,} rows a model). Models that "
        "were scored before, or that methods share, are not scored again.</p>"
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
    parts = [_summary(shown, labels, made), _heats(shown, labels, made)]
    parts += [_curves(shown, labels, made), _sweep(shown, made)]
    if shown.done:
        whole = json.dumps(plain(shown.plan, shown.found, made, shown.sweep), indent=1)
        parts.append(data_saves("sequence", _csv(shown.plan, made), whole))
    return f"<div class='sequence' data-steps='{len(shown.steps)}'>{''.join(parts)}</div>"


def _labels(shown: SequenceView) -> list[str]:
    """The methods that are compared: without the values of a sweep."""
    swept = {shown.sweep.label(value) for value in shown.sweep.values} if shown.sweep else set()
    return [label for label in shown.plan.recipes if label not in swept]


def _title(shown: SequenceView, label: str) -> str:
    return METHODS[shown.plan.recipes[label].method].title


def _summary(shown: SequenceView, labels: Sequence[str], made: Sequence[Track]) -> str:
    n, plan = len(shown.plan.tasks), shown.plan
    body = "".join(_row(shown, label, [t for t in made if t.label == label]) for label in labels)
    if not body:
        return ""
    many = len(plan.orders) > 1
    spread_words = (
        f"± is one standard deviation over {len(plan.orders)} orders of arrival; a method that "
        "does not look at the order ends at the same model in all of them"
        if many
        else "± of ACC is half of a 95 % interval over rows, one order of arrival"
    )
    seeds = ", ".join(str(order.seed) for order in plan.orders if order.seed is not None)
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='After the last arrival'>"
        f"<table class='studio arrivals'><caption>After {n} arrivals</caption><thead><tr>"
        "<th scope='col'>method</th><th scope='col'>ACC</th><th scope='col'>BWT, points</th>"
        "<th scope='col'>FWT, points</th><th scope='col'>gain kept</th>"
        f"<th scope='col'>keeps</th></tr></thead><tbody>{body}</tbody></table></div>"
        f"<p class='quiet'>{spread_words}; n={sum(plan.counts.values()):,} held-out rows over "
        f"{n} tasks{f'; seeds {seeds}' if seeds else ''}. Keeps: what has to be there for the next "
        "arrival.</p>"
    )


def _row(shown: SequenceView, label: str, own: Sequence[Track]) -> str:
    n, many = len(shown.plan.tasks), len(shown.plan.orders) > 1
    ended = [track for track in own if track.refusal]
    acc, bwt, fwt, gain = (spread(own, curve, n) for curve in ("acc", "bwt", "fwt", "gain"))
    half = acc.deviation if acc else None
    if acc and not many:
        half = half_width(own[0].steps[-1].scores, shown.plan.tasks)
    cells = [
        f"{acc.mean:.1%}{_plus(half)}" if acc else "…",
        *(f"{100 * x.mean + 0.0:+.1f}{_plus(x.deviation)}" if x else "…" for x in (bwt, fwt)),
        f"{gain.mean:.0%}" if gain else ("…" if acc is None else "–"),
    ]
    if ended and acc is None:
        words = f"ended after {len(ended[0].steps)} arrivals: {ended[0].refusal}"
        columns = f"<td colspan='4'>{escape(words)}</td>"
    else:
        columns = "".join(f"<td class='num'>{cell}</td>" for cell in cells)
    return (
        f"<tr data-method='{escape(label)}'><th scope='row'>{escape(_title(shown, label))}</th>"
        f"{columns}<td class='quiet'>{escape(carried(shown.plan.recipes[label]))}</td></tr>"
    )


def _plus(half: float | None) -> str:
    return "" if half is None else f" <span class='quiet'>± {100 * half:.1f}</span>"


def _heats(shown: SequenceView, labels: Sequence[str], made: Sequence[Track]) -> str:
    drawn = []
    for label in labels:
        own = [track for track in made if track.label == label and track.steps]
        if own:
            drawn.append(_heat(shown, label, own))
    if not drawn:
        return ""
    return (
        "<h3>Accuracy on every task after each arrival, a<sub>i</sub>(M<sub>t</sub>)</h3>"
        f"<div class='matrices'>{''.join(drawn)}</div><p class='quiet'>{_HEAT}</p>"
    )


def _heat(shown: SequenceView, label: str, own: Sequence[Track]) -> str:
    values, single = mean_matrix(own), len(shown.plan.orders) == 1
    name, n = _title(shown, label), len(shown.plan.tasks)
    order = own[0].order.tasks
    rows = tuple(f"{t + 1} {order[t]}" if single else f"t = {t + 1}" for t in range(len(values)))
    cells: list[list[tuple[str, str, str] | None]] = [
        [
            (
                f"{100 * value:.0f}",
                grids.rising(value, 1.0),
                f"{order[i] if single else f'arrival {i + 1}'} after {t + 1}: {value:.1%}",
            )
            for i, value in enumerate(row)
        ]
        for t, row in enumerate(values)
    ]
    left = 142 if single else 60
    count = len(shown.plan.orders)
    over = "" if single else f", mean over {len(own)} of {count} orders by place of arrival"
    title = f"{name}{over}"
    size = ((420 - left) / n, max(24.0, min((420 - left) / n, 34.0)))
    grid = Grid(
        f"{title}: accuracy in percent", rows, tuple(str(i + 1) for i in range(n)), cells, left,
        size, (_HEAT,), frozenset((t, t) for t in range(n)),
    )  # fmt: skip
    heads = list(order) if single else [f"arrival {i + 1}" for i in range(n)]
    csv = csv_text(["arrivals", *heads], [[t + 1, *row] for t, row in enumerate(values)])
    saves = ""
    if shown.done:
        saves = picture_saves(f"Accuracy by arrival {name}", grids.standalone(grid), csv)
    last = ", ".join(f"{head} {v:.0%}" for head, v in zip(heads, values[-1], strict=True))
    words = f"{title}: accuracy after each of {len(values)} arrivals. After the last: {last}"
    return (
        f"<figure data-heat='{escape(label)}'><figcaption>{escape(title)}, percent</figcaption>"
        f"{grids.shown(grid, words)}{_table(title, heads, values)}"
        f"{saves}</figure>"
    )


def _table(title: str, heads: Sequence[str], values: Sequence[Sequence[float]]) -> str:
    head = "".join(f"<th scope='col'>{escape(each)}</th>" for each in heads)
    body = "".join(
        f"<tr><th scope='row'>{t + 1}</th>"
        + "".join(f"<td>{value:.1%}</td>" for value in row)
        + "</tr>"
        for t, row in enumerate(values)
    )
    return (
        f"<details><summary>{escape(title)} as a table</summary><div class='scroll' tabindex='0' "
        f"role='region' aria-label='{escape(title)} as a table'><table class='studio num'><thead>"
        f"<tr><th scope='col'>after</th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        "</details>"
    )


def _curves(shown: SequenceView, labels: Sequence[str], made: Sequence[Track]) -> str:
    drawn, keys = [], {}
    for curve, (name, words) in _CHARTS.items():
        series = []
        for number, label in enumerate(labels):
            own = [track for track in made if track.label == label]
            points = _points(own, curve, len(shown.plan.tasks))
            if points:
                series.append(Series(_title(shown, label), number, points))
                keys[number] = series[-1]
        if series:
            ticks = tuple(float(t) for t in range(1, len(shown.plan.tasks) + 1))
            percent = curve in _SHARES
            limits = (0.0, 1.0) if curve in ("acc", "projected") else (-inf, inf)
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
    name = "lambda" if key == "growth" else ""
    return line_figure.figure(chart, f"<p class='quiet'>{escape(words)}</p>", done, key, name)


def _sweep(shown: SequenceView, made: Sequence[Track]) -> str:
    sweep, n = shown.sweep, len(shown.plan.tasks)
    if sweep is None:
        return ""
    title, drawn = METHODS[sweep.method].title, []
    for curve in ("acc", "bwt", "fwt"):
        found: list[tuple[float, Spread]] = []
        for value in sweep.values:
            own = [track for track in made if track.label == sweep.label(value)]
            if at_end := spread(own, curve, n):
                found.append((float(value), at_end))
        if found:
            points = tuple((value, each.mean, each.deviation) for value, each in found)
            name = f"{_CHARTS[curve][0]} by {sweep.option}"
            series = (Series(title, 0, points),)
            ticks = tuple(float(value) for value in sweep.values[:: len(sweep.values) // 8 + 1])
            limits = (0.0, 1.0) if curve == "acc" else (-inf, inf)
            chart = Chart(name, sweep.option, series, ticks, True, limits)
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
        "the ± of ACC above may be noise. The best value on these held-out rows is no choice to "
        "report: choose on validation rows.</p>"
    )


def _csv(plan: SequencePlan, made: Sequence[Track]) -> str:
    """One line per method, order, arrival and task, with the curves' values beside."""
    header = [
        "method", "order", "seed", "t", "newcomer", "task", "accuracy", "low", "high", "n", *CURVES,
    ]  # fmt: skip
    rows = []
    for track in made:
        place = plan.orders.index(track.order)
        for step in track.steps:
            curves = [track.curves[curve][step.t - 1] for curve in CURVES]
            newcomer = track.order.tasks[step.t - 1]
            for name in track.order.tasks:
                own = step.scores[name]
                score = (own.accuracy, own.low, own.high, own.n)
                about = (track.label, place + 1, track.order.seed, step.t, newcomer, name)
                rows.append((*about, *score, *curves))
    return csv_text(header, rows)
