"""Pure views of a state of sums: who is in it, what it weighs, and what was done last."""

from html import escape

from studio.session.states import StateView
from studio.ui.views.units import size

INTRODUCTION = (
    "<p class='quiet'>One file of constant size holds what the method needs of all its tasks, as "
    "whole numbers. Tasks come and leave in any order, and what is left has <b>the bits of a state "
    "that never had them</b>: no other task's checkpoint is needed, nothing is trained again. The "
    "file tells of nobody's rows, but sums of deltas, and of the inputs of layers, are in it: keep "
    "it as you keep models.</p>"
)


def state(shown: StateView | None) -> str:
    """The state that was worked on last."""
    if shown is None:
        return ""
    found = shown.state
    rows = "".join(
        f"<tr><th scope='row'>{escape(task.name)}</th><td class='num'>{task.coefficient:g}</td>"
        f"<td><code>{task.digest[:12]}…</code></td><td><code>{task.terms[:12]}…</code></td></tr>"
        for task in found.tasks
    )
    table = (
        "<div class='scroll' tabindex='0' role='region' aria-label='Tasks in the state'>"
        "<table class='studio'><thead><tr><th scope='col'>task</th><th scope='col'>weight</th>"
        "<th scope='col'>checkpoint</th><th scope='col'>what it added</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
        if found.tasks
        else "<p>No task is in it.</p>"
    )
    return (
        f"<div class='sums' data-root='{found.root}'><p>{escape(shown.said)}</p>{table}"
        f"<p class='quiet'>{escape(found.path.name)}: {escape(found.method.title)}, "
        f"{size(shown.size)}, {shown.size / max(shown.model, 1):.1f} times the base. Root "
        f"<code>{found.root[:16]}…</code></p></div>"
    )
