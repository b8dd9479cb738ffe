"""Everything that a lesson in one file tells of a zoo, measured on some rows of each task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from studio.errors import StudioError
from studio.evidence.unmerge import unmerging
from studio.lesson.facts import MAIN, ZooFacts, facts_of
from studio.lesson.removal import BroughtBack, brought_back, left_behind
from studio.measure.bench import Bench
from studio.measure.change import Change, mean_change
from studio.measure.intervals import Score
from studio.measure.outcomes import Measuring, Outcome, paired
from studio.measure.references import SPLIT, references, score_references
from studio.methods import METHODS
from studio.progress import Progress, part, silent
from studio.recipe import DEFAULT_METHOD, Recipe

DEFAULT_ROWS = 200
"""Held-out rows per task that every model of a lesson is scored on."""
COEFFICIENTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
AMOUNTS = (0.0, 0.5, 1.0)
"""The grid: a coefficient that all tasks have, and how much of what they share is taken out."""
Scores = Mapping[str, Score]


@dataclass(frozen=True)
class Removed:
    """What taking one task out of the starting mix leaves.

    Attributes:
        task: that is taken out.
        rebuilt: scores of the merge of the others.
        subtracted: scores where its component is subtracted and the others stay as they are.
        left: see ``left_behind``.
    """

    task: str
    rebuilt: Scores
    subtracted: Scores
    left: float


@dataclass(frozen=True)
class LessonRecord:
    """A zoo as a lesson tells it.

    Attributes:
        zoo: its name.
        method: the default method's title.
        facts: lengths, angles, experts and base.
        options: {scored task: labels that its rows choose between; 0 where rows bring their own}.
        gram: ``[n][n]`` inner products of the deltas of ``facts.tasks``.
        rows: held-out rows per task, at most.
        grid: {(coefficient, amount): scores} with all tasks.
        full: scores of the mix that the zoo starts with.
        raised: {coefficient of the strongest task: scores}, the others as the zoo starts.
        pulled: what raising it to 1 changes for the others, on average; None without others.
        taken_out: what taking out all of what is shared changes on average, at the starting mix.
        removed: each task taken out, both ways.
        attack: on the strongest task; None where there is none.
    """

    zoo: str
    method: str
    facts: ZooFacts
    options: Mapping[str, int]
    gram: list[list[float]]
    rows: int
    grid: Mapping[tuple[float, float], Scores]
    full: Scores
    raised: Mapping[float, Scores]
    pulled: Change | None
    taken_out: Change
    removed: tuple[Removed, ...]
    attack: BroughtBack | None


def record_of(bench: Bench, rows: int = DEFAULT_ROWS, progress: Progress = silent) -> LessonRecord:
    """Measure everything; what was measured before is recalled.

    Args:
        bench: the zoo; its live model is worn.
        rows: held-out rows per task, at most; the attack is scored on all.
        progress: told the share done; may raise to stop.

    Raises:
        StudioError: the zoo has no rows, or its tasks cannot be merged.
    """
    bench.refuse_unscored(SPLIT)
    if rows < 1:
        raise StudioError(f"A lesson needs rows to score on; {rows} were asked for.")
    total = bench.gram.total().tolist()
    found = score_references(references(bench), part(progress, 0.0, 0.15), rows)
    facts = facts_of(bench, found.experts.scores, found.base.scores, bench.gram.tasks)
    assert facts is not None, "the inner products are there"
    scored = _Scored(bench, rows)
    grid = {(c, a): _mixed(bench, c, a) for a in AMOUNTS for c in COEFFICIENTS}
    whole = _mixed(bench, facts.start, 1.0)
    raised = {c: _raised(whole, facts.strong, c) for c in COEFFICIENTS} if facts.strong else {}
    removed = facts.tasks if len(facts.tasks) > 1 else ()
    wanted = [*grid.values(), whole, _mixed(bench, facts.start, 0.0), *raised.values()]
    wanted += [recipe for task in removed for recipe in _both_ways(whole, task)]
    for place, recipe in enumerate(wanted):
        ends = (0.15 + 0.65 * at / len(wanted) for at in (place, place + 1))
        scored(recipe, part(progress, *ends))
    attacked = facts.strong and len(facts.tasks) > 1
    return LessonRecord(
        bench.zoo.name, METHODS[DEFAULT_METHOD].title, facts,
        {name: bench.options(name) for name in facts.scored}, total, rows,
        {place: scored(recipe).scores for place, recipe in grid.items()},
        scored(whole).scores,
        {c: scored(recipe).scores for c, recipe in raised.items()},
        _pulled(scored, whole, raised, facts.strong),
        mean_change(paired(scored(whole), scored(_mixed(bench, facts.start, 0.0)))),
        tuple(_removed(bench, scored, whole, task) for task in removed),
        brought_back(bench, whole, facts.strong, part(progress, 0.8, 1.0)) if attacked else None,
    )  # fmt: skip


class _Scored:
    """Scores recipes on the same rows, each once."""

    def __init__(self, bench: Bench, rows: int) -> None:
        self._bench, self._rows = bench, rows
        self._known: dict[str, Outcome] = {}

    def __call__(self, recipe: Recipe, progress: Progress = silent) -> Outcome:
        if recipe.digest not in self._known:
            heads, merge = self._bench.heads(self._bench.scored()), self._bench.merge(recipe)
            measuring = Measuring(self._bench, progress)
            self._known[recipe.digest] = measuring.of(merge, heads, SPLIT, self._rows)
        return self._known[recipe.digest]


def _mixed(bench: Bench, coefficient: float, amount: float) -> Recipe:
    """All tasks with one coefficient, and so much of what they share taken out."""
    return replace(bench.zoo.recipe(DEFAULT_METHOD, coefficient), options={MAIN: amount})


def _raised(whole: Recipe, task: str, coefficient: float) -> Recipe:
    return whole.with_coefficients({task: coefficient})


def _both_ways(whole: Recipe, task: str) -> tuple[Recipe, Recipe]:
    removal = unmerging(whole, (task,), "algebraic")
    return removal.never, removal.subtracted


def _pulled(
    scored: Callable[[Recipe], Outcome], whole: Recipe, raised: Mapping[float, Recipe], task: str
) -> Change | None:
    if not raised:
        return None
    changes = paired(scored(raised[1.0]), scored(whole))
    others = {name: change for name, change in changes.items() if name != task}
    return mean_change(others) if others else None


def _removed(
    bench: Bench, scored: Callable[[Recipe], Outcome], whole: Recipe, task: str
) -> Removed:
    rebuilt, subtracted = (scored(each).scores for each in _both_ways(whole, task))
    return Removed(task, rebuilt, subtracted, left_behind(bench, whole, task))
