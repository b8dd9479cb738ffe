"""The lesson as one HTML page that asks no network: text, numbers, styles and programs in it."""

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path

from studio.lesson.facts import TAKEN_OUT
from studio.lesson.questions import questions
from studio.lesson.record import COEFFICIENTS, LessonRecord
from studio.lesson.scoring import scoring
from studio.measure.intervals import Score
from studio.tasks.metric import LOSS

STATIC = Path(__file__).parent / "static"
ARROWS = ("orthogonal.js", "vectors.js")
"""Scripts that draw deltas as arrows: ``vectorFigure(place, zoo)``."""
ARROWS_STYLE = STATIC / "vectors.css"
"""How they look."""


def script(*names: str) -> str:
    """Scripts of a lesson, one after another."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def lesson_page(record: LessonRecord) -> str:
    """The whole page."""
    style = script("vectors.css", "lesson.css")
    program = f"(() => {{\n{script(*ARROWS, 'lesson.js')}\n}})();"
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(program)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    title = f"{record.zoo}: a lesson on merging models"
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>{_opening(record)}{_experts(record)}{_body(record)}"
        f"{_questions(record)}{_closing(record)}</main>"
        f"<script type='application/json' id='numbers'>{_json(plain(record))}</script>"
        f"<script>{program}</script></body></html>\n"
    )


def plain(record: LessonRecord) -> dict:
    """The numbers that the page's programs show."""
    facts = record.facts
    near = [facts.tasks.index(name) for name in facts.near or facts.tasks[:1]]
    return {
        "tasks": facts.tasks,
        "gram": record.gram,
        "first": near,
        "scored": facts.scored,
        "experts": _scores(facts.experts),
        "base": _scores(facts.base),
        "grid": [[c, a, _scores(each)] for (c, a), each in record.grid.items()],
        "strong": facts.strong,
        "raised": [[c, _scores(each)] for c, each in record.raised.items()],
        "full": _scores(record.full),
        "removed": [
            {
                "task": each.task, "left": each.left, "rebuilt": _scores(each.rebuilt),
                "subtracted": _scores(each.subtracted),
            }
            for each in record.removed
        ],
        "attack": record.attack and {
            name: score and _plain(score)
            for name, score in vars(record.attack).items()
            if name != "task"
        },
        "tried": record.attack.task if record.attack else "",
    }  # fmt: skip


def _scores(scores: Mapping[str, Score]) -> dict:
    return {name: _plain(score) for name, score in scores.items()}


def _plain(score: Score) -> dict:
    return {
        "value": score.value, "low": score.low, "high": score.high, "n": score.n,
        "shown": score.shown, "span": score.span, "loss": score.metric is LOSS,
        "metric": score.metric.name,
    }  # fmt: skip


