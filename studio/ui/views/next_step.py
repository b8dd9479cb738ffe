"""What a tab's result means and what to do next: one or two sentences at its end."""

from html import escape

from studio.measure.intervals import Score
from studio.session.snapshot import Snapshot
from studio.tasks.metric import LOSS
from studio.ui.views.references import complete


def after_results(now: Snapshot) -> str:
    """Which task the mix serves worst, and what helps; nothing while rows are being read."""
    on = [strip.name for strip in now.mix.strips if strip.on and strip.name in now.rows]
    if not now.rows:
        return _next("", "give the tasks rows to test on, in the tab New zoo, to see scores.")
    if not on:
        return _next("", "tick a task, to merge it.")
    if not now.seen or now.shipped or not complete(now.experts, now.rows):
        return ""
    gaps = {name: _gap(now.scores[name], now.experts[name]) for name in on}
    sure = [name for name in on if now.scores[name].worse_than(now.experts[name].value)]
    task = max(sure or gaps, key=lambda name: gaps[name])
    own, expert = now.scores[task], now.experts[task]
    if gaps[task] <= 0:
        return _next(
            "Every task does as well here as with its own expert.",
            "export the model, or untick a task to see what the others owe to it.",
        )
    if not sure:
        return _next(
            f"No task is surely worse here than with its own expert; furthest is {escape(task)}: "
            f"{own.shown} here, {expert.shown} alone, n={own.n:,}.",
            "export the model, or make a zoo with more rows, to tell small losses from none.",
        )
    return _next(
        f"{escape(task)} is furthest from its expert: {own.shown} here, {expert.shown} alone.",
        "drag its slider up and watch the others, or look under <b>Improve</b> for better weights "
        "and under <b>Why</b> for who disturbs it.",
    )


def _gap(own: Score, expert: Score) -> float:
    """How far a task is from its expert; a percent of a loss counts as a point of accuracy."""
    away = expert.metric.sign * (expert.value - own.value)
    return away / max(expert.value, 1e-9) if expert.metric is LOSS else away


def after_files(now: Snapshot) -> str:
    """That an export holds what is ticked, and how it goes on."""
    off = [strip.name for strip in now.mix.strips if not strip.on]
    means = f"An export holds {len(now.recipe.tasks)} of {len(now.mix.strips)} tasks."
    if off:
        names = escape(", ".join(off))
        return _next(
            f"{means} Not in it: {names}.",
            "export the model, then open <b>Unmerge</b> for a certificate that says so.",
        )
    return _next(means, "export the model; the recipe beside it makes the same model again.")


def _next(means: str, what: str) -> str:
    said = f"<b>What this means.</b> {means} " if means else ""
    return f"<p class='verdict'>{said}<b>Next:</b> {what}</p>"
