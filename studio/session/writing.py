"""What four models write after a browser's prompt: the mix now and before, an expert, the base."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import RLock

from studio.errors import BadData
from studio.measure.writing import Asked, Written, openings, writers
from studio.recipe import Recipe
from studio.session.context import Context
from studio.session.examples import page_text
from studio.session.mix import Mix
from studio.tasks.kinds.writing import NO_PROMPT, Manner

_MOST_OPENINGS = 12


@dataclass(frozen=True)
class Answer:
    """One model's.

    Attributes:
        model: 'base', 'expert', 'before' or 'now'.
        written: so far; None before the prompt was read.
        refusal: why nothing is written; empty if something is, or will be.
        going: whether more is coming.
    """

    model: str
    written: Written | None
    refusal: str
    going: bool


class Writings:
    """A prompt with its manner, which every mix goes on with until it is stopped.

    Args:
        context: of the session.
        browser: id of the browser.
        before: the mix before the last move.
        lock: of the session.

    Attributes:
        tasks: whose models write, each with the task by whose kind its prompts are read.
        task: whose expert writes; empty if none does.
        asked: what is written; None before the first prompt.
        stopped: whether nothing more is written until somebody asks.
    """

    def __init__(
        self, context: Context, browser: str, before: Callable[[], Mix], lock: RLock
    ) -> None:
        self._context, self._browser, self._before, self._lock = context, browser, before, lock
        self.tasks = writers(context.bench)
        self.task = next(iter(self.tasks), "")
        self.asked: Asked | None = None
        self.stopped = False

    def ask(self, text: object, task: object, manner: Manner) -> None:
        """Have a prompt gone on with, by the shown mix also after every move.

        Args:
            text: of the prompt.
            task: whose expert writes, too.
            manner: how it is gone on with.

        Raises:
            BadData: one of them cannot be used; nothing changes.
        """
        prompt = page_text(text)
        if not prompt.strip():
            raise BadData(NO_PROMPT)
        known = self._known(task)
        manner.refuse()
        with self._lock:
            self.task, self.stopped = known, False
            self.asked = Asked(self.tasks[known], prompt, manner)
            self.want()

    def choose(self, task: object) -> None:
        """Have another task's expert answer, too.

        Raises:
            BadData: there is no such task.
        """
        with self._lock:
            self.task = self._known(task)
            if self.asked:
                self.asked = replace(self.asked, task=self.tasks[self.task])
            self.want()

    def stop(self) -> None:
        """Have nothing more written; what there is stays."""
        with self._lock:
            self.stopped = True
            self.want()

    def want(self) -> None:
        """Have the worker write what is looked at and not written; the shown mix comes first."""
        with self._lock:
            asked = None if self.stopped else self.asked
            wishes = [(each, asked) for each in self._models().values()] if asked else []
            self._context.worker.want_writing(wishes, self._browser)

    def answers(self) -> list[Answer]:
        """What the four have written so far: base, expert, before and now; none before a prompt."""
        with self._lock:
            asked, models = self.asked, self._models() if self.asked else {}
        results, found = self._context.worker.results, []
        for model, recipe in reversed(models.items()):
            assert asked is not None
            known, refusal = results.written(recipe, asked), results.refusal(recipe)
            refusal = known.refusal if known else refusal
            ended = bool(refusal or (known and known.ending))
            found.append(Answer(model, known, refusal, not ended and not self.stopped))
        return found

    def openings(self) -> list[str]:
        """Prompts made of the chosen task's held-out rows."""
        task = self._context.bench.tasks.get(self.task)
        return openings(task, _MOST_OPENINGS) if task else []

    def _known(self, task: object) -> str:
        if not isinstance(task, str) or task not in self.tasks:
            raise BadData("The page asked for the expert of an unknown task; reload the page.")
        return task

    def _models(self) -> dict[str, Recipe]:
        """The four, the most urgent first."""
        context = self._context
        return {
            "now": context.recipe(),
            "before": self._before().recipe(context.zoo),
            "expert": context.bench.expert(self.task).recipe,
            "base": context.bench.untouched().recipe,
        }
