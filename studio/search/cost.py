"""What a search takes, before its start: how many rows it runs through the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.search.adam import EVERY
from studio.search.cma_es import generation_size, rows_of
from studio.search.plan import SearchPlan
from studio.search.rows import CHECKED
from studio.tasks.row_parts import VALIDATION
from studio.tasks.task import Task

_STARTS = 2  # points that are checked before the first step


@dataclass(frozen=True)
class SearchCost:
    """What a search takes at most.

    Attributes:
        rows: row evaluations of the search.
        slopes: those of them that also run backward.
        before: row evaluations for the losses of experts and base, before its first step.
        generation: candidates of a generation of CMA-ES; 0 for Adam.
        free: coefficients that may move.
        fitted: rows that are fitted on.
        deciding: rows that decide what is kept.
    """

    rows: int
    slopes: int
    before: int
    generation: int
    free: int = 0
    fitted: int = 0
    deciding: int = 0

    @property
    def passes(self) -> int:
        """Passes of a row through the model, where forward and backward count as three."""
        return self.before + self.rows + 2 * self.slopes


def search_cost(plan: SearchPlan, counts: Sequence[tuple[int, int]], free: int) -> SearchCost:
    """What a plan takes if it does not end early.

    Args:
        plan: of the search.
        counts: per task the rows that are fitted on, and those that decide.
        free: coefficients that may move.
    """
    fit, check = (sum(each[k] for each in counts) for k in (0, 1))
    before = 2 * fit + (fit + check if plan.loss == "expert" else 0)
    if plan.optimizer == "adam":
        slopes = plan.budget * plan.batch * len(counts)
        checks = -(-plan.budget // EVERY)
        spent = slopes + (checks + _STARTS) * check
        return SearchCost(spent, slopes, before, 0, free, fit, check)
    size, most = generation_size(max(free, 1)), max((each[0] for each in counts), default=0)
    generations = plan.budget // size
    tried = [rows_of(generation, generations, most) for generation in range(generations)]
    rows = size * sum(min(each[0], rows) for rows in tried for each in counts)
    spent = rows + (2 * generations + _STARTS) * check
    return SearchCost(spent, 0, before, size, free, fit, check)


def row_counts(
    tasks: Mapping[str, Task], most: int, split: str = VALIDATION
) -> tuple[tuple[int, int], ...]:
    """Per task about how many rows are fitted on, and how many decide.

    Rows of a group stay together, so that a search may shift some from one to the other.
    """
    found = []
    for task in tasks.values():
        rows = min(len(task.rows(split)), most)
        check = min(max(round(CHECKED * rows), 1), rows)
        found.append((rows - check, check))
    return tuple(found)
