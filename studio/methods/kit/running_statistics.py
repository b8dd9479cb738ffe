"""Running statistics of a merged model: mixed, measured anew, or the base's, as its recipe says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.checkpoints.statistics import statistics_among
from studio.errors import BadRecipe, Remedy
from studio.methods.kit.coefficients import coefficients_at
from studio.recipe import MIXTURE, RECALIBRATE, Recipe

_WHAT = "running statistics of batch normalization"


@dataclass(frozen=True)
class RunningStatistics:
    """Those of a merge that may differ from the base's.

    Attributes:
        deltas: of the recipe's tasks.
        recipe: says which they are, see ``Recipe.batch_norm``.
        default: coefficient where the recipe gives none.
        measure: runs the merged model on rows of its tasks; None where there are no rows.
    """

    deltas: Deltas
    recipe: Recipe
    default: float
    measure: Callable[[], Mapping[str, Tensor]] | None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the statistics, as the base calls them.

        Raises:
            BadRecipe: the recipe says what they are, and the base has none.
        """
        if self.recipe.batch_norm == MIXTURE:
            return self.deltas.statistics
        every = statistics_among(self.deltas.base.names)
        if not every:
            raise BadRecipe(
                f"The recipe has batch_norm: {self.recipe.batch_norm}, but "
                f"{self.deltas.base.folder} has no {_WHAT}. Leave batch_norm out."
            )
        measured = self.recipe.batch_norm == RECALIBRATE and self.recipe.tasks
        return tuple(sorted(every)) if measured else ()

    def prepare(self) -> None:
        """Measure what is measured, before several threads ask for it."""
        if self.names and self.recipe.batch_norm == RECALIBRATE:
            _ = self._measured

    def at(self, name: str) -> Tensor:
        """One of them, float64, of its shape."""
        if self.recipe.batch_norm == RECALIBRATE:
            return self._measured[name]
        return self.deltas.statistic(name, coefficients_at(self.recipe, name, self.default))

    @property
    def notes(self) -> list[str]:
        """What becomes of them, as a sentence; none without any."""
        count, mode = len(self.names), self.recipe.batch_norm
        if mode == MIXTURE:
            words = "mixed, with the coefficients as shares: they are no weights, so no method"
            return [f"{count} {_WHAT} are {words} changes them."] if count else []
        if mode == RECALIBRATE:
            return [f"{count} {_WHAT} are measured anew on validation rows of the merged tasks."]
        others = len(self.deltas.statistics)
        return [f"All {_WHAT} are the base's; the checkpoints' {others} others are left out."]

    @cached_property
    def _measured(self) -> Mapping[str, Tensor]:
        if self.measure is None:
            raise BadRecipe(
                "The recipe has batch_norm: recalibrate, which runs the merged model on validation "
                "rows of its tasks, and a recipe names none.",
                Remedy.GIVE_ROWS,
            )
        return self.measure()
