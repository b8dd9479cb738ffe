"""A run: trials are judged level by level until the budget ends, and the best on held-out rows."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from studio.best.coefficients import search_plan, searched
from studio.best.findings import Findings, HeldOut, Tried
from studio.best.halving import halving, levels
from studio.best.judge import AGREES, Judge
from studio.best.record import Record
from studio.best.trials import Growth, Trial, first_trials, next_trials
from studio.disk.cache import cache_key
from studio.disk.folders import data_folder, hold, is_held
from studio.errors import BadRecipe, Cancelled, StudioError
from studio.measure.bench import Bench, known_digests
from studio.measure.metrics import worth
from studio.measure.outcomes import Measuring, Outcome
from studio.measure.references import SPLIT as HELD_OUT
from studio.measure.references import references, score_references
from studio.measure.score_cache import code_digest, task_digest
from studio.progress import Progress, silent
from studio.recipe import Fitted, Recipe
from studio.tasks.last_layer import last_layer
from studio.tasks.row_parts import VALIDATION

SECONDS = 600
BY = "find the best"
WINNER = "winner.yaml"
_PASSES = 4  # over the held-out rows: the best, the best single rival, not merging, the experts
_MOST_RESERVED = 0.4  # of the budget, for these


class _TimeIsUp(Cancelled):
    """The budget has ended."""


@dataclass(frozen=True)
class BestPlan:
    """What a search for the best may spend, and what it goes by.

    Attributes:
        seconds: of this run, at most; what an earlier one has found costs none.
        criterion: see ``CRITERIA``.
        fresh: whether an earlier run is forgotten.
    """

    seconds: float = SECONDS
    criterion: str = AGREES
    fresh: bool = False


def results_folder(bench: Bench, criterion: str = AGREES) -> Path:
    """Where the trials of a zoo are kept, by what they depend on but the studio's own code."""
    return data_folder() / "best" / _about(bench, criterion)[:20]


def find_best(
    bench: Bench, plan: BestPlan, folder: Path, progress: Progress = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Findings]:  # fmt: skip
    """Try recipes, more rows for the better ones, and score the best on held-out rows.

    Statistics and fits are of rows that decide nothing, and nothing is chosen on held-out rows.
    No clock decides what is tried, only how much of it: with time enough, the trials are the same.
    What was judged before is read from the folder.

    Args:
        bench: the zoo, opened; its live model is worn.
        plan: budget and criterion.
        folder: of the results.
        progress: told the share of the budget that is spent; may raise to stop.
        clock: of seconds.

    Yields:
        The findings after every trial; at last with the held-out rows and what was not reached.

    Raises:
        BadData: a task has no rows to go by.
        BadRecipe: a budget that is no positive number, or an unknown criterion.
        StudioError: another run is at work in the folder, or it cannot be written.
    """
    judge = refuse_impossible(bench, plan)
    if folder.is_dir() and is_held(folder):
        raise StudioError(f"Another search for the best is at work in {folder}; wait for its end.")
    about = cache_key(_about(bench, plan.criterion), code_digest(), str(torch.__version__))
    record = Record(folder, about, plan.fresh)
    return _held(_Search(bench, judge, record, plan, progress, clock), folder)


def refuse_impossible(bench: Bench, plan: BestPlan) -> Judge:
    """The judge of a search, if it can be made; nothing is run.

    Raises:
        BadData: a task has no rows to go by.
        BadRecipe: a budget that is no positive number, or an unknown criterion.
    """
    if not 0 < plan.seconds < float("inf"):
        raise BadRecipe(f"The budget is {plan.seconds:g} seconds; give a number above 0.")
    return Judge(bench, plan.criterion)


def chosen(bench: Bench, recipe: Recipe) -> Recipe:
    """A recipe that says that its method, options and numbers were chosen by rows."""
    digests = known_digests(bench.deltas, recipe.names)
    options = ("method", *recipe.options)
    made = replace(recipe, fitted=Fitted(BY, digests, options=options).after(recipe))
    return made.with_digests(dict(digests))


def _held(search: "_Search", folder: Path) -> Iterator[Findings]:
    with hold(folder):
        yield from search.run()


def _about(bench: Bench, criterion: str) -> str:
    """A name for the zoo's models, heads and validation rows, and for what trials are ranked by."""
    tasks = [(n, task_digest(task, task.head, VALIDATION)) for n, task in bench.tasks.items()]
    digests = bench.base.known_digest, *bench.deltas.digests
    return cache_key("best", digests, tasks, criterion, str(bench.device), str(bench.dtype))


