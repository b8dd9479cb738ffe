"""Tensors of a merged model that are fitted to its experts, if its recipe asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from studio.errors import BadRecipe, Remedy
from studio.recipe import RECALIBRATE, Recipe


@dataclass(frozen=True)
class Fitting:
    """What a calibration has found, and on what.

    Attributes:
        tensors: by the base's names, whole.
        rows: by task, how many rows were read, and the SHA-256 of what they say.
    """

    tensors: Mapping[str, Tensor]
    rows: Mapping[str, tuple[int, str]]


@dataclass(frozen=True)
class FittedTensors:
    """Those of a merge that a calibration replaces.

    Attributes:
        recipe: says whether there are any, see ``Recipe.calibrate``.
        measure: fits them on rows of the recipe's tasks; None where there are no rows.
    """

    recipe: Recipe
    measure: Callable[[], Fitting] | None

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """See ``Fitting``."""
        return self.found.tensors

    @cached_property
    def found(self) -> Fitting:
        """What is fitted, when it is first asked for; nothing unless the recipe says so.

        Raises:
            BadRecipe: there are no rows, or the model cannot be walked layer by layer; or running
                statistics are to be measured of the same model.
        """
        if self.recipe.calibrate is None or not self.recipe.tasks:
            return Fitting({}, {})
        if self.recipe.batch_norm == RECALIBRATE:
            raise BadRecipe(
                "The recipe has 'calibrate' and batch_norm: recalibrate, of which each would have "
                "to come after the other. Take batch_norm: mixture, or leave 'calibrate' out."
            )
        if self.measure is None:
            raise BadRecipe(
                "The recipe has 'calibrate', which runs the merged model and every expert on "
                "validation rows of its tasks, and a recipe names none.",
                Remedy.GIVE_ROWS,
            )
        return self.measure()

    @property
    def notes(self) -> list[str]:
        """What becomes of them, as a sentence; none without any."""
        if self.recipe.calibrate is None:
            return []
        rows = self.recipe.calibrate.rows
        return [
            "Calibrated: linear layers, convolutions and LayerNorms of the mix are fitted to the "
            f"experts, layer by layer, on at most {rows:,} validation rows of each merged task, "
            "without labels."
        ]
