"""A browser's state of sums: a file that tasks of the zoo come to and leave, as jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import Weights
from studio.disk.folders import refuse_existing
from studio.errors import BadRecipe, BadState
from studio.evidence.logged_export import Account, logged_export
from studio.measure.expert_statistics import Wanted
from studio.methods import SUMMED, method_type
from studio.methods.contract import GRAM
from studio.progress import Progress, part
from studio.sequence.admission import refuse_removed
from studio.sequence.arrivals import come, leave, leave_by_receipt, task_of
from studio.sequence.receipt import open_receipt
from studio.sequence.sums import SumState, init_sums, open_sums
from studio.sequence.sums_check import CAME, LEFT, Verdict, built_again, log_change
from studio.sequence.sums_export import MergedSums
from studio.sequence.terms import Terms
from studio.session.context import Context

RECEIPT = ".receipt"
"""How the name of a receipt ends, after those of the state and the task."""


@dataclass(frozen=True)
class StateView:
    """A state as the page shows it.

    Attributes:
        state: its header.
        size: bytes of its file.
        model: bytes of the base.
        said: what was done last, as a sentence.
    """

    state: SumState
    size: int
    model: int
    said: str


class States:
    """The part of a session that keeps a state of sums.

    Args:
        context: of the session.

    Attributes:
        shown: the state that was worked on last; None before the first.
        version: counts what is new.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.shown: StateView | None = None
        self.version = 0

    def start_init(self, path: str, method: str) -> None:
        """Begin a state on the zoo's base, as a job.

        Raises:
            StudioError: the path is outside the roots or taken, or a job is running.
        """
        target, context = self._inside(path), self._context
        if method not in SUMMED:
            raise BadRecipe("The page asked for something unknown; reload the page.")
        refuse_existing(target)

        def work(progress: Progress) -> tuple[str, str]:
            state = init_sums(context.bench.base, target, method, SUMMED[method], 0, progress)
            title = method_type(method).title
            return self._show(state, f"Began {target.name}: {title}, no task so far."), ""

        context.jobs.start(f"Begin {target.name}", work, context.pace.written("begin a state"))

    def start_open(self, path: str) -> None:
        """Look at a state, and read it whole, as a job.

        Raises:
            StudioError: the path is outside the roots, it is no state, or a job is running.
        """
        state = open_sums(self._inside(path))

        def work(progress: Progress) -> tuple[str, str]:
            state.refuse_other_base(self._context.bench.base)
            state.refuse_damaged(progress)
            return self._show(state, f"{state.path.name} is whole."), ""

        takes = self._context.pace.written("read a state")
        self._context.jobs.start(f"Read {state.path.name}", work, takes)

    def start_come(self, path: str, task: str, receipt: bool, weight: float | None = None) -> None:
        """Let a task of the zoo come to a state, as a job.

        Args:
            path: of the state.
            task: its name.
            receipt: whether its receipt is written beside the state.
            weight: its coefficient; None for the method's own.

        Raises:
            StudioError: the path is outside the roots, it is no state, the task is unknown or was
                certified as removed, or a job is running.
        """
        state, checkpoint, context = open_sums(self._inside(path)), self._own(task), self._context
        context.admission.refuse([task])
        coefficient = state.method.default_coefficient if weight is None else weight
        state.additive.refuse(task, coefficient)

        def work(progress: Progress) -> tuple[str, str]:
            terms = self._terms(state, (task, checkpoint), coefficient, part(progress, 0.0, 0.3))
            refuse_removed(context.engine.ledger, state, terms.deltas)
            context.engine.ledger.check()
            beside = self._receipt(state, task) if receipt else None
            new = come(state, terms, beside, part(progress, 0.3, 1.0))
            log_change(context.engine.ledger, new, new.member(task), CAME)
            kept = f", its receipt is {beside.name}" if beside else ""
            return self._show(new, f"'{task}' came with weight {coefficient:g}{kept}."), ""

        takes = context.pace.written("add to a state")
        context.jobs.start(f"Add '{task}' to {state.path.name}", work, takes)

    def start_leave(self, path: str, task: str) -> None:
        """Let a task leave a state: by the receipt beside it, else by its checkpoint, as a job.

        Args:
            path: of the state.
            task: its name in the state, or in the zoo.

        Raises:
            StudioError: the path is outside the roots, it is no state, the task is not in it, or a
                job is running.
        """
        state, context = open_sums(self._inside(path)), self._context
        known = task in {each.name for each in state.tasks}
        member = state.member(task) if known else task_of(state, self._own(task))
        beside = self._receipt(state, member.name)

        def work(progress: Progress) -> tuple[str, str]:
            context.engine.ledger.check()
            if beside.exists():
                new = leave_by_receipt(state, open_receipt(beside), progress)
            else:
                given = member.name, self._of_digest(member.digest)
                first = part(progress, 0.0, 0.3)
                terms = self._terms(state, given, member.coefficient, first)
                new = leave(state, terms, part(progress, 0.3, 1.0))
            log_change(context.engine.ledger, new, member, LEFT)
            how = "its receipt" if beside.exists() else "its own checkpoint"
            words = f"'{member.name}' left by {how}: the bits of a state that never had it."
            return self._show(new, words), ""

        takes = context.pace.written("remove from a state")
        context.jobs.start(f"Remove '{task}' from {state.path.name}", work, takes)

    def start_merge(self, path: str, folder: str) -> None:
        """Write the model merged from a state, as a job.

        Raises:
            StudioError: a path is outside the roots or taken, it is no state, or a job is running.
        """
        state, target = open_sums(self._inside(path)), self._inside(folder)
        context = self._context
        refuse_existing(target)

        def work(progress: Progress) -> tuple[str, str]:
            account = Account(context.engine.ledger, key=context.engine.key)
            content = MergedSums(state, context.bench.base)
            made = logged_export(content, target, account, progress)
            context.downloads.offer(target)
            words = f"Wrote {target.name}: {len(state.tasks)} merged, root {made.root[:16]}…"
            return self._show(state, words), str(target)

        context.jobs.start(f"Export to {target.name}", work, context.pace.written("export a state"))

    def start_check(self, path: str) -> None:
        """Build a state again from the zoo's checkpoints and compare bits, as a job.

        Raises:
            StudioError: the path is outside the roots, it is no state, or a job is running.
        """
        state, context = open_sums(self._inside(path)), self._context

        def work(progress: Progress) -> tuple[str, str]:
            own = {c.digest: c for c in context.bench.deltas.checkpoints}
            kept = {t.name: own[t.digest] for t in state.tasks if t.digest in own}
            found = built_again(state, context.bench.base, kept, self._inputs_of(state), progress)
            return self._show(state, _told(found)), ""

        context.jobs.start(f"Check {state.path.name}", work, context.pace.written("check a state"))

    def _terms(
        self, state: SumState, task: tuple[str, Checkpoint], coefficient: float, progress: Progress
    ) -> Terms:
        base = self._context.bench.base
        state.refuse_other_base(base)
        measured = self._inputs_of(state, progress)(*task)
        return Terms.of(state, base, task, coefficient, measured)

    def _inputs_of(
        self, state: SumState, progress: Progress | None = None
    ) -> Callable[[str, Checkpoint], Weights | None]:
        """What enters the layers of a task's expert, where the state's method needs it."""
        bench = self._context.bench

        def inputs(name: str, checkpoint: Checkpoint) -> Weights | None:
            if not state.additive.measured:
                return None
            pairs = zip(bench.deltas.tasks, bench.deltas.checkpoints, strict=True)
            own = next(task for task, each in pairs if each.digest == checkpoint.digest)
            wanted = Wanted(own, GRAM, state.method.measured_rows)
            return bench.statistics.measure(wanted, *([progress] if progress else []))

        return inputs

    def _own(self, task: str) -> Checkpoint:
        deltas = self._context.bench.deltas
        if task not in deltas.tasks:
            raise BadRecipe("The page asked for something unknown; reload the page.")
        return deltas.checkpoints[deltas.tasks.index(task)]

    def _of_digest(self, digest: str) -> Checkpoint:
        for checkpoint in self._context.bench.deltas.checkpoints:
            if checkpoint.digest == digest:
                return checkpoint
        raise BadState(
            f"The zoo has no checkpoint with the digest {digest[:12]}…. Put the task's receipt "
            "beside the state, or open the zoo that has its checkpoint."
        )

    def _receipt(self, state: SumState, task: str) -> Path:
        return state.path.with_name(f"{state.path.name}.{task}{RECEIPT}")

    def _inside(self, path: str) -> Path:
        return self._context.engine.inside(path)

    def _show(self, state: SumState, said: str) -> str:
        model = sum(each.size for each in self._context.bench.base.weights.entries.values())
        self.shown = StateView(state, state.path.stat().st_size, model, said)
        self.version += 1
        return said


def _told(found: Verdict) -> str:
    word = {True: "Exact", False: "NOT EXACT", None: "Not known"}[found.exact]
    return f"{word}: {found.words}"
