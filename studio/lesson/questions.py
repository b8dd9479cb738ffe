"""Questions of a lesson, and their answers from its own numbers."""

from dataclasses import dataclass

from studio.lesson.facts import TAKEN_OUT
from studio.lesson.record import LessonRecord
from studio.lesson.scoring import less_is_better
from studio.measure.metrics import means_words, worth


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        asked: the question.
        answer: with the numbers that it stands on.
    """

    asked: str
    answer: str


def questions(record: LessonRecord) -> list[Question]:
    """All that this zoo's numbers can answer."""
    return [*_angles(record), *_merging(record), *_removing(record)]


def _angles(record: LessonRecord) -> list[Question]:
    facts = record.facts
    if not facts.near or not facts.apart:
        return []
    one, other = facts.near
    cosine = facts.cosine(one, other)
    return [
        Question(
            "Which two experts learned most nearly the same? How large is the angle of their "
            "deltas?",
            f"{one} and {other}: cosine {cosine:.3f}, {facts.angle(one, other):.1f} degrees.",
        ),
        Question(
            f"Gram-Schmidt takes out of {other} what points along {one}. How much of its squared "
            "length is left?",
            f"1 - cosine² = 1 - {cosine:.3f}² = {1 - cosine**2:.1%}.",
        ),
        Question(
            "Many numbers, drawn at random, are nearly at right angles to many others. Which two "
            "of these deltas come nearest to that?",
            f"{facts.apart[0]} and {facts.apart[1]}: cosine {facts.cosine(*facts.apart):.4f}. "
            "Tasks that have nothing in common look like chance.",
        ),
    ]


def _merging(record: LessonRecord) -> list[Question]:
    best = max(record.grid, key=lambda place: worth(record.grid[place]))
    experts = record.facts.experts
    found = [
        Question(
            "Find the best point of the grid. Is the merge as good as the experts, each on its "
            "own task?",
            f"Coefficient {best[0]:g}, {TAKEN_OUT} {best[1]:g}: {means_words(record.grid[best])}; "
            f"the experts: {means_words(experts)}. The best of {len(record.grid)} points looks "
            "better on these rows than it is on others.",
        ),
        Question(
            f"At the start of the studio, coefficient {record.facts.start:g}: does it pay to take "
            "out all that tasks share?",
            f"{_verdict(record.taken_out.verdict)}: {record.taken_out.words} on average, "
            f"n={record.taken_out.n:,} (the same rows both times).",
        ),
    ]
    if record.pulled:
        found.append(
            Question(
                f"{record.facts.strong} is raised from {record.facts.start:g} to 1. What does that "
                "do to the others?",
                f"{_verdict(record.pulled.verdict)}: {record.pulled.words} on average, "
                f"n={record.pulled.n:,}.",
            )
        )
    return found


def _removing(record: LessonRecord) -> list[Question]:
    if not record.removed:
        return []
    most = max(record.removed, key=lambda each: each.left)
    found = [
        Question(
            "Whose subtraction leaves most in the weights, and where does that come from?",
            f"{most.task}: {most.left:.1%} of its delta's length. Tasks that came after it had "
            "given up what they shared with it, and do not get it back. Rebuilding leaves nothing.",
        )
    ]
    if attack := record.attack:
        back = attack.back.shown if attack.back else "nothing to attack with"
        found.append(
            Question(
                f"{attack.task} was taken out. Can somebody bring it back?",
                f"From the subtracted model: {back}, against {attack.never.shown} of a model that "
                f"never had it and {attack.own.shown} of its own expert, n={attack.own.n:,}. From "
                f"the rebuilt one: no, it is that model.{less_is_better(attack.own)}",
            )
        )
    return found


def _verdict(verdict: str) -> str:
    return {"better": "They get better", "worse": "They get worse"}.get(
        verdict, "No difference that these rows can tell"
    )
