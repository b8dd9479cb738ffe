"""The tour and the presets as HTML: words, the question, what a try has shown, and links."""

import base64
import json
from collections.abc import Sequence
from html import escape

from studio.measure.intervals import Score
from studio.session.learn_step import Outcome, Step
from studio.session.presets import Preset
from studio.zoo import Zoo

WAITING = "<p class='quiet'>The deltas of this zoo are being measured; the tour follows them …</p>"


def steps_bar(steps: Sequence[Step], at: int) -> str:
    """The steps as a row of buttons."""
    if not steps:
        return WAITING
    buttons = "".join(
        f"<li><button type='button' data-act='open' data-number='{number}' "
        f"{'aria-current=step ' if number == at else ''}title='{escape(step.title)}'>"
        f"<b>{number}</b> <span>{escape(step.title)}</span></button></li>"
        for number, step in enumerate(steps, 1)
    )
    return f"<nav aria-label='Steps of the tour'><ol class='steps'>{buttons}</ol></nav>"


def step_words(step: Step | None, at: int) -> str:
    """What a step says, with its formula in a fold."""
    if step is None:
        return ""
    words = "".join(f"<p>{escape(each)}</p>" for each in step.words)
    lacks = f"<p class='note'>{escape(step.lacks)}</p>" if step.lacks else ""
    formula = (
        f"<details><summary>Formula and source</summary><p>{escape(step.formula)}</p></details>"
        if step.formula
        else ""
    )
    return f"<h3 id='step-title'>{at}. {escape(step.title)}</h3>{words}{lacks}{formula}"


def question(step: Step | None, outcome: Outcome | None, expected: int | None) -> str:
    """The question, what somebody expects, and what the try has shown; in places of fixed size."""
    if step is None or outcome is None or not step.choices or step.lacks:
        return ""
    buttons = "".join(
        f"<button type='button' data-act='expect' data-number='{place}' "
        f"aria-pressed='{str(place == expected).lower()}'"
        f"{' class=right' if place == outcome.right else ''}>{escape(each)}</button>"
        for place, each in enumerate(step.choices)
    )
    return (
        f"<div class='question'><p><b>Try:</b> {escape(step.task)}</p>"
        f"<p><b>{escape(step.question)}</b> Say what you expect, then try.</p>"
        f"<div class='choices' role='group' aria-label='What do you expect?'>{buttons}</div>"
        f"<div class='found' role='status'>{_found(step, outcome, expected)}</div></div>"
    )


def _found(step: Step, outcome: Outcome, expected: int | None) -> str:
    if outcome.right is None:
        return f"<p class='quiet'>{escape(outcome.words)}</p>"
    right = step.choices[outcome.right]
    if expected is None:
        verdict = f"Tried: {right}."
    elif expected == outcome.right:
        verdict = f"Right: {right}."
    else:
        verdict = f"Not what you expected. {right}."
    css = "good" if expected in (None, outcome.right) else "other"
    return f"<p class='{css}'><b>{escape(verdict)}</b> {escape(outcome.words)}</p>"


def now_line(step: Step | None, scores: dict[str, Score], on: Sequence[str]) -> str:
    """What the tasks that a step is about come to in the mix that is shown."""
    if step is None:
        return ""
    tasks = [name for name in step.points if name in scores][:3]
    parts = (
        f"<span>{escape(name)}{'' if name in on else ' (out)'} "
        f"<b class='num'>{scores[name].shown}</b></span>"
        for name in tasks
    )
    return f"<p class='now-line'>{''.join(parts)}</p>"


def pointing(step: Step | None, at: int, opened: bool) -> dict:
    """What the page's program marks: tasks and places, and the step for the address."""
    points = list(step.points) if step and opened and step.mix else []
    return {"points": points, "step": at}


def presets_list(presets: Sequence[Preset], zoo: Zoo) -> str:
    """Presets as links, each with what to look at."""
    items = []
    for each in presets:
        link, title = each.link(zoo), escape(each.title)
        head = f"<a href='{escape(link)}'>{title}</a>" if link else f"<b>{title}</b>"
        css = "" if link else " class='quiet'"
        items.append(f"<li{css}>{head}<span>{escape(each.words)}</span></li>")
    return f"<ul class='presets'>{''.join(items)}</ul>" if items else WAITING


def arrows_data(tasks: Sequence[str], gram: list[list[float]], first: Sequence[int]) -> dict:
    """The real deltas that can be put in as arrows."""
    return {"tasks": list(tasks), "gram": gram, "first": list(first)}


def arrows_key(data: dict) -> str:
    """What the arrows depend on."""
    return json.dumps(data)


def lesson_link(lesson: str, name: str) -> str:
    """The lesson, to be saved; as long as nothing was made, what it will be."""
    if not lesson:
        return (
            "<p class='quiet'>One page with this zoo's own numbers, sliders, questions and "
            "answers, for a class in which nobody can install anything. To measure it takes a few "
            "minutes; the page goes on meanwhile.</p>"
        )
    data = lesson.encode()
    stem = "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-") or "zoo"
    return (
        "<p class='fine'>The lesson is made. It opens in any browser, without a network.</p>"
        f"<p><a class='download' id='save-lesson' download='{escape(stem)}-lesson.html' "
        f"href='{_as_address(data)}'>Save the lesson ({len(data) / 1000:,.0f} kB)</a></p>"
    )


def _as_address(data: bytes) -> str:
    return f"data:text/html;base64,{base64.b64encode(data).decode()}"
