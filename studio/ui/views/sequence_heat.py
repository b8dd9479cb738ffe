"""The matrices of a sequence as heat maps: every task after each arrival, darker is better."""

from collections.abc import Sequence
from html import escape

from studio.disk.csv import csv_text
from studio.measure.metrics import marked
from studio.methods import METHODS
from studio.sequence.measures import Track, mean_matrix, metrics_of
from studio.session.sequence import SequenceView
from studio.tasks.metric import Metric
from studio.ui.charts import grids
from studio.ui.charts.grids import Grid
from studio.ui.charts.saves import folded, picture_saves

_HEAT = (
    "Row t is the model after t arrivals, a column a task; darker is better. In a framed cell the "
    "task has just arrived. Below the frame it can be forgotten: read a column downwards. "
    "Above the frame it has not arrived yet."
)
_MIXED = (
    "The tasks have two metrics, and several orders of arrival put different ones in one place, so "
    "there is no mean matrix of these; run one order to see it."
)


def title_of(shown: SequenceView, label: str) -> str:
    """What a method is called."""
    return METHODS[shown.plan.recipes[label].method].title


def heats(shown: SequenceView, labels: Sequence[str], made: Sequence[Track]) -> str:
    """A heat map per method, with its numbers as a table."""
    metrics = metrics_of(shown.found)
    what = " or ".join(metric.name for metric in metrics)
    title = f"<h3>{what.capitalize()} on every task after each arrival"
    if len(metrics) > 1 and len(shown.plan.orders) > 1:
        return f"{title}</h3><p class='quiet'>{_MIXED}</p>"
    drawn = []
    for label in labels:
        own = [track for track in made if track.label == label and track.steps]
        if own:
            drawn.append(_heat(shown, label, own, what))
    if not drawn:
        return ""
    return f"{title}</h3><div class='matrices'>{''.join(drawn)}</div><p class='quiet'>{_HEAT}</p>"


def _heat(shown: SequenceView, label: str, own: Sequence[Track], what: str) -> str:
    values, single = mean_matrix(own), len(shown.plan.orders) == 1
    n, order = len(shown.plan.tasks), own[0].order.tasks
    metrics = [shown.found.base[task].metric for task in order]
    called = [marked(task, metric) for task, metric in zip(order, metrics, strict=True)]
    heads = called if single else [f"arrival {i + 1}" for i in range(n)]
    title = title_of(shown, label)
    if not single:
        title += f", mean over {len(own)} of {len(shown.plan.orders)} orders by place of arrival"
    unit = " or ".join(dict.fromkeys("percent" if m.percent else m.unit for m in metrics))
    rows = tuple(f"{t + 1} {order[t]}" if single else f"t = {t + 1}" for t in range(len(values)))
    left = 142 if single else 60
    size = ((420 - left) / n, max(24.0, min((420 - left) / n, 34.0)))
    grid = Grid(
        f"{title}: {what} in {unit}", rows, tuple(str(i + 1) for i in range(n)),
        _cells(values, heads, metrics), left, size, (_HEAT,), frozenset((t, t) for t in range(n)),
    )  # fmt: skip
    csv = csv_text(["arrivals", *heads], [[t + 1, *row] for t, row in enumerate(values)])
    saves = ""
    if shown.done:
        name = f"{what.capitalize()} by arrival {title_of(shown, label)}"
        saves = folded(picture_saves(name, grids.standalone(grid), csv), name)
    last = ", ".join(
        f"{head} {_short(metric, value)}{'%' if metric.percent else ''}"
        for head, metric, value in zip(heads, metrics, values[-1], strict=True)
    )
    words = f"{title}: {what} after each of {len(values)} arrivals. After the last: {last}"
    return (
        f"<figure data-heat='{escape(label)}'><figcaption>{escape(title)}, {unit}</figcaption>"
        f"{grids.shown(grid, words)}{_table(title, heads, metrics, values)}"
        f"{saves}</figure>"
    )


def _cells(
    values: Sequence[Sequence[float]], heads: Sequence[str], metrics: Sequence[Metric]
) -> list[list[tuple[str, str, str] | None]]:
    columns = list(zip(*values, strict=True))
    return [
        [
            (
                _short(metric, value),
                _shade(metric, value, columns[i]),
                f"{heads[i]} after {t + 1}: {metric.shown(value)}",
            )
            for i, (metric, value) in enumerate(zip(metrics, row, strict=True))
        ]
        for t, row in enumerate(values)
    ]


def _short(metric: Metric, value: float) -> str:
    """A value for a narrow cell."""
    return f"{100 * value:.0f}" if metric.percent else f"{value:.2f}"


def _shade(metric: Metric, value: float, column: Sequence[float]) -> str:
    """Darker is better: a share of 1, a loss from the worst of its task to the best."""
    if metric.percent:
        return grids.rising(value, 1.0)
    worst = max(column)
    return grids.rising(worst - value, (worst - min(column)) or 1.0)


def _table(
    title: str, heads: Sequence[str], metrics: Sequence[Metric], values: Sequence[Sequence[float]]
) -> str:
    head = "".join(f"<th scope='col'>{escape(each)}</th>" for each in heads)
    body = "".join(
        f"<tr><th scope='row'>{t + 1}</th>"
        + "".join(f"<td>{m.shown(value)}</td>" for m, value in zip(metrics, row, strict=True))
        + "</tr>"
        for t, row in enumerate(values)
    )
    return (
        f"<details><summary>{escape(title)} as a table</summary><div class='scroll' tabindex='0' "
        f"role='region' aria-label='{escape(title)} as a table'><table class='studio num'><thead>"
        f"<tr><th scope='col'>after</th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        "</details>"
    )
