"""An unmerge as a value: what was merged, what was taken out or replaced, and how."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from studio.errors import BadRecipe, Remedy
from studio.methods import method
from studio.recipe import Recipe, TaskEntry

MODES = ("exact", "algebraic")


@dataclass(frozen=True)
class Unmerging:
    """Tasks taken out of a merge, or one of them replaced by another checkpoint.

    Attributes:
        full: the recipe with the tasks.
        removed: their names, in its order.
        mode: 'exact' (the rest is merged as if they had never been there) or 'algebraic' (their
            coefficients are 0 and they stay in the basis; MDM-OC, Eq. 8).
        added: what takes the place of the one removed task, or None.
    """

    full: Recipe
    removed: tuple[str, ...]
    mode: str = "exact"
    added: TaskEntry | None = None

    @property
    def never(self) -> Recipe:
        """The recipe of a model that never had the removed checkpoints."""
        if self.added is not None:
            return replaced(self.full, self.removed[0], self.added)
        return self.full.without(*self.removed)

    @property
    def subtracted(self) -> Recipe:
        """The recipe of the algebraic unmerge."""
        return self.full.silenced(*self.removed)

    @property
    def recipe(self) -> Recipe:
        """The recipe of the result."""
        return self.never if self.mode == "exact" else self.subtracted

    @property
    def entries(self) -> tuple[TaskEntry, ...]:
        """The removed tasks as the full recipe names them."""
        return tuple(task for task in self.full.tasks if task.name in self.removed)


def unmerging(
    full: Recipe, removed: tuple[str, ...], mode: str = "exact", added: TaskEntry | None = None
) -> Unmerging:
    """An unmerge that makes sense.

    Raises:
        BadRecipe: a name is not in the recipe, none is given, the mode is unknown, a replacement
            is asked for that is none, or the method has no component to subtract.
    """
    if mode == "algebraic" and not method(full.method, full.options).has_components:
        raise BadRecipe(
            f"{full.method} forms one change of all tasks, so there is no component to subtract.",
            Remedy.REBUILD,
        )
    if mode not in MODES:
        raise BadRecipe(f"There is no unmerge mode '{mode}'; there are {', '.join(MODES)}.")
    if not removed:
        raise BadRecipe("Name at least one task to take out.")
    full.without(*removed)  # refuses names that are not there
    if added is not None and (len(removed) != 1 or mode != "exact"):
        raise BadRecipe(
            "Replacing takes out one task and merges its successor exactly; give one task, and no "
            "other mode than exact."
        )
    ordered = tuple(name for name in full.names if name in removed)
    return Unmerging(full, ordered, mode, added)


def replaced(recipe: Recipe, task: str, successor: TaskEntry) -> Recipe:
    """The recipe with another checkpoint in a task's place; name and coefficient stay.

    Raises:
        BadRecipe: the recipe has no such task, or it is the same checkpoint.
    """
    old = next((each for each in recipe.tasks if each.name == task), None)
    if old is None:
        recipe.without(task)  # refuses in words
        raise AssertionError
    if successor.checkpoint == old.checkpoint:
        raise BadRecipe(f"'{task}' would be replaced by the same folder; give the retrained one.")
    new = replace(successor, name=old.name, coefficient=old.coefficient, set_by=old.set_by)
    return replace(recipe, tasks=tuple(new if t.name == task else t for t in recipe.tasks))


def unmerge(recipe: Recipe, tasks: Sequence[str], mode: str) -> Recipe:
    """The recipe without some tasks, see ``Unmerging``.

    Raises:
        BadRecipe: a name is not in the recipe, or the mode is unknown.
    """
    return unmerging(recipe, tuple(tasks), mode).recipe
