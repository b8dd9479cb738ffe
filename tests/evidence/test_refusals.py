"""What no certificate is written for: a base, or a head, that is what was taken out."""

import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.errors import BadRecipe
from studio.evidence.bundle import Operator, certify
from studio.evidence.certificate import Request
from studio.evidence.ledger.keys import demo_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.refusals import refuse_their_heads
from studio.evidence.unmerge import unmerging
from studio.measure.bench import Bench
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from studio.tasks.heads import LinearHead
from studio.tasks.task import Task
from studio.zoo import load_zoo
from tests.conftest import refusal

pytestmark = pytest.mark.usefixtures("rebuilt_here")


def test_a_base_that_is_what_is_taken_out_is_refused(make_recipe, zoo_folder, tmp_path):
    recipe = make_recipe("green", "blue", method="average")
    shutil.copytree(zoo_folder / "base", tmp_path / "copy")
    full = replace(recipe, tasks=(*recipe.tasks, TaskEntry("same", str(tmp_path / "copy"))))
    operator = Operator(Ledger(tmp_path / "ledger"), demo_key(), Request())
    with pytest.raises(BadRecipe, match="The base has the weights of the checkpoint 'same' that"):
        certify(
            open_merge, unmerging(full, ("same",)), tmp_path / "out", operator,
            allow_duplicates=True,
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def opened(zoo) -> tuple[Recipe, list[Task]]:
    """The recipe of the tiny zoo's two tasks, and the tasks."""
    bench = Bench(load_zoo(zoo), torch.device("cpu"))
    entries = tuple(TaskEntry(name, str(zoo / name)) for name in ("color", "animal"))
    return Recipe(str(zoo / "base"), entries), list(bench.tasks.values())


def without_color(recipe: Recipe, tasks: list[Task], mode: str = "exact") -> None:
    unmerged = unmerging(recipe, ("color",), mode)
    kept = [task for task in tasks if task.name != "color"]
    refuse_their_heads(open_merge(recipe), unmerged, kept, tasks)


def color_head(zoo) -> dict[str, torch.Tensor]:
    own = load_file(zoo / "color" / "model.safetensors")
    return {name: own[f"classifier.{name}"].clone() for name in ("weight", "bias")}


def test_heads_of_their_own_are_written(tiny_zoo):
    without_color(*opened(tiny_zoo))


def test_a_kept_task_with_the_head_of_what_is_taken_out_is_refused(tiny_copy, tmp_path):
    save_file(color_head(tiny_copy), tiny_copy / "animal" / "head.safetensors")
    recipe, tasks = opened(tiny_copy)
    operator = Operator(Ledger(tmp_path / "ledger"), demo_key(), Request())
    with pytest.raises(BadRecipe) as error:
        certify(open_merge, unmerging(recipe, ("color",)), tmp_path / "out", operator, tasks=tasks)
    assert refusal(error) == (
        "The head of 'animal' that would lie beside the weights is that of the checkpoint 'color', "
        "which is taken out, number for number. Give 'animal' a head of its own."
    )
    assert not (tmp_path / "out").exists()
    without_color(recipe, tasks, "algebraic")  # which claims nothing of the kind


def test_one_tensor_of_the_head_is_enough_and_one_of_equal_numbers_is_none(tiny_copy):
    recipe, tasks = opened(tiny_copy)
    theirs, head = color_head(tiny_copy), tasks[1].head
    assert isinstance(head, LinearHead)
    own = LinearHead(head.weight, torch.zeros(3))
    gone = replace(tasks[0], head=LinearHead(theirs["weight"] + 1, torch.zeros(3)))
    without_color(recipe, [gone, replace(tasks[1], head=own)])
    mixed = replace(tasks[1], head=LinearHead(head.weight, theirs["bias"]))
    with pytest.raises(BadRecipe, match="is that of the checkpoint 'color'"):
        without_color(recipe, [gone, mixed])
    with pytest.raises(BadRecipe, match="is that of the checkpoint 'color'"):  # the zoo's file
        without_color(recipe, [gone, replace(tasks[1], head_only=gone.head)])


def test_numbers_that_the_base_has_too_are_nobodys(tiny_copy):
    theirs = color_head(tiny_copy)
    base = load_file(tiny_copy / "base" / "model.safetensors")
    save_file(base | {f"classifier.{n}": x for n, x in theirs.items()},
              tiny_copy / "base" / "model.safetensors", {"format": "pt"})  # fmt: skip
    save_file(theirs, tiny_copy / "animal" / "head.safetensors")
    without_color(*opened(tiny_copy))