class _Search:
    """One run over the trials of a zoo."""

    def __init__(
        self, bench: Bench, judge: Judge, record: Record, plan: BestPlan, progress: Progress,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._bench, self._judge, self._record = bench, judge, record
        self._budget, self._progress, self._clock = plan.seconds, progress, clock
        self._begun, self._pace = clock(), 0.0  # the pace in seconds of a row
        statistics = bool(bench.merge(bench.zoo.recipe()).statistics.names)
        heads = any(last_layer(task.head) for task in bench.tasks.values())
        plans = search_plan(bench, plan.criterion)
        self._growth = Growth(plans, self._resolved, statistics, heads)
        rows = levels(judge.rows)
        self._found = Findings(bench.zoo.name, plan.criterion, rows, recalled=len(record))
        self._field: list[Trial] = []

    def run(self) -> Iterator[Findings]:
        """See ``find_best``."""
        left: tuple[str, ...] = ()
        try:
            self._take_experts()
            yield from self._levels()
        except _TimeIsUp:
            left = (self._unreached(),)
        try:
            held = self._held_out()
        except _TimeIsUp:
            held, left = None, (*left, "the scores on held-out rows")
        self._found = replace(self._found, held_out=held, left=left, ended=True)
        yield self._found

    def _take_experts(self) -> None:
        if self._record.experts is None:
            self._record.keep_experts(self._judge.experts(self._report("experts")))
        assert self._record.experts is not None
        self._judge.take(self._record.experts)

    def _levels(self) -> Iterator[Findings]:
        self._field = list(first_trials(self._bench.zoo))
        schedule = halving(self._field, self._found.plan, self._advance)
        value: float | None = None
        try:
            trial, rows = next(schedule)
            while True:
                tried = self._judged(trial, rows)
                self._put(tried)
                yield self._found
                value = worth(tried.outcome.scores) if tried.outcome else None
                trial, rows = schedule.send(value)
        except StopIteration:
            self._found = replace(self._found, complete=self._found.level)

    def _advance(self, level: int, ranked: Sequence[Trial]) -> list[Trial]:
        self._found = replace(self._found, level=level + 1, complete=level)
        self._field = next_trials(level, ranked, self._growth)
        return self._field

    def _put(self, tried: Tried) -> None:
        """Put a trial in its place: where it stands already, or at the end."""
        known = [x for x in self._found.tried if x.trial.key != tried.trial.key]
        self._found = replace(self._found, tried=(*known, tried))

    def _judged(self, trial: Trial, rows: int) -> Tried:
        """A trial on the first rows of every task, recalled or measured; or its refusal."""
        record, level = self._record, self._found.level
        refusal = record.refused(trial)
        if not refusal:
            started = self._clock()
            try:
                recipe = self._coefficients(trial)
                outcome = self._measured(trial, recipe, rows)
                return Tried(trial, recipe, outcome, record.seconds(trial), level)
            except Cancelled:
                raise
            except StudioError as problem:
                refusal = str(problem)
                record.keep_refusal(trial, refusal, self._clock() - started)
        return Tried(trial, trial.recipe, None, record.seconds(trial), level, refusal)

    def _measured(self, trial: Trial, recipe: Recipe | None, rows: int) -> Outcome:
        record, judge, known = self._record, self._judge, self._record.rows(trial)
        if known < rows:
            started = self._clock()
            values, run = judge.values(recipe, known, rows, self._report(trial.what))
            count = sum(map(len, values.values()))
            self._pace = run / max(count, 1)
            record.keep_values(trial, values, rows, self._clock() - started)
        asked = judge.asked(rows)
        own = record.values(trial)
        return judge.outcome({name: own[name][: asked[name]] for name in own})

    def _resolved(self, trial: Trial) -> Recipe:
        """A trial's recipe, with the coefficients that its search has found."""
        found = self._record.found(trial) if trial.plan else trial.recipe
        assert found is not None, "only what was judged grows"
        return found

    def _coefficients(self, trial: Trial) -> Recipe | None:
        """The same, searched if that was not done before; it goes on where it was stopped."""
        if trial.plan is None or self._record.found(trial):
            return trial.recipe if trial.plan is None else self._resolved(trial)
        assert trial.recipe is not None
        started, file, report = self._clock(), self._record.search_file(trial), trial.what
        found = searched(self._bench, trial.recipe, trial.plan, file, self._report(report))
        self._record.keep_found(trial, found, self._clock() - started)
        return found

    def _report(self, what: str, all_of_it: bool = False) -> Progress:
        """Progress in shares of the budget, which raises when it is spent.

        Args:
            what: is at work, for people.
            all_of_it: whether the seconds reserved for the held-out rows may be used.
        """

        def report(share: float, words: str) -> None:
            spent = self._clock() - self._begun
            if spent > self._budget - (0.0 if all_of_it else self._reserved):
                raise _TimeIsUp("The budget is spent.")
            self._progress(min(spent / self._budget, 1.0), f"{what}: {words}")

        return report

    @property
    def _reserved(self) -> float:
        """Seconds that the held-out rows will take, as far as that is known."""
        bench = self._bench
        rows = sum(bench.tasks[name].questions(HELD_OUT) for name in bench.scored())
        return min(_PASSES * rows * self._pace, _MOST_RESERVED * self._budget)

    def _unreached(self) -> str:
        """What was not judged, in words."""
        level = self._found.level
        done = sum(x.level == level for x in self._found.tried)
        left, rounds = len(self._field) - done, len(self._found.plan) - level - 1
        if not self._field:
            return "anything but the experts"
        later = f", and {rounds} further round{'s' * (rounds > 1)}" if rounds else ""
        return f"{left} of {len(self._field)} trials of round {level + 1}{later}"

    def _held_out(self) -> HeldOut | None:
        """The best merge, not merging and the best single rival on rows that chose nothing."""
        best, rival, bench = self._found.best, self._found.rival, self._bench
        if best is None or not bench.scored():
            return None
        heads = bench.heads(bench.scored())

        def outcome(tried: Tried) -> Outcome:
            assert tried.recipe is not None
            report = self._report(f"held-out rows, {tried.trial.what}", all_of_it=True)
            return Measuring(bench, report).of(bench.merge(tried.recipe), heads, HELD_OUT)

        own = outcome(best)
        other = outcome(rival) if rival and rival is not best else None
        report = self._report("held-out rows", all_of_it=True)
        fitted = {*bench.fitted_heads()} == {*heads}
        wanted = [x for x in references(bench) if not (fitted and x.kind == "base")]
        found = score_references(wanted, report)
        return HeldOut(own, found.floor, other, found.experts)
