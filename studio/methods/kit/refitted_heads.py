"""Heads of a merge's tasks that are refitted to their experts, if its recipe asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from studio.errors import BadRecipe, Remedy
from studio.recipe import Recipe


@dataclass(frozen=True)
class Refitting:
    """What a refit of heads has found, and on what.

    Attributes:
        tensors: by task, the last layer of its head: weight ``(labels, hidden)`` and, if it has
            one, bias ``(labels,)``.
        rows: by task, how many rows were read, and the SHA-256 of what they say.
    """

    tensors: Mapping[str, Mapping[str, Tensor]]
    rows: Mapping[str, tuple[int, str]]


@dataclass(frozen=True)
class RefittedHeads:
    """Those of a merge.

    Attributes:
        recipe: says whether there are any, see ``Recipe.heads``.
        measure: fits them on rows of the recipe's tasks; None where there are no rows.
    """

    recipe: Recipe
    measure: Callable[[], Refitting] | None

    @cached_property
    def found(self) -> Refitting:
        """What is refitted, when it is first asked for; nothing unless the recipe says so.

        Raises:
            BadRecipe: there are no rows, or no task has a head that can be refitted.
        """
        if self.recipe.heads is None or not self.recipe.tasks:
            return Refitting({}, {})
        if self.measure is None:
            raise BadRecipe(
                "The recipe has 'heads', which runs the merged model and every expert on "
                "validation rows of its tasks, and a recipe names none.",
                Remedy.GIVE_ROWS,
            )
        return self.measure()

    @property
    def notes(self) -> list[str]:
        """What becomes of them, as a sentence; none without any."""
        if self.recipe.heads is None:
            return []
        return [
            "Heads refitted: the last layer of each merged task's head is fitted to what its "
            f"expert says of at most {self.recipe.heads.rows:,} of its validation rows, without "
            "labels. Heads belong to these weights alone."
        ]
