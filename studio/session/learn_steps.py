"""A tour of eight steps, each made of the open zoo's own numbers: the first five, on merging."""

from functools import partial

from studio.lesson.facts import MAIN, TAKEN_OUT, Two, ZooFacts
from studio.methods import METHODS, SUM
from studio.recipe import DEFAULT_METHOD
from studio.session.learn_mixes import mixed
from studio.session.learn_move import Move
from studio.session.learn_step import (
    BETTER,
    Outcome,
    Step,
    Tried,
    coming,
    mean_of,
    missing,
    not_yet,
    of_change,
    said,
    worst_of,
)
from studio.session.mix import Mix

_METHOD = METHODS[DEFAULT_METHOD].title
_ALIKE = 0.1
_ZERO, _HALF, _WHOLE = (0.0, 0.0), (0.4, 0.6), (0.95, 1.05)
_TAKEN_OUT = Move(f"Move {TAKEN_OUT}, under the method, from 0 to 1.", options={MAIN: _WHOLE})
ONE_TASK = "This zoo merges one task only; it takes two to see this."
NO_ROWS = (
    "This zoo has no rows to score with, so the question cannot be answered here; sliders, arrows "
    "and angles work all the same."
)


def delta(facts: ZooFacts, start: Mix) -> Step:
    """What a delta is."""
    task = facts.first
    scored = task in facts.scored and facts.known
    own = facts.experts[task].shown if scored else "…"
    floor = facts.base[task].shown if scored else "…"
    rows = (
        f"On its own held-out rows the expert scores {own}, the base {floor}."
        if scored
        else "How well it does is not known here yet."
    )
    first = mixed(start, {task: 1.0}, SUM)
    move = Move(f"Move the slider of {task} down to 0.", numbers={task: _ZERO})

    def check(tried: Tried) -> Outcome:
        if lacks := move.lacks(first, tried.mix):
            return not_yet(lacks)
        found = tried.scores(tried.mix).get(task)
        if found is None:
            return Outcome(None, "Tried. The rows are being scored …")
        return Outcome(1, f"Measured: {found.shown}, n={found.n:,}. Nothing of the delta is added, "
                       f"so what answers is the base: {floor}.")  # fmt: skip

    return Step(
        "What a delta is",
        (
            f"An expert is a copy of one base model that was trained further on one task. What the "
            f"training changed is the expert's delta: {facts.numbers:,} numbers, each the expert's "
            "minus the base's.",
            f"The delta of {task} has length {facts.lengths[task]:.2f}. {rows}",
            "Base plus the whole delta is the expert again. The slider says how much is added.",
        ),
        "delta = expert - base, number by number; its length is the root of the sum of squares. "
        "Task vectors, arXiv 2212.04089.",
        first, (task, "headline"), move.words, "What does it score then?",
        (f"Still {own}", f"As the base does: {floor}", "Nothing at all"), check,
        needs_rows(facts, task),
    )  # fmt: skip


def adding(facts: ZooFacts, start: Mix) -> Step:
    """Adding deltas."""
    if not facts.apart:
        return missing("Adding", ONE_TASK)
    one, other = facts.apart
    first = mixed(start, {one: 1.0, other: 1.0}, SUM)
    third = next((x for x in facts.tasks if x not in facts.apart), "")
    turned = third or other
    move = Move(f"Tick {third}, too." if third else f"Untick {other}.", (turned,))

    def check(tried: Tried) -> Outcome:
        if lacks := move.lacks(first, tried.mix):
            return not_yet(lacks)
        change = tried.changes(first, tried.mix).get(one)
        if change is None:
            return coming(tried, first)
        return of_change(
            change,
            f"Every delta that is added moves the same weights a little further from where {one} "
            "wants them; how far, depends on the zoo.",
        )

    return Step(
        "Adding",
        (
            "A merge is one model for several tasks: the base plus all their deltas. No training "
            "and no rows are needed, only additions.",
            f"{one} and {other} are the two of this zoo that have least to do with one another: "
            f"their deltas stand at {facts.angle(one, other):.0f} degrees. Both are added whole "
            "here; compare their bars with the marks of the experts alone.",
        ),
        "merged = base + sum of coefficient × delta. Task arithmetic, arXiv 2212.04089.",
        first, (one, other, "headline"), move.words,
        f"What becomes of {one}?", BETTER, check, needs_rows(facts, one),
    )  # fmt: skip


