import pytest

from studio.errors import BadRecipe
from studio.evidence.unmerge import unmerging
from studio.recipe import TaskEntry
from tests.conftest import refusal


def test_exact_drops_the_task_and_algebraic_keeps_it_at_zero(make_recipe):
    full = make_recipe()
    assert unmerging(full, ("green",)).recipe.names == ("red", "blue")
    silenced = unmerging(full, ("green",), "algebraic").recipe
    assert [(t.name, t.coefficient) for t in silenced.tasks] == [
        ("red", None), ("green", 0.0), ("blue", None),
    ]  # fmt: skip


def test_removed_tasks_stand_in_the_order_of_the_recipe(make_recipe):
    assert unmerging(make_recipe(), ("blue", "red")).removed == ("red", "blue")


def test_a_replacement_keeps_name_place_and_coefficient(make_recipe, zoo_folder):
    full = make_recipe().with_coefficients({"green": 0.7})
    new = TaskEntry("whatever", str(zoo_folder / "red"))
    replaced = unmerging(full, ("green",), "exact", new).recipe
    assert replaced.names == full.names
    assert replaced.tasks[1] == TaskEntry("green", str(zoo_folder / "red"), 0.7)


@pytest.mark.parametrize(
    ("names", "mode", "words"),
    [
        (("red",), "gone", "no unmerge mode 'gone'"),
        ((), "exact", "at least one task"),
        (("cow",), "exact", "no task 'cow'"),
    ],
)
def test_nonsense_is_refused(make_recipe, names, mode, words):
    with pytest.raises(BadRecipe) as error:
        unmerging(make_recipe(), names, mode)
    assert words in refusal(error)


def test_a_replacement_takes_one_task_exactly_and_another_folder(make_recipe, zoo_folder):
    full, same = make_recipe(), TaskEntry("red", str(zoo_folder / "red"))
    with pytest.raises(BadRecipe, match="give one task"):
        unmerging(full, ("red", "green"), "exact", same)
    with pytest.raises(BadRecipe, match="same folder"):
        _ = unmerging(full, ("red",), "exact", same).recipe


def test_nothing_is_subtracted_from_a_method_without_components(make_recipe):
    full = make_recipe(method="tsv_m")
    assert unmerging(full, ("red",)).recipe.names == ("green", "blue")
    with pytest.raises(BadRecipe) as error:
        unmerging(full, ("red",), "algebraic")
    assert "tsv_m forms one change of all tasks, so there is no component" in refusal(error)
