"""The wall: what a presenter computed before, so that nothing on a wall has to be waited for."""

import time
from datetime import UTC, datetime

from studio.errors import BadRecipe
from studio.evidence.judgment import judge_both
from studio.evidence.teachers import teachers
from studio.evidence.unmerge import unmerging
from studio.progress import Progress, part
from studio.session.context import Context
from studio.session.evidence import Evidence, scoring
from studio.session.taken_out import TakenOut


class Wall:
    """Prepares one task's unmerge, and puts the stage back as it was.

    Args:
        context: of the session.
        evidence: keeps what the checks find.
        taken_out: keeps who teaches.

    Attributes:
        task: that was prepared; '' for none.
        moment: when, UTC, and how long it took, for people.
    """

    def __init__(self, context: Context, evidence: Evidence, taken_out: TakenOut) -> None:
        self._context, self._evidence, self._taken_out = context, evidence, taken_out
        self.task = self.moment = self._digest = ""
        self.version = 0

    @property
    def ready(self) -> bool:
        """Whether what was prepared is of the mix as it is, and no other task is out of it."""
        mix, zoo = self._context.mix(), self._context.zoo
        others = {*mix.names} - {*mix.ticked} - {self.task}
        return (
            bool(self.task) and not others and self._digest == mix.everything().recipe(zoo).digest
        )

    @property
    def story(self) -> str:
        """The task to tell of: the prepared one, or another that is out of the mix; '' for none."""
        mix = self._context.mix()
        out = [name for name in mix.names if name not in mix.ticked]
        return self.task if self.task in out or not out else out[0]

    @property
    def certificate(self) -> str:
        """Number of the certificate that says the story's task was taken out; '' for none."""
        made = self._evidence.certified
        gone = made.statement["predicate"]["removed"] if made else []
        return made.number if made and [each["task"] for each in gone] == [self.story] else ""

    def may_return(self, task: str) -> bool:
        """Whether a task may come into the mix again: not once it is certified as taken out."""
        return task not in self._context.admission.locked

    def prepare(self, task: object) -> None:
        """Check a task's removal from the shown mix of all tasks before anyone looks, as a job.

        Raises:
            BadRecipe: there is no such task.
            StudioError: a job is running.
        """
        context = self._context
        if not isinstance(task, str) or task not in context.mix().names:
            raise BadRecipe("The page asked for something unknown; reload the page.")
        full = context.mix().everything().recipe(context.zoo)
        shown, worker = unmerging(full, (task,)), context.worker

        def work(progress: Progress) -> tuple[str, str]:
            started = time.monotonic()
            merges, scores = worker.bench.merge, scoring(worker)
            found = judge_both(merges, shown, scores, part(progress, 0.0, 0.7))
            self._evidence.keep(shown, found)
            if task in worker.bench.scored():
                own = context.own_bench()
                step = part(progress, 0.7, 1.0)
                self._taken_out.keep(shown, teachers(own, own.live, shown, task, step))
            took, now = time.monotonic() - started, datetime.now(UTC)
            self._digest, self.task = full.digest, task
            self.moment = f"{now:%Y-%m-%d %H:%M} UTC, in {took:.0f} s"
            self.version += 1
            return f"Prepared the wall: the removal of {task} was checked.", ""

        takes = context.pace.scored("wall", 2 + len(shown.recipe.tasks))
        context.jobs.start(f"Prepare the wall for {task}", work, takes)

    def reset(self) -> None:
        """Every task into the mix again, and the last demonstration off the page."""
        self._evidence.verified = self._evidence.tampered = None
        self._evidence.version += 1
        self._context.show(self._context.admission.without(self._context.mix().everything()))
