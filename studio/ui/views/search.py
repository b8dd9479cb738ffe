"""Pure views of searches for coefficients: cost, state, what it was worth, curves, files."""

import json
from html import escape
from statistics import fmean, pstdev

from studio.disk.csv import csv_text
from studio.search.adam import EVERY
from studio.search.cost import SearchCost
from studio.search.plan import OPTIMIZER_TITLES, SearchPlan
from studio.search.record import record
from studio.search.run import Run
from studio.session.search_view import GRAINS, UNITS, SearchView
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
_LONGEST_RECORD = 2**23  # bytes that a link on the page may hold


def cost(plan: SearchPlan, found: SearchCost) -> str:
    """What a search takes, before its start."""
    if plan.optimizer == "adam":
        each = (
            f"{plan.budget:,} steps, each on {plan.batch} rows of every task, forward and "
            f"backward; every {EVERY} steps the rows that decide are asked."
        )
    else:
        generations = plan.budget // found.generation
        each = (
            f"{plan.budget:,} candidates, about {generations:,} generations of "
            f"{found.generation}; the rows of a candidate grow from generation to generation."
        )
    return (
        f"<p class='quiet' id='optimize-cost' data-rows='{found.rows}'>{each} At most about "
        f"<b>{found.rows:,}</b> row evaluations on validation rows, and {found.before:,} before "
        "the first step for the losses of experts and base.</p>"
    )


def refused(sentence: str) -> str:
    """Why there is no search of what the boxes hold."""
    return f"<p class='note' id='optimize-cost'>{escape(sentence)}</p>"


def state(shown: SearchView | None, paused: bool) -> str:
    """How far the search is, beside its buttons."""
    if shown is None:
        return ""
    if shown.phase == "running":
        words = f"{'Paused at' if paused else 'At'} {_place(shown)}." if shown.run else "Preparing."
        return f"<p class='quiet' id='optimize-state'>{words}</p>"
    where = " What it was worth: <b>Coefficients</b> tab." if shown.gains else ""
    if shown.phase == "measuring":
        where = " Measuring what it was worth …"
    kind = "refusal" if shown.refused else "quiet"
    return f"<p class='{kind}' id='optimize-state'>{escape(shown.words)}{where}</p>"


def results(shown: SearchView | None, paused: bool, beside: SearchView | None) -> str:
    """Everything of a search as far as it has come; files once it has ended."""
    if shown is None:
        return NOTHING
    head = f"<h3>{escape(shown.name)}</h3>{_gains(shown)}{_status(shown, paused)}"
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
    if "accuracy" in figures:
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
        kind = _KINDS[shown.gains[-1].change.verdict]
        return f"<p class='{kind}' id='gains'>{found}</p>"
    if shown.phase == "measuring":
        return "<p class='note' id='gains'>Measuring what it was worth on all rows …</p>"
    if shown.phase == "ended" and shown.found and "measured" not in shown.words:
        words = "What it was worth cannot be said: no split has labelled rows of all these tasks."
        return f"<p class='note'>{words}</p>"
    return ""


def _status(shown: SearchView, paused: bool) -> str:
    ended = f"<p class='{'refusal' if shown.refused else ''}'>{escape(shown.words)}</p>"
    run = shown.run
    if run is None:
        waiting = "Preparing: inner products, losses of the experts and of the base."
        return f"<p class='quiet'>{waiting}</p>" if shown.phase == "running" else ended
    first, best = run.steps[0].value, run.best
    fit, check = (sum(each[k] for each in run.rows) for k in (0, 1))
    accuracy = "" if best.accuracy is None else f", mean accuracy {best.accuracy:.1%} on them"
    held = f"{run.held:,} of {len(run.free):,} directions held still"
    balance = f"{run.plan.balance} joint loss"
    live = (
        f"<p id='search-state' data-number='{shown.number}' data-rows='{run.spent}' "
        f"data-best='{best.value!r}'>{'Paused at' if paused else 'At'} <b>{_place(shown)}</b>; "
        f"best {balance} <b>{best.value:.4g}</b> ({first:.4g} of the mix itself) on the "
        f"n={check:,} rows that decide{accuracy}; {run.spent:,} row evaluations; {held}.</p>"
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
        accuracy = "–" if kept.accuracy is None else f"{kept.accuracy:.1%}"
        each = "".join(f"<td>{loss:.4g}</td>" for loss in kept.losses)
        body += (
            f"<tr><th scope='row'>{step.number:,}</th><td>{step.rows:,}</td>"
            f"<td>{kept.value:.4g}</td><td>{accuracy}</td>{each}</tr>"
        )
    title = "Every look at the rows that decide"
    return (
        f"<details><summary>{title}, as a table</summary><div class='scroll' tabindex='0' "
        f"role='region' aria-label='{title}'><table class='studio num'><thead><tr>"
        f"<th scope='col'>{UNITS[run.plan.optimizer]}</th><th scope='col'>rows spent</th>"
        f"<th scope='col'>joint loss</th><th scope='col'>mean accuracy</th>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div></details>"
    )


def _saves(shown: SearchView) -> str:
    assert shown.run is not None
    found = {
        "name": shown.name,
        "best": shown.run.recipe().plain(),
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
        "checked_value", "checked_loss", "checked_accuracy",
    ]  # fmt: skip
    rows = []
    for step in run.steps:
        kept = step.checked
        for i, task in enumerate(run.free.tasks):
            own = run.free.of_task(step.point, task)
            accuracy = kept.accuracies[i] if kept and kept.accuracies else None
            path = (fmean(own), pstdev(own)) if own else (None, None)
            looked = (kept.value, kept.losses[i], accuracy) if kept else (None, None, None)
            about = (step.number, step.rows, step.value, step.best.value, task, step.losses[i])
            rows.append((*about, *path, *looked))
    return csv_text(header, rows)
