"""Pure views of searches for coefficients: cost, state, what it was worth, curves, files."""

import json
from collections.abc import Sequence
from html import escape
from statistics import fmean, pstdev

from studio.disk.csv import csv_text
from studio.search.adam import EVERY
from studio.search.cost import SearchCost
from studio.search.plan import OPTIMIZER_TITLES, SearchPlan
from studio.search.record import record
from studio.search.run import Run
from studio.session.search_view import GRAINS, UNITS, SearchView
from studio.tasks.metric import ACCURACY, OPTIONS
from studio.ui.charts import line_figure, lines
from studio.ui.charts.lines import Series
from studio.ui.charts.saves import data_saves
from studio.ui.charts.search_curves import MOST_MARKS, charts, first, looks, thinned

NOTHING = (
    "<p class='quiet'>Open <b>Optimize the coefficients</b> below the mixer and press "
    "<b>Start</b>: the sliders walk to better values while the curves grow here. Coefficients are "
    "found on validation rows; what they were worth is then measured on held-out rows, too.</p>"
)
_KINDS = {"better": "fine", "worse": "refusal", "cannot tell": "note"}
_EACH = {
    "task": "one weight per task", "group": "one weight per task and layer",
    "tensor": "one weight per task and tensor",
}  # fmt: skip
_NAMED = 8  # tasks that are named before a search
_LONGEST_RECORD = 2**23  # bytes that a link on the page may hold


def cost(plan: SearchPlan, found: SearchCost, tasks: Sequence[str] = (), took: str = "") -> str:
    """What a search will move, on which rows, and how long that takes; before its start.

    Args:
        plan: of the search.
        found: what it spends.
        tasks: whose coefficients move.
        took: how long it takes, in words; empty while that is not known.
    """
    who = ", ".join(tasks[:_NAMED]) + (f" and {len(tasks) - _NAMED} more" * (len(tasks) > _NAMED))
    time = f": <b>{escape(took)}</b> on this computer" if took else ""
    return (
        f"<div id='optimize-cost' data-rows='{found.rows}'><p>It will move <b>{found.free:,}</b> "
        f"{'number' if found.free == 1 else 'numbers'}, {_EACH[plan.granularity]}: {escape(who)}. "
        "The method and its options stay as they are. It learns on "
        f"n={found.fitted:,} validation rows and n={found.deciding:,} others decide{time}. "
        "Held-out rows are read at the end alone.</p><details><summary>What it runs</summary>"
        f"<p class='quiet'>{_steps(plan, found)} At most about <b>{found.rows:,}</b> row "
        f"evaluations on validation rows, and {found.before:,} before the first step for the "
        "losses of experts and base.</p></details></div>"
    )


def _steps(plan: SearchPlan, found: SearchCost) -> str:
    if plan.optimizer == "adam":
        return (
            f"{plan.budget:,} steps, each on {plan.batch} rows of every task, forward and "
            f"backward; every {EVERY} steps the rows that decide are asked."
        )
    generations = plan.budget // found.generation
    return (
        f"{plan.budget:,} candidates, about {generations:,} generations of "
        f"{found.generation}; the rows of a candidate grow from generation to generation."
    )


def refused(sentence: str) -> str:
    """Why there is no search of what the boxes hold."""
    return f"<p class='note' id='optimize-cost'>{escape(sentence)}</p>"


def state(shown: SearchView | None, paused: bool, mixer: str = "") -> str:
    """How far the search is, beside its buttons.

    Args:
        shown: the search; None before the first.
        paused: whether it waits.
        mixer: which mix the mixer shows, as a sentence that is no longer true once it moves.
    """
    if shown is None:
        return ""
    if shown.phase == "running":
        words = f"{'Paused at' if paused else 'At'} {_place(shown)}." if shown.run else "Preparing."
        return f"<p class='quiet' id='optimize-state'>{words}</p>"
    where = " What it was worth: <b>Improve</b> tab." if shown.gains else ""
    if shown.phase == "measuring":
        where = " Measuring what it was worth …"
    kind = "refusal" if shown.refused else "quiet"
    return f"<p class='{kind}' id='optimize-state'>{_told(shown, mixer)}{where}</p>"


def results(
    shown: SearchView | None, paused: bool, beside: SearchView | None, mixer: str = ""
) -> str:
    """Everything of a search as far as it has come; files once it has ended."""
    if shown is None:
        return NOTHING
    head = f"<h3>{escape(shown.name)}</h3>{_gains(shown)}{_status(shown, paused, mixer)}"
    if shown.run is None:
        return f"<div class='sequence' data-phase='{shown.phase}'>{head}</div>"
    ended = shown.phase == "ended"
    other = beside.run if beside else None
    name = beside.name if beside else ""
    figures = charts(shown.run, other, name)
    drawn = "".join(
        line_figure.figure(chart, f"<p class='quiet'>{escape(words)}</p>", ended, key)
        for key, (chart, words) in figures.items()
    )
    tasks = shown.run.free.tasks
    keys = [Series(task, i, ()) for i, task in enumerate(tasks)]
    if "accuracy" in figures and shown.run.mean_share(shown.run.best) is not None:
        keys.append(Series("mean over tasks", len(tasks), ()))
    keys += [Series(name, len(lines.COLORS) - 1, (), "dashed")] if other else []
    saves = _saves(shown) if ended else ""
    return (
        f"<div class='sequence' data-phase='{shown.phase}' data-steps='{len(shown.run.steps)}'>"
        f"{head}<p class='keys'>{lines.legend(keys)}</p><div class='matrices'>{drawn}</div>"
        f"{_table(shown.run)}{saves}</div>"
    )


def _place(shown: SearchView) -> str:
    unit = UNITS[shown.plan.optimizer]
    return f"{shown.number:,} of {shown.plan.budget:,} {unit}"


