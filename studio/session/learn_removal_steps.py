"""The last three steps of the tour: unmerging, who brings a task back, and forgetting."""

from functools import partial

from studio.lesson.facts import ZooFacts
from studio.session.learn_mixes import mixed
from studio.session.learn_move import Move
from studio.session.learn_step import (
    BETTER,
    Outcome,
    Step,
    Tried,
    coming,
    missing,
    not_yet,
    of_change,
)
from studio.session.learn_steps import ONE_TASK, needs_rows
from studio.session.mix import Mix

_WAITING = "The scores of the experts are still coming; this step follows them."
_TOO_ALIKE = (
    "One delta of this zoo lies in the span of the others, so that nothing of its own is left to "
    "take out; the mixer says which."
)
_NO_ROWS = "This zoo has no rows to score with, so nobody can see what comes back."


def removed_mix(facts: ZooFacts, start: Mix) -> Mix:
    """All tasks merged, of which the strongest will be taken out."""
    return mixed(start, dict.fromkeys(facts.tasks, facts.start))


def unmerging(facts: ZooFacts, start: Mix, left: float | None) -> Step:
    """Subtract against rebuild.

    Args:
        facts: of the zoo.
        start: the mix that it starts with.
        left: see ``left_behind``; None where the tasks cannot be merged by the default method.
    """
    title = "Subtract or rebuild"
    if len(facts.tasks) < 2:
        return missing(title, ONE_TASK)
    if left is None:
        return missing(title, _TOO_ALIKE)
    task, amount = facts.strong or facts.first, f"{left:.1%}"
    first, move = removed_mix(facts, start), Move(f"Untick {task}.", (task,))

    def check(tried: Tried) -> Outcome:
        if lacks := move.lacks(first, tried.mix):
            return not_yet(lacks)
        return Outcome(0, f"Nothing: {task} is no part of the sum any more, and the others were "
                       "computed again without it. Subtracting would have left something as long "
                       f"as {amount} of its delta, inside the others.")  # fmt: skip

    return Step(
        title,
        (
            f"{task} is to leave the merge. Subtracting its component looks right, but the others "
            "had given something up for it: what was taken out of them on its account stays "
            f"missing. That remainder is as long as {amount} of its delta.",
            "To untick it rebuilds: the merge is computed as if the task had never been in it.",
        ),
        "subtracted = merged - c × component, the basis stays (MDM-OC, Eq. 8); rebuilt = the merge "
        "of the remaining tasks. The remainder's length is computed from the inner products.",
        first, (task, "headline"), move.words, f"How much of {task} is then left in the weights?",
        ("Nothing", "What the others had given up for it", "All of it"), check,
    )  # fmt: skip


def bringing_back(facts: ZooFacts, start: Mix, left: float | None) -> Step:
    """What an attacker makes of the two; arguments as ``unmerging``."""
    title = "Who brings it back"
    if len(facts.tasks) < 2:
        return missing(title, ONE_TASK)
    if left is None:
        return missing(title, _TOO_ALIKE)
    if not facts.scored:
        return missing(title, _NO_ROWS)
    if not facts.strong:
        return missing(title, _WAITING)
    task = facts.strong
    return Step(
        title,
        (
            f"A model from which {task} was subtracted still differs from one that never had it, "
            f"by {left:.1%} of its delta's length. Whoever can make the second one, from "
            "the base and the other checkpoints, sees the difference and multiplies it.",
            f"Its own expert scores {facts.experts[task].shown}, the base "
            f"{facts.base[task].shown}. A high score of a model that never had the task is no "
            "leak: other tasks taught it something alike.",
        ),
        "attacked = base + s × (never merged - subtracted); the sign of s is chosen on validation "
        "rows. Scored on held-out rows.",
        removed_mix(facts, start).unticked([task]), (task, "headline"),
        "Press Attack both.", f"From which model does {task} come back?",
        ("From the subtracted one", "From the rebuilt one", "From neither"),
        partial(_comes_back, task),
    )  # fmt: skip


def _comes_back(task: str, tried: Tried) -> Outcome:
    found = tried.attack
    if found is None or found.task != task:
        return not_yet("Press Attack both: it takes the task out in both ways and tries.")
    if found.back is None:
        return Outcome(
            2,
            "Here both ways leave the same weights, byte for byte, so that there is no difference "
            "to multiply.",
        )
    gain = found.own.metric.sign * (found.back.value - found.never.value)
    told = (
        f"{task} scores {found.never.shown} in a model that never had it, and "
        f"{found.back.shown} after the attack on the subtracted one, n={found.back.n:,}"
    )
    if gain <= found.back.half:
        return Outcome(2, f"{told}: the remainder was too little to bring anything back.")
    return Outcome(
        0,
        f"{told}; its own expert {found.own.shown}. The rebuilt model gives nothing: its "
        "difference to one that never had it is 0.",
    )


def forgetting(facts: ZooFacts, start: Mix) -> Step:
    """Tasks that arrive one after another."""
    title = "Forgetting"
    if len(facts.tasks) < 2:
        return missing(title, ONE_TASK)
    first, *rest = facts.tasks
    alone = mixed(start, {first: facts.start})
    move = Move(f"Tick {', '.join(rest)}, one after another, from the top down.", tuple(rest))
    every = removed_mix(facts, start)
    arrivals = [every.unticked(facts.tasks[count:]) for count in range(1, len(facts.tasks) + 1)]

    def check(tried: Tried) -> Outcome:
        known = [tried.scores(each).get(first) for each in arrivals]
        told = ", ".join(
            f"with {count} {score.shown}" for count, score in enumerate(known, 1) if score
        )
        seen = f" Seen so far of {first}: {told}." if told else ""
        if lacks := move.lacks(alone, tried.mix):
            return not_yet(f"{lacks}{seen}")
        change = tried.changes(alone, tried.mix).get(first)
        if change is None:
            return coming(tried, alone)
        return of_change(change, f"Its own component did not change; what came later moves the "
                         f"same model all the same.{seen} Over time shows every order and "
                         "method.")  # fmt: skip

    return Step(
        title,
        (
            f"Models rarely arrive together. Here {first} is alone; the others come one after "
            "another, and nobody trains anything again.",
            "In order of arrival the first task keeps its whole delta, and each later one loses "
            "what it shares with those before it.",
        ),
        "Forgetting of a task = its best score so far minus its score at the end; see Over time.",
        alone, (first, "headline"), move.words,
        f"What becomes of {first}?", BETTER, check, needs_rows(facts, first),
    )  # fmt: skip
