"""A browser's sequence runs: tasks that arrive one after another, scored as a job."""

from dataclasses import dataclass, replace

from studio.methods import FIRST_COMPARED, method_type
from studio.progress import Progress
from studio.recipe import DEFAULT, Recipe
from studio.sequence.orders import Order, shuffled
from studio.sequence.plan import SequencePlan, make_plan
from studio.sequence.run import Arrival, ReferenceScores, run
from studio.sequence.sweep import Sweep, make_sweep
from studio.session.context import Context
from studio.zoo import started_at


@dataclass(frozen=True)
class SequenceWish:
    """What the page asks for.

    Attributes:
        methods: names.
        orders: shuffles to draw; None for the mixer's order alone.
        seed: of the first shuffle.
        rows: held-out rows per task; None for all.
        sweep: ``method.option``, first and last value, step; None for no sweep.
    """

    methods: tuple[str, ...]
    orders: int | None = None
    seed: int = 0
    rows: int | None = None
    sweep: tuple[str, float, float, float] | None = None


STARTING = SequenceWish(FIRST_COMPARED, rows=100)


@dataclass(frozen=True)
class SequenceView:
    """A run as far as it has come.

    Attributes:
        plan: what it does.
        sweep: of which some of the plan's recipes are; or None.
        found: base and experts.
        steps: arrivals that are finished.
        done: whether all are.
    """

    plan: SequencePlan
    sweep: Sweep | None
    found: ReferenceScores
    steps: tuple[Arrival, ...] = ()
    done: bool = False


class Sequences:
    """The part of a session that lets tasks arrive one after another.

    Attributes:
        wish: what the page's boxes hold.
        shown: the last run, or the running one; None before the first.
        version: counts what is new.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.wish = STARTING
        self.shown: SequenceView | None = None
        self.version = 0

    def plan(self) -> tuple[SequencePlan, Sweep | None]:
        """What a run of the wish would do: the ticked tasks, the mix's own method as it is set.

        Raises:
            StudioError: it cannot be run, in words.
        """
        context, wish = self._context, self.wish
        made = {name: self._recipe(name) for name in wish.methods if method_type(name)}
        sweep = make_sweep(*wish.sweep) if wish.sweep else None
        if sweep:
            made |= sweep.recipes(self._recipe)
        names = context.recipe().names
        orders = (Order(names),)
        if wish.orders is not None and len(names) > 1:
            orders = shuffled(names, wish.orders, wish.seed)
        return make_plan(context.bench, made, orders, wish.rows), sweep

    def start(self) -> None:
        """Run the wish as a job; a live model of the job's own is worn, so that the page goes on.

        Raises:
            StudioError: it cannot be run, or a job is running.
        """
        context = self._context
        plan, sweep = self.plan()
        context.admission.refuse(plan.tasks)

        def work(progress: Progress) -> tuple[str, str]:
            found, steps = run(context.own_bench(), plan, progress)
            self._show(SequenceView(plan, sweep, found))
            for step in steps:
                assert self.shown is not None
                self._show(replace(self.shown, steps=(*self.shown.steps, step)))
            assert self.shown is not None
            self._show(replace(self.shown, done=True))
            orders = f"{len(plan.orders)} orders" if len(plan.orders) > 1 else "one order"
            return f"Scored {len(plan.tasks)} arrivals in {orders}.", ""

        passes = plan.models * sum(plan.counts.values()) + plan.references
        context.jobs.start("Sequence of arrivals", work, context.pace.takes("sequence", passes))

    def _recipe(self, name: str) -> Recipe:
        """A method on the ticked tasks: as the mix has it, or as the mixer starts it."""
        shown = self._context.recipe()
        if shown.method == name:
            return shown
        start = started_at(name, len(self._context.zoo.tasks))
        set_by = "" if start is None else DEFAULT
        tasks = tuple(replace(task, coefficient=start, set_by=set_by) for task in shown.tasks)
        return replace(shown, tasks=tasks, method=name, options={}, fitted=None)

    def _show(self, shown: SequenceView) -> None:
        self.shown = shown
        self.version += 1
