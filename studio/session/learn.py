"""A browser's tour and lesson: which step is shown, what is expected, what its tries have shown."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from studio.errors import BadRecipe, StudioError
from studio.lesson.facts import ZooFacts, facts_of
from studio.lesson.page import lesson_page
from studio.lesson.record import DEFAULT_ROWS, record_of
from studio.lesson.removal import BroughtBack, brought_back, left_behind
from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.progress import Progress
from studio.session.context import Context
from studio.session.learn_removal_steps import bringing_back, forgetting, removed_mix, unmerging
from studio.session.learn_step import Outcome, Step, Tried
from studio.session.learn_steps import adding, coefficients, delta, interference, shared
from studio.session.mix import Mix
from studio.session.presets import Preset, presets

STEPS = 8
_UNKNOWN = "The page asked for something unknown; reload the page."
_LESSON = 40  # models, about
_NOT_YET = "The deltas are still being measured; try again in a moment."


class Learn:
    """The part of a session that teaches.

    Args:
        context: of the session.

    Attributes:
        at: step that is shown, from 1.
        expected: {step: place of the choice that somebody made}.
        attack: what was brought back; None before.
        lesson: the lesson in one file, as HTML; empty before it was made.
        version: counts what is new.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.at = 1
        self.expected: dict[int, int] = {}
        self.attack: BroughtBack | None = None
        self.lesson = ""
        self.version = 0
        self._left: dict[str, float | None] = {}
        self._known: tuple[object, tuple[Step, ...], Sequence[Preset]] = (None, (), ())

    def facts(self) -> ZooFacts | None:
        """What is known of the zoo; None until its deltas are measured."""
        results, start = self._context.worker.results, self._context.start
        experts, base = dict(results.experts), dict(results.base)  # the worker adds to them
        return facts_of(self._context.bench, experts, base, start.ticked)

    def steps(self) -> tuple[Step, ...]:
        """All steps on the zoo's numbers; none until its deltas are measured."""
        return self._made()[1]

    def presets(self) -> Sequence[Preset]:
        """Mixes that show one thing each; none until its deltas are measured."""
        return self._made()[2]

    def _made(self) -> tuple[object, tuple[Step, ...], Sequence[Preset]]:
        """What is made of the zoo's numbers, anew only where they have changed."""
        facts, start = self.facts(), self._context.start
        if facts is None:
            return None, (), ()
        if facts != self._known[0]:
            left = self._remainder(facts)
            steps = (
                delta(facts, start), adding(facts, start), interference(facts, start),
                shared(facts, start), coefficients(facts, start), unmerging(facts, start, left),
                bringing_back(facts, start, left), forgetting(facts, start),
            )  # fmt: skip
            self._known = (facts, steps, presets(facts, start))
        return self._known

    def outcome(self, step: Step) -> Outcome:
        """What the try that the mixer shows has shown."""
        return step.check(Tried(self._context.mix(), self._scores, self._changes, self.attack))

    def open(self, number: object) -> None:
        """Show a step.

        Raises:
            BadRecipe: there is no such step.
        """
        if not isinstance(number, int) or not 1 <= number <= STEPS:
            raise BadRecipe(_UNKNOWN)
        self.at = number
        self.version += 1

    def expect(self, choice: object) -> None:
        """Say what will happen at the step that is shown.

        Raises:
            BadRecipe: there is no such choice.
        """
        steps = self.steps()
        most = len(steps[self.at - 1].choices) if steps else 0
        if not isinstance(choice, int) or not 0 <= choice < most:
            raise BadRecipe(_UNKNOWN)
        self.expected[self.at] = choice
        self.version += 1

    def set_mixer(self) -> None:
        """Show the mix of the step; undo brings the one before back.

        Raises:
            StudioError: the step has none, or not yet.
        """
        steps = self.steps()
        if not steps:
            raise StudioError(_NOT_YET)
        step = steps[self.at - 1]
        if step.mix is None:
            raise StudioError(step.lacks)
        self._context.show(step.mix)

    def start_attack(self) -> None:
        """Take the strongest task out in both ways and attack, as a job.

        Raises:
            StudioError: the zoo has no such task or no rows, or a job is running.
        """
        context, facts = self._context, self.facts()
        if facts is None:
            raise StudioError(_NOT_YET)
        task = facts.strong
        if not task:
            raise StudioError("It takes two tasks with rows, and the scores of their experts.")
        full = removed_mix(facts, context.start).recipe(context.zoo)
        context.admission.refuse(full.names)

        def work(progress: Progress) -> tuple[str, str]:
            self.attack = brought_back(context.own_bench(), full, task, progress)
            self.version += 1
            return f"Tried to bring {task} back.", ""

        takes = context.pace.scored("attack", 4)
        context.jobs.start(f"Attack on a merge without {task}", work, takes)

    def start_lesson(self) -> None:
        """Measure the lesson and write it as one page, as a job.

        Raises:
            StudioError: the zoo cannot be taught, or a job is running.
        """
        context = self._context
        context.admission.refuse([task.name for task in context.zoo.tasks])

        def work(progress: Progress) -> tuple[str, str]:
            record = record_of(context.own_bench(), DEFAULT_ROWS, progress)
            self.lesson = lesson_page(record)
            self.version += 1
            return f"Made the lesson, {len(self.lesson.encode()) / 1000:,.0f} kB.", ""

        takes = context.pace.takes("lesson", _LESSON * DEFAULT_ROWS * len(context.bench.tasks))
        context.jobs.start("Lesson in one file", work, takes)

    def _remainder(self, facts: ZooFacts) -> float | None:
        """What subtracting the strongest task leaves; kept, for it changes with the zoo alone."""
        task = facts.strong or facts.first
        if len(facts.tasks) < 2:
            return None
        if task not in self._left:
            full = removed_mix(facts, self._context.start).recipe(self._context.zoo)
            self._left[task] = None
            with suppress(StudioError):  # deltas that depend on one another; the step says so
                self._left[task] = left_behind(self._context.bench, full, task)
        return self._left[task]

    def _scores(self, mix: Mix) -> Mapping[str, Score]:
        recipe, results = mix.recipe(self._context.zoo), self._context.worker.results
        known = results.evaluation(recipe)
        return results.scores(recipe) if known and known.seen else {}

    def _changes(self, old: Mix, new: Mix) -> Mapping[str, Change]:
        before, after = (each.recipe(self._context.zoo) for each in (old, new))
        results = self._context.worker.results
        known = results.evaluation(before), results.evaluation(after)
        if not all(each and each.seen for each in known):
            return {}
        return results.changes(after, before)
