"""A configuration of mergekit as a recipe of the studio, with what a reader should know of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from studio.errors import BadRecipe
from studio.methods.mergekit.asked import Asked
from studio.methods.mergekit.configuration import Configuration, parse_configuration
from studio.methods.mergekit.layout import Layout, grouped
from studio.methods.mergekit.participants import Participants, participants
from studio.methods.mergekit.readings import READINGS, Reading
from studio.methods.mergekit.setting import Place
from studio.recipe import Coefficient, Recipe, TaskEntry

_ROUNDED = ("float16", "bfloat16")
_NO_NUMBER = "int8_mask"  # how mergekit stores a mask, which changes nothing


@dataclass(frozen=True)
class Surroundings:
    """What a configuration does not say and a recipe must.

    Attributes:
        folder: that relative paths start from.
        layout: opens a recipe's checkpoints and tells the names of their tensors; asked only if a
            value depends on the tensor.
        base: what deltas are taken from, where a method of mergekit needs no such model.
        names: of tasks, by checkpoint.
    """

    folder: Path
    layout: Callable[[Recipe], Layout]
    base: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def recipe_of(data: dict, where: str, around: Surroundings) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe that a configuration says, and notes, a sentence each.

    Args:
        data: content of the configuration's file.
        where: names the file in errors.
        around: what the configuration leaves open.

    Raises:
        BadRecipe: the configuration is wrong, or says what no recipe can, by name.
        StudioError: a value depends on the tensor, and a model cannot be opened.
    """
    given = parse_configuration(data, where)
    if given.method not in READINGS:
        raise BadRecipe(
            f"{where}: merge_method is '{given.method}', which is not converted; "
            f"{', '.join(READINGS)} are."
        )
    found = participants(given, where, around.folder, around.base, around.names)
    tasks = tuple(TaskEntry(name, checkpoint) for name, checkpoint in found.tasks.items())
    recipe = Recipe(found.base, tasks, dtype=given.out_dtype or given.dtype)
    asked = Asked(given, found.inputs, where)
    read, numbers = READINGS[given.method]
    layout, places = None, {"": Place()}
    if asked.varies(numbers):
        layout = around.layout(recipe)
        places = layout.places(asked.is_deep(numbers))
        asked.places = tuple(places.values())
    reading = read(asked)
    found_at = _coefficients(reading, found, layout, places)
    entries = (replace(task, coefficient=found_at[task.name]) for task in tasks)
    made = replace(
        recipe, tasks=tuple(entries), method=reading.method, options=dict(reading.options)
    )
    return made, (*reading.notes, *_notes(given, asked))


def _coefficients(
    reading: Reading, found: Participants, layout: Layout | None, places: Mapping[str, Place]
) -> dict[str, Coefficient]:
    """By task, its number, or one per group of the tensors that it changes."""
    rows = {name: reading.coefficients(place) for name, place in places.items()}
    made: dict[str, Coefficient] = {}
    for column, task in enumerate(found.owners):
        if not task:
            continue  # the base, whose own weight only counts in the sum of all
        of_task = {name: row[column] for name, row in rows.items()}
        made[task] = (
            of_task[""] if layout is None
            else grouped({name: of_task[name] for name in layout.changed[task]})
        )  # fmt: skip
    return made


def _notes(given: Configuration, asked: Asked) -> list[str]:
    told = []
    if given.dtype in _ROUNDED:
        told.append(
            f"mergekit computes this in {given.dtype} and rounds at every step; the studio "
            "computes in float32 at least, and rounds once."
        )
    if given.keeps_tokenizer:
        told.append(
            "The tokenizer is the base's, as in every export; vocabularies that differ are matched "
            "by token."
        )
    asked.read.add(_NO_NUMBER)
    if unread := asked.left_out():
        told.append(f"{given.method} does not read {', '.join(unread)}, in mergekit nor here.")
    return told
