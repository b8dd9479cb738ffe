"""A run: everything a search needs is made ready, then it steps until the budget ends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from studio.errors import StudioError
from studio.measure.bench import Bench, refuse_other_models
from studio.measure.expert_statistics import Wanted
from studio.merge import Merge
from studio.methods.contract import FISHER
from studio.progress import Progress, part, silent
from studio.recipe import Fitted, Recipe
from studio.search.adam import adam
from studio.search.balance import Balance
from studio.search.cma_es import evolution
from studio.search.directions import Directions, all_directions, directions
from studio.search.ewc import FISHER_ROWS, Quadratic, consolidation
from studio.search.memory import refuse_too_large, said_in_words
from studio.search.objective import Objective, expert_predictions, loss_references
from studio.search.oracle import LossNotFinite, Oracle, OracleAnswer
from studio.search.plan import OPTIMIZER_TITLES, SearchPlan, checked, refuse_unsearchable
from studio.search.rows import SearchRows, chosen_rows, refuse_no_options, searched_split
from studio.search.space import Space, space
from studio.search.start import components_of, norm_rule
from studio.search.state import Kept, Search, SearchStep
from studio.tasks.metric import OPTIONS, SHARES, Metric, joint

_READY = 0.2  # share of the progress


@dataclass(frozen=True)
class Run:
    """A search as far as it has come.

    Attributes:
        before: the recipe that it was started from.
        plan: of the search.
        free: what may move.
        held: directions that were left out, of ``len(free)``.
        rows: per task the rows that are fitted on, and those that decide.
        answers: that resume it.
        steps: so far.
        ended: why there will be no more; empty while it runs.
        digests: (task, checkpoint digest) of all that take part.
        metrics: of the tasks, by name.
    """

    before: Recipe
    plan: SearchPlan
    free: Space
    held: int
    rows: tuple[tuple[int, int], ...]
    digests: tuple[tuple[str, str], ...]
    answers: tuple[OracleAnswer, ...] = ()
    steps: tuple[SearchStep, ...] = ()
    ended: str = ""
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    @property
    def best(self) -> Kept:
        """The best point that was checked; there is one as soon as a run is shown."""
        return self.steps[-1].best

    @property
    def spent(self) -> int:
        """Row evaluations so far."""
        return self.steps[-1].rows

    @property
    def share(self) -> str:
        """What shares of right answers are called: accuracy, agreement, or both, by task."""
        return self._joint.name

    def mean_share(self, kept: Kept) -> float | None:
        """Their mean over tasks at a point; None without labels, or where some are of each."""
        return None if self._joint is SHARES else kept.accuracy

    @property
    def _joint(self) -> Metric:
        return joint(metric for metric in self.metrics.values() if metric in OPTIONS)

    def recipe(self, point: Sequence[float] | None = None) -> Recipe:
        """The recipe with a point's coefficients; with the best ones if none is given.

        It records that they were found, and whose weights and rows took part: also in what the
        search began at.
        """
        chosen = torch.tensor(self.best.point if point is None else point, dtype=torch.float64)
        made = self.free.recipe(self.before, chosen)
        used = (FISHER,) if self.plan.ewc else ()
        fitted = Fitted(OPTIMIZER_TITLES[self.plan.optimizer], self.digests, self.plan.seed, used)
        return replace(made, fitted=fitted.after(self.before))


def optimize(
    bench: Bench, recipe: Recipe, plan: SearchPlan, progress: Progress = silent,
    known: Sequence[OracleAnswer] = (), split: str = "",
) -> Iterator[Run]:  # fmt: skip
    """Search the coefficients of a recipe.

    Everything is drawn from the plan's seed and no clock decides anything, so that a plan leads to
    the same coefficients again on the same machine.

    Args:
        bench: the zoo, opened; its live model is worn.
        recipe: of the zoo's tasks.
        plan: of the search.
        progress: told how far it is; may raise to stop.
        known: answers of an earlier run that was stopped, in order: the search goes on from there.
        split: whose rows it is fitted on; empty for what ``searched_split`` says.

    Yields:
        The run after its starting points, and after every step; at last with why it ended.

    Raises:
        StudioError: rows, labels, memory or budget do not allow it, or the method's coefficients
            cannot be searched.
    """
    plan = checked(plan)
    names = [_of_zoo(bench, name) for name in recipe.names]
    refuse_other_models(bench, recipe)
    merge = bench.merge(replace(recipe, calibrate=None, heads=None))  # fitted when it is found
    refuse_unsearchable(merge, plan)
    for name in names:
        refuse_no_options(bench.tasks[name], plan.loss)
    split = split or searched_split(recipe, plan.ewc)
    rows = {name: chosen_rows(bench, name, plan.rows, plan.needs_labels, split) for name in names}
    refuse_too_large(merge, plan)
    free, plain = space(merge.deltas, plan.granularity), replace(plan, loss="entropy")
    smaller = " or ".join(kind.smaller for kind in bench.kinds)
    with said_in_words(plan, Objective(bench, merge, free, plain, rows).try_longest, smaller):
        search, run = _begun(bench, merge, plan, rows, part(progress, 0.0, _READY), known)
        run = replace(run, before=recipe)
        yield from _steps(search, run, plan, part(progress, _READY, 1.0))


def _begun(
    bench: Bench, merge: Merge, plan: SearchPlan, rows: dict[str, SearchRows], progress: Progress,
    known: Sequence[OracleAnswer],
) -> tuple[Search, Run]:  # fmt: skip
    free = space(merge.deltas, plan.granularity)
    progress(0.0, "inner products")
    starts, moves = _starts(merge, free)
    experts = None
    if plan.loss == "expert":
        experts = expert_predictions(bench, rows, plan.at_once, part(progress, 0.1, 0.3))
    penalty = _penalty(bench, merge, plan, part(progress, 0.3, 0.8)) if plan.ewc else None
    objective = Objective(bench, merge, free, plan, rows, penalty, experts)
    scale = loss_references(objective, part(progress, 0.8, 1.0))
    oracle = Oracle(objective, merge.deltas.tasks, known)
    most = max(len(each.fit) for each in rows.values())
    search = Search(oracle, plan, Balance(plan.balance, scale), moves, starts, most)
    digests = tuple(
        (name, checkpoint.digest)
        for name, checkpoint in zip(merge.deltas.tasks, merge.deltas.checkpoints, strict=True)
    )
    counts = tuple((len(each.fit), len(each.check)) for each in rows.values())
    metrics = {name: bench.tasks[name].metric for name in merge.deltas.tasks}
    held = len(free) - len(moves)
    return search, Run(merge.recipe, plan, free, held, counts, digests, metrics=metrics)


def _starts(merge: Merge, free: Space) -> tuple[tuple[Tensor, ...], Directions]:
    """The norm rule's coefficients and the recipe's own, and the directions of a search."""
    own = free.averaged(merge.coefficients)
    if merge.method.weighs:
        return (own,), all_directions(free)
    components = components_of(merge)
    rule = norm_rule(merge.gram, components)
    return (own, torch.full_like(own, rule)), directions(free, components)


def _penalty(bench: Bench, merge: Merge, plan: SearchPlan, progress: Progress) -> Quadratic:
    names = merge.deltas.tasks
    for place, name in enumerate(names):
        share = 0.8 / len(names)
        report = part(progress, place * share, (place + 1) * share)
        bench.statistics.measure(Wanted(name, FISHER, FISHER_ROWS), report)
    fisher = bench.statistics.look(names, FISHER, FISHER_ROWS)
    return consolidation(merge, fisher, plan.anchor, part(progress, 0.8, 1.0))


def _steps(search: Search, run: Run, plan: SearchPlan, progress: Progress) -> Iterator[Run]:
    ended = "the budget is spent"
    try:
        for step in search.begin():
            run = _grown(run, search, step)
            yield run
        for step in (adam if plan.optimizer == "adam" else evolution)(search):
            run = _grown(run, search, step)
            progress(step.number / plan.budget, f"{step.number} of {plan.budget}")
            yield run
        if run.steps[-1].number < plan.budget and plan.optimizer == "adam":
            ended = "nothing better was found for a while"
    except LossNotFinite as problem:
        if not run.steps:
            raise
        ended = f"{problem}; the best before is kept"
    yield replace(run, ended=ended)


def _grown(run: Run, search: Search, step: SearchStep) -> Run:
    return replace(run, steps=(*run.steps, step), answers=tuple(search.oracle.answers))


def _of_zoo(bench: Bench, name: str) -> str:
    if name not in bench.tasks:
        raise StudioError(
            f"The recipe merges '{name}', but the zoo '{bench.zoo.name}' has "
            f"{', '.join(bench.tasks)}; its rows are needed."
        )
    return name
