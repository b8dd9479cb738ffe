"""Pure view of the unmerge drops: ours as they are measured, the paper's beside them."""

from collections.abc import Sequence
from html import escape

from studio.compare.unmerge_drop import PAPER, PAPER_WORDS, Removal, mean_notes
from studio.disk.csv import csv_text
from studio.measure.metrics import marked
from studio.methods import METHODS
from studio.tasks.metric import ACCURACY, LOSS, OPTIONS, SHARES, joint
from studio.ui.charts.saves import table_saves

_MODES = {"subtract": "subtracted", "rebuild": "rebuilt"}


def uad(found: Sequence[Removal], tasks: Sequence[str]) -> str:
    """A row per method and operation, a column per removed task."""
    if not found:
        return (
            "<p class='quiet'>UAD: what the kept tasks lose when one is taken out, for every "
            "linear method, each task in turn, subtracted and rebuilt. Takes minutes.</p>"
        )
    rows = dict.fromkeys((each.method, each.mode) for each in found)
    body = "".join(_row(*row, found, tasks) for row in rows)
    metrics = {each.task: each.removed_metric for each in found}
    called = (marked(task, metrics.get(task, ACCURACY)) for task in tasks)
    heads = "".join(f"<th scope='col'>{escape(each)}</th>" for each in called)
    notes = "".join(f" {each}" for each in mean_notes(found))
    return (
        "<div class='scroll' tabindex='0' role='region' aria-label='Unmerge accuracy drop'>"
        f"<table class='studio uad'><caption>{_caption(found)}, "
        "when the task above is taken out</caption><thead><tr><th scope='col'>method</th>"
        f"<th scope='col'>operation</th>{heads}<th scope='col'>mean</th><th scope='col'>worst task"
        f"</th><th scope='col'>seconds</th></tr></thead><tbody>{body}</tbody></table></div>"
        f"<p class='quiet'>± is half of a 95 % interval, from the same rows before and after; "
        f"n={found[0].n:,}. <b>=</b>: both operations give the same bytes. Seconds to compute and "
        f"put on the weights, median.{escape(notes)}</p>"
        f"{table_saves('unmerge-accuracy-drop', _csv(found))}"
        f"{_paper()}"
    )


def _caption(found: Sequence[Removal]) -> str:
    metrics = {each.metric for each in found}
    if metrics <= {*OPTIONS, SHARES}:
        return f"Mean {joint(metrics).name} that the kept tasks lose, in points"
    if metrics == {LOSS}:
        return f"How far the mean loss of the kept tasks rises, in {LOSS.unit}"
    return (
        "What the kept tasks lose on average, in points of accuracy, in nats per token where all "
        "are scored by a loss, and where both are kept in points or percent of a loss"
    )


def _row(name: str, mode: str, found: Sequence[Removal], tasks: Sequence[str]) -> str:
    own = {each.task: each for each in found if (each.method, each.mode) == (name, mode)}
    cells = "".join(f"<td class='num'>{_cell(own.get(task))}</td>" for task in tasks)
    seconds = sorted(each.seconds for each in own.values())
    title = METHODS[name].title if name in METHODS else name
    return (
        f"<tr data-uad='{escape(name)} {mode}'><th scope='row'>{escape(title)}</th>"
        f"<td>{_MODES[mode]}</td>{cells}<td class='num'><b>{_mean(list(own.values()))}</b></td>"
        f"<td class='num'>{_worst(list(own.values()))}</td>"
        f"<td class='num'>{seconds[len(seconds) // 2]:.2f}</td></tr>"
    )


def _mean(own: Sequence[Removal]) -> str:
    """Over the removed tasks; none where what is kept has another metric each time."""
    if len({each.metric for each in own}) > 1:
        return "–"
    return own[0].metric.difference(sum(each.mean for each in own) / len(own))


def _worst(own: Sequence[Removal]) -> str:
    """The task that loses most, of each metric."""
    found = {}
    for each in sorted(own, key=lambda each: each.worst):
        found[each.worst_metric] = each
    return "<br>".join(
        f"{metric.difference(each.worst)} "
        f"<span class='quiet'>{escape(marked(each.worst_task, metric))}</span>"
        for metric, each in found.items()
    )


def _cell(each: Removal | None) -> str:
    if each is None:
        return "…"
    same, half = " =" if each.same else "", each.metric.amount(each.half)
    return f"{each.metric.difference(each.mean)} <span class='quiet'>± {half}</span>{same}"


def _paper() -> str:
    body = "".join(
        f"<tr><th scope='row'>{escape(row.method)}</th><td class='num'>{row.vision:.1f} %</td>"
        f"<td class='num'>{row.language:.1f} %</td><td class='num'>{row.seconds:.1f}</td></tr>"
        for row in PAPER
    )
    return (
        "<table class='studio'><caption>The paper's numbers, not ours</caption><thead><tr>"
        "<th scope='col'>method</th><th scope='col'>UAD, vision</th><th scope='col'>UAD, language"
        f"</th><th scope='col'>seconds</th></tr></thead><tbody>{body}</tbody></table>"
        f"<p class='quiet'>{escape(PAPER_WORDS[0].upper() + PAPER_WORDS[1:])}.</p>"
    )


def _csv(found: Sequence[Removal]) -> str:
    metrics = {each.removed_metric for each in found}
    what = joint(metrics).name.replace(" and ", " or ")
    header = ["method", "mode", "removed task", "mean", "half", "worst", "worst task",
              f"{what} of the removed task", "n", "seconds", "same bytes"]  # fmt: skip
    header += ["metric"] if metrics != {ACCURACY} else []
    rows = []
    for each in found:
        task = marked(each.task, each.removed_metric)
        worst = each.worst, marked(each.worst_task, each.worst_metric)
        about = each.removed_score, each.n, each.seconds, each.same, each.metric.name
        row = (each.method, each.mode, task, each.mean, each.half, *worst, *about)
        rows.append(row[: len(header)])
    return csv_text(header, rows)
