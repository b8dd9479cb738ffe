"""The words of a model card, without a model."""

from dataclasses import replace

import pytest
import yaml

from studio.export.card import front_matter, model_card, public_name, quoted
from studio.measure.intervals import Score
from studio.recipe import GroupedCoefficient, Recipe, TaskEntry
from studio.tasks.metric import AGREEMENT, AGREEMENT_WORDS

RECIPE = Recipe(
    "/home/somebody/base",
    (
        TaskEntry("red", "/home/somebody/red", 0.25, "aa"),
        TaskEntry("green", "hub/green", None, "bb"),
    ),
    "task_arithmetic",
)


def card(recipe: Recipe = RECIPE, scores=None, **more) -> str:
    return model_card(recipe, (), scores or {}, "f" * 64, **more)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/home/somebody/red", "red"),
        ("hub/green", "hub/green"),
        ("hub/green@v1/a", "hub/green"),
    ],
)
def test_a_folder_is_told_by_its_name_and_a_hub_id_as_it_is(source, name):
    assert public_name(source) == name


def test_the_hub_reads_what_was_merged_into_what():
    front = yaml.safe_load(front_matter(["/a/base", "hub/red"], "ties", "peft").split("---")[1])
    assert front == {
        "base_model": ["base", "hub/red"],
        "base_model_relation": "merge",
        "library_name": "peft",
        "tags": ["merge", "ties"],
    }


def test_every_task_has_its_coefficient_and_nobody_its_path():
    found = card()
    assert "# Merge of 2 tasks\n" in found
    assert "method `task_arithmetic` (scale = 1.0), dtype of the base." in found
    assert "| red | 0.25 | `aa` |" in found
    assert "| green | 0.3 | `bb` |" in found  # the method's own coefficient
    assert "somebody" not in found
    grouped = RECIPE.with_coefficients({"red": GroupedCoefficient(0.5, (("layer.1.*", 0.2),))})
    assert "| red | 0.5; `layer.1.*`: 0.2 |" in card(grouped)


def test_a_name_in_a_table_is_text_and_no_markup():
    evil = "[x](javascript:1)_a_ `b` !"
    found = card(
        replace(RECIPE, tasks=(TaskEntry(evil, "/a", 0.5, "aa"),)),
        {evil: Score(0.5, 8, 0.2, 0.8, "wilson")},
    )
    shown = "| \\[x\\](javascript:1)\\_a\\_ \\`b\\` \\! |"
    assert found.count(shown) == 2
    assert evil not in found
    assert (quoted("a`b"), quoted("a|b"), quoted("a_b")) == ("a\\`b", "a\\|b", "`a_b`")


def test_no_tasks_are_the_bases_weights():
    assert "| none: these are the base's weights | | |" in card(Recipe("/b", ()))


def test_scores_stand_with_their_interval_and_their_mean():
    scores = {
        "red": Score(0.5, 8, 0.2, 0.8, "wilson"), "blue": Score(1.0, 4, 0.5, 1.0, "wilson"),
    }  # fmt: skip
    found = card(scores=scores)
    assert "| red | yes | 0.500 | 0.200 to 0.800 (wilson) | 8 |" in found
    assert "| blue | no | 1.000 |" in found
    assert "Unweighted mean: 0.750." in found
    assert "No scores were measured for this export." in card()


def test_an_agreement_is_told_from_an_accuracy():
    scores = {
        "red": Score(0.5, 8, 0.2, 0.8, "wilson"),
        "blue": Score(1.0, 4, 0.5, 1.0, "wilson", AGREEMENT),
    }  # fmt: skip
    found = card(scores=scores)
    assert "| red | yes | 0.500 |" in found
    assert "| blue | no | 1.000 (agreement) |" in found
    assert AGREEMENT_WORDS in found
    assert AGREEMENT_WORDS not in card(scores={"red": scores["red"]})


def test_what_the_rounding_lost_is_said_if_it_was_measured():
    assert "Rounding: 3 of 4 entries changed.\n" in card(rounding="3 of 4 entries changed")
    assert "Rounding" not in card()