def _gains(shown: SearchView) -> str:
    """What was found is worth, once it is measured."""
    if shown.gains:
        found = "<br>".join(escape(gain.words) for gain in shown.gains)
        kind = _KINDS[shown.gains[-1].change.verdict] if shown.better else "note"
        return f"<p class='{kind}' id='gains'>{found}</p>"
    if shown.phase == "measuring":
        return "<p class='note' id='gains'>Measuring what it was worth on all rows …</p>"
    if shown.phase == "ended" and shown.found and "measured" not in shown.words:
        words = "What it was worth cannot be said: no split has labelled rows of all these tasks."
        return f"<p class='note'>{words}</p>"
    return ""


def _told(shown: SearchView, mixer: str) -> str:
    return escape(f"{shown.words} {mixer}".strip())


def _status(shown: SearchView, paused: bool, mixer: str) -> str:
    ended = f"<p class='{'refusal' if shown.refused else ''}'>{_told(shown, mixer)}</p>"
    run = shown.run
    if run is None:
        waiting = "Preparing: inner products, losses of the experts and of the base."
        return f"<p class='quiet'>{waiting}</p>" if shown.phase == "running" else ended
    first, best = run.steps[0].value, run.best
    fit, check = (sum(each[k] for each in run.rows) for k in (0, 1))
    mean = run.mean_share(best)
    share = "" if mean is None else f", mean {run.share} {mean:.1%} on them"
    held = f"{run.held:,} of {len(run.free):,} directions held still"
    balance = f"{run.plan.balance} joint loss"
    live = (
        f"<p id='search-state' data-number='{shown.number}' data-rows='{run.spent}' "
        f"data-best='{best.value!r}'>{'Paused at' if paused else 'At'} <b>{_place(shown)}</b>; "
        f"best {balance} <b>{best.value:.4g}</b> ({first:.4g} of the mix itself) on the "
        f"n={check:,} rows that decide{share}; {run.spent:,} row evaluations; {held}.</p>"
    )
    about = (
        f"<p class='quiet'>{escape(_about(run.plan))} n={fit:,} validation rows are fitted on and "
        f"n={check:,} decide what is kept. {_origin(run)}</p>"
    )
    return f"{live}{'' if shown.phase == 'running' else ended}{about}"


def _about(plan: SearchPlan) -> str:
    penalty = f", EWC {plan.ewc:g} anchored at the {plan.anchor}" if plan.ewc else ""
    optimizer = OPTIMIZER_TITLES[plan.optimizer]
    return f"{optimizer}, {GRAINS[plan.granularity]}, loss {plan.loss}{penalty}."


def _origin(run: Run) -> str:
    """Which of the points that a search may start from was better."""
    if first(run) is run.steps[0]:
        return "It starts from the mix."
    return "It starts from the closed-form norm rule, which was better than the mix on them."


def _table(run: Run) -> str:
    tasks = run.free.tasks
    head = "".join(f"<th scope='col'>{escape(task)}</th>" for task in tasks)
    body = ""
    for step in thinned(looks(run), MOST_MARKS):
        kept = step.checked
        mean = run.mean_share(kept)
        share = "–" if mean is None else f"{mean:.1%}"
        each = "".join(f"<td>{loss:.4g}</td>" for loss in kept.losses)
        body += (
            f"<tr><th scope='row'>{step.number:,}</th><td>{step.rows:,}</td>"
            f"<td>{kept.value:.4g}</td><td>{share}</td>{each}</tr>"
        )
    title = "Every look at the rows that decide"
    return (
        f"<details><summary>{title}, as a table</summary><div class='scroll' tabindex='0' "
        f"role='region' aria-label='{title}'><table class='studio num'><thead><tr>"
        f"<th scope='col'>{UNITS[run.plan.optimizer]}</th><th scope='col'>rows spent</th>"
        f"<th scope='col'>joint loss</th><th scope='col'>mean {run.share}</th>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div></details>"
    )


def _saves(shown: SearchView) -> str:
    assert shown.run is not None
    found = {
        "name": shown.name,
        "best": shown.run.recipe().plain(),
        "verdict": shown.verdict.plain() if shown.verdict else None,
        "gains": {each.split: each.plain() for each in shown.gains},
    }
    text = json.dumps(record(shown.run) | found)
    words = "every step, and the answers with which the same search can go on"
    if len(text) > _LONGEST_RECORD:
        text, words = json.dumps({"plan": shown.plan.plain(), **found}), "what it was worth"
    return (
        f"{data_saves('coefficients', _csv(shown.run), text)}<p class='quiet'>The JSON holds the "
        f"plan, the recipe with the best coefficients, {words}.</p>"
    )


def _csv(run: Run) -> str:
    """One line per step and task."""
    header = [
        "number", "rows", "value", "best", "task", "loss", "coefficient", "spread",
        "checked_value", "checked_loss",
    ]  # fmt: skip
    shares = [each for each in OPTIONS if each in {ACCURACY, *run.metrics.values()}]
    header += [f"checked_{metric.name}" for metric in shares]
    rows = []
    for step in run.steps:
        kept = step.checked
        for i, task in enumerate(run.free.tasks):
            own = run.free.of_task(step.point, task)
            share = kept.accuracies[i] if kept and kept.accuracies else None
            own_metric = run.metrics.get(task, ACCURACY)
            each = [share if metric is own_metric else None for metric in shares]
            path = (fmean(own), pstdev(own)) if own else (None, None)
            looked = (kept.value, kept.losses[i]) if kept else (None, None)
            about = (step.number, step.rows, step.value, step.best.value, task, step.losses[i])
            rows.append((*about, *path, *looked, *each))
    return csv_text(header, rows)
