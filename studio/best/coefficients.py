"""Coefficients of a trial: searched on rows that were not measured on and that decide nothing."""

from pathlib import Path

from studio.best.judge import AGREES
from studio.errors import StudioError
from studio.measure.bench import Bench
from studio.progress import Progress
from studio.recipe import Recipe
from studio.search.oracle import OracleAnswer
from studio.search.plan import SearchPlan
from studio.search.record import load_answers, save_record
from studio.search.rows import searched_split
from studio.search.run import Run, optimize
from studio.tasks.kinds.losses import NEEDS_LABELS
from studio.tasks.metric import OPTIONS
from studio.tasks.row_parts import FITTED, MEASURED, VALIDATION

STEPS = 40  # of Adam
_AGREEMENT = "expert"


def search_plan(bench: Bench, criterion: str) -> SearchPlan | None:
    """How coefficients are searched: by the criterion; None where rows lack the labels for it.

    Tasks that are scored by a loss are searched by that loss, and the others beside them by their
    labels.
    """
    tasks = bench.tasks.values()
    if criterion == AGREES and all(task.metric in OPTIONS for task in tasks):
        return SearchPlan(budget=STEPS, loss=_AGREEMENT)
    if all(task.labelled(VALIDATION) for task in tasks):
        return SearchPlan(budget=STEPS, loss=NEEDS_LABELS)
    return None


def searched(
    bench: Bench, recipe: Recipe, plan: SearchPlan, file: Path, progress: Progress
) -> Recipe:
    """A recipe with the coefficients that are found; it goes on from what the file holds.

    It is fitted on the rows that experts are measured on where the recipe measures nothing, and
    else on ``FITTED`` ones.

    Args:
        bench: the zoo, opened; its live model is worn.
        recipe: whose coefficients are searched, from those that it has.
        plan: of the search.
        file: where the answers of the model are kept until it has ended.
        progress: told the share done; may raise to stop.

    Raises:
        StudioError: see ``optimize``.
    """
    split = MEASURED if searched_split(recipe) == VALIDATION else FITTED
    run: Run | None = None
    known = _known(bench, recipe, plan, file)
    try:
        for run in optimize(bench, recipe, plan, progress, known, split):
            if run.steps[-1].checked and len(run.answers) > len(known):
                save_record(run, file)
    except BaseException:
        if run is not None and len(run.answers) > len(known):
            save_record(run, file)
        raise
    assert run is not None
    file.unlink(missing_ok=True)
    return run.recipe()


def _known(bench: Bench, recipe: Recipe, plan: SearchPlan, file: Path) -> tuple[OracleAnswer, ...]:
    """Answers of the same search that was stopped; a file that says none is passed over."""
    if not file.is_file():
        return ()
    try:
        return load_answers(file, bench, recipe, plan)
    except StudioError:
        return ()