def interference(facts: ZooFacts, start: Mix) -> Step:
    """Tasks that pull at the same weights."""
    if len(facts.tasks) < 2:
        return missing("Interference", ONE_TASK)
    strong = facts.strong or facts.first
    first = mixed(start, dict.fromkeys(facts.tasks, facts.start))
    move = Move(f"Move the slider of {strong} up to 1.", numbers={strong: _WHOLE})

    def check(tried: Tried) -> Outcome:
        if lacks := move.lacks(first, tried.mix):
            return not_yet(lacks)
        found = tried.changes(first, tried.mix)
        others = {name: each for name, each in found.items() if name != strong}
        if not others:
            return coming(tried, first)
        worst = worst_of(others)
        own = f" {strong} itself: {said(found[strong])}." if strong in found else ""
        return of_change(mean_of(others), f"Hardest hit is {worst}: {said(others[worst])}.{own} "
                         "What one task gains, others may pay: that is interference.")  # fmt: skip

    return Step(
        "Interference",
        (
            f"All {len(facts.tasks)} tasks share the same weights. Each enters with "
            f"{facts.start:g} of its delta, so that together they move the base about as far as "
            "one task does.",
            f"{strong} gains most from its delta. To raise it alone pulls the shared weights its "
            "way.",
        ),
        "With equal lengths and right angles, n deltas with coefficient 1/√n have the length of "
        "one.",
        first, (strong, "headline"), move.words, "What becomes of the others, on average?",
        BETTER, check, needs_rows(facts, strong),
    )  # fmt: skip


def shared(facts: ZooFacts, start: Mix) -> Step:
    """Taking out what two deltas share."""
    if not facts.near:
        return missing("What is shared", ONE_TASK)
    one, other = facts.near
    cosine = facts.cosine(one, other)
    first = mixed(start, {one: 1.0, other: 1.0}, options={MAIN: 0.0})

    little = (
        " In this zoo that is little, so expect little."
        if abs(cosine) < _ALIKE
        else " Added whole, that part counts twice."
    )
    return Step(
        "What is shared",
        (
            f"The deltas of {one} and {other} are the two most alike here: their cosine is "
            f"{cosine:.3f}, an angle of {facts.angle(one, other):.0f} degrees. They share a part."
            f"{little}",
            f"{_METHOD} keeps the first whole and takes out of the second what points along it. "
            f"Of {other}'s squared length, {1 - cosine**2:.1%} is its own. Put both in as arrows "
            "below to see it.",
        ),
        "Gram-Schmidt: component₂ = delta₂ - (⟨delta₁, delta₂⟩ / ⟨delta₁, delta₁⟩) delta₁. "
        "MDM-OC, arXiv 2507.20997, Eqs. 4 and 5.",
        first, (one, other, "options", "headline"),
        _TAKEN_OUT.words, "What becomes of the two, on average?",
        BETTER, partial(_no_longer_shared, first, (one, other)), needs_rows(facts, one),
    )  # fmt: skip


def _no_longer_shared(first: Mix, both: Two, tried: Tried) -> Outcome:
    if lacks := _TAKEN_OUT.lacks(first, tried.mix):
        return not_yet(lacks)
    found = tried.changes(first, tried.mix)
    known = {name: found[name] for name in both if name in found}
    if not known:
        return coming(tried, first)
    each = "; ".join(f"{name} {said(change)}" for name, change in known.items())
    return of_change(
        mean_of(known),
        f"{each}. The angle is 90 degrees now: right angles keep tasks apart, and cost whatever "
        "the shared part was good for.",
    )


def coefficients(facts: ZooFacts, start: Mix) -> Step:
    """How much of each."""
    first = mixed(start, dict.fromkeys(facts.tasks, 1.0))
    move = Move("Under More, press Halve all, once.", numbers=dict.fromkeys(facts.tasks, _HALF))

    def check(tried: Tried) -> Outcome:
        if lacks := move.lacks(first, tried.mix):
            return not_yet(lacks)
        found = tried.changes(first, tried.mix)
        if not found:
            return coming(tried, first)
        return of_change(mean_of(found), "Too much of every delta leaves the range in which the "
                         "model works, too little leaves the base. Where the best lies, only rows "
                         "tell: Optimize looks for it on validation rows.")  # fmt: skip

    return Step(
        "Coefficients",
        (
            f"Here every one of the {len(facts.tasks)} deltas is added whole, with coefficient 1.",
            "The coefficients are the only numbers of a merge that are not computed from the "
            "weights. They can be the same for all, one per task, or one per layer (open a row).",
        ),
        "merged = base + sum of c × component; 1/√n is where this page starts.",
        first, (*facts.tasks, "headline"),
        move.words, "What becomes of the mean?", BETTER, check,
        "" if facts.scored else NO_ROWS,
    )  # fmt: skip


def needs_rows(facts: ZooFacts, task: str) -> str:
    """What lacks where a task has no rows; or empty."""
    return "" if task in facts.scored else NO_ROWS