def _json(content: object) -> str:
    """JSON that no text of a zoo can end early."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _digest(text: str) -> str:
    found = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(found).decode()}"


def _opening(record: LessonRecord) -> str:
    counts = [score.n for score in record.full.values()]
    rows = f"{_span(counts)} held-out rows per task"
    return (
        "<p class='lead'>Several experts were trained from one base model, each on its own task. "
        "What training changed is an expert's <b>delta</b>; a <b>merge</b> is the base plus "
        "several deltas. Everything below was measured on real models, and needs no network.</p>"
        f"<p>{' '.join(map(escape, scoring(record)))}</p>"
        f"<p class='quiet'>Scores are on {rows}{_attacked(record)}; bars have 95 % intervals. "
        "Sliders stop only where something was measured.</p><noscript><p>The sliders need scripts; "
        "the questions and answers below do not.</p></noscript>"
    )


def _attacked(record: LessonRecord) -> str:
    """On how many rows the attack is scored, where these are others."""
    count = record.attack.own.n if record.attack else 0
    if not record.attack or count == record.full[record.attack.task].n:
        return ""
    return f", those of section 7 on all {count:,} of {escape(record.attack.task)}"


def _span(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _experts(record: LessonRecord) -> str:
    facts = record.facts
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td class='num'>{facts.lengths[name]:.2f}</td>"
        f"{_cell(facts.experts.get(name))}{_cell(facts.base.get(name))}</tr>"
        for name in facts.tasks
    )
    losses = any(score.metric is LOSS for score in facts.experts.values())
    less = " Losses are in nats per token: less is better." if losses else ""
    scored = "Expert on its own task", "Base on that task"
    return (
        f"<section><h2>1. Experts and deltas</h2><p>Each delta is {facts.numbers:,} numbers; its "
        f"length is the root of the sum of their squares.{less}</p><div class='scroll'><table>"
        "<thead><tr><th scope='col'>Task</th><th scope='col'>Length of its delta</th><th "
        f"scope='col'>{scored[0]}</th><th scope='col'>{scored[1]}</th></tr></thead><tbody>{rows}"
        "</tbody>"
        "</table></div></section>"
    )


def _cell(score: Score | None) -> str:
    if score is None:
        return "<td class='quiet'>no rows</td>"
    return (
        f"<td class='num'>{score.shown} <span class='quiet'>{score.span}, n={score.n:,}</span></td>"
    )


def _body(record: LessonRecord) -> str:
    """Places that the page's programs fill."""
    strong = escape(record.facts.strong)
    raised = (
        f"<section><h2>5. Interference</h2><p>All others stay at {record.facts.start:g}; only "
        f"<b>{strong}</b> moves.</p><div id='raised' class='board'></div></section>"
    )
    removed = (
        "<section><h2>6. Unmerging</h2><p>A task leaves the merge. <b>Subtracting</b> takes its "
        "component away, and leaves the others as they were made with it; <b>rebuilding</b> "
        "computes the merge as if it had never been there.</p>"
        "<div id='removed' class='board'></div></section>"
    )
    attack = (
        "<section><h2>7. Who brings it back</h2><p>An attacker takes the difference of the "
        "subtracted model to one that never had the task, and multiplies it. Whether the "
        "task comes back is read from its scores.</p>"
        "<div id='attack' class='board'></div></section>"
    )
    return (
        "<section><h2>2. Angles</h2><p>The cosine of two deltas: 1 is the same direction, 0 a "
        "right angle. The numbers are the inner products of the real deltas.</p>"
        "<div id='cosines' class='scroll' tabindex='0' role='region' aria-label='Cosines'></div>"
        "</section><section><h2>3. Gram-Schmidt</h2><p>What a later arrow shares with an earlier "
        "one is taken out of it. Turn the arrows, change the order, or put real deltas in.</p>"
        "<div id='arrows'></div></section>"
        f"<section><h2>4. Merging</h2><p>All tasks with one coefficient, by "
        f"{escape(record.method)}: {TAKEN_OUT} 0 adds the deltas as they are, 1 takes out all that "
        f"they share.</p><div id='grid' class='board' data-coefficients='"
        f"{' '.join(map(str, COEFFICIENTS))}'></div></section>"
        f"{raised if record.raised else ''}{removed if record.removed else ''}"
        f"{attack if record.attack else ''}"
    )


def _questions(record: LessonRecord) -> str:
    items = "".join(
        f"<li><p>{escape(each.asked)}</p><details><summary>Answer</summary>"
        f"<p>{escape(each.answer)}</p></details></li>"
        for each in questions(record)
    )
    return f"<section><h2>Questions</h2><ol class='questions'>{items}</ol></section>"


def _closing(record: LessonRecord) -> str:
    return (
        "<p class='quiet'>Made by the MDM-OC merge studio from the zoo "
        f"{escape(record.zoo)}. Methods: task arithmetic (arXiv 2212.04089), MDM-OC (arXiv "
        "2507.20997). Intervals: Wilson, or a bootstrap over groups of rows.</p>"
    )
