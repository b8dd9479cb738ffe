import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.checkpoints.checkpoint import open_checkpoint
from studio.disk.files import parse_yaml
from studio.errors import BadCheckpoint, BadRecipe, SeveralBadInRecipe
from studio.recipe import (
    Calibrate,
    GroupedCoefficient,
    Heads,
    Recipe,
    TaskEntry,
    load_recipe,
    parse_recipe,
    same_names,
    save_recipe,
    task_name,
)
from tests.conftest import refusal

GOOD = {
    "base": "base",
    "tasks": [
        {"name": "a", "checkpoint": "t/a", "coefficient": 0.5},
        {"name": "b", "checkpoint": "t/b", "coefficient": {"default": 1, "groups": {"x.*": 2}}},
    ],
    "method": "mdm_oc",
    "options": {"scope": "layer"},
    "dtype": "float16",
    "seed": 3,
}


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_recipe_survives_a_file_with_paths_relative_to_it(tmp_path, suffix):
    for folder in ("base", "t/a", "t/b"):
        (tmp_path / folder).mkdir(parents=True)
    recipe = parse_recipe(GOOD, tmp_path, "r")
    assert recipe.tasks[1].coefficient == GroupedCoefficient(1.0, (("x.*", 2.0),))
    file = tmp_path / "deep" / f"recipe.{suffix}"
    save_recipe(recipe, file)
    assert "../t/a" in file.read_text()
    again = load_recipe(file)
    assert again == recipe
    assert again.digest == recipe.digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tasks": None}, "has no list of tasks"),
        ({"tasks": [GOOD["tasks"][0]] * 2}, "names the task 'a' twice"),
        ({"coeficients": 1}, "unknown key 'coeficients'"),
        ({"dtype": "int8"}, "dtype 'int8' is not one of float16"),
        ({"seed": -1}, "seed -1"),
        ({"seed": True}, "seed True"),
        ({"method": None}, "'method' is None"),
        ({"method": {"name": "ties"}}, "the name of a method alone. .* beside it, under 'options'"),
        ({"options": [1]}, "options must be a mapping"),
        ({"options": {"scope": [1]}}, r"option 'scope' is \[1\]"),
        ({"tasks": [{"name": "a", "checkpoint": "x", "coefficient": float("nan")}]},
         "coefficient of 'a' is nan"),
        ({"tasks": [{"name": "a", "checkpoint": "x", "coefficient": 10**400}]}, "finite"),
        ({"tasks": [{"name": "a", "checkpoint": "x", "coefficient": "1"}]},
         "'a' is '1'; it must be a number"),
        ({"tasks": [{"name": "a", "checkpoint": "x", "weight": 1}]},
         "task 1 has the unknown key 'weight'"),
        ({"tasks": [{"name": "a", "checkpoint": "x", "coefficient": {"groups": {}}}]},
         "no default"),
        ({"tasks": [{"name": "../a", "checkpoint": "x"}]}, "no task name"),
        ({"tasks": ["a"]}, "must be a mapping"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_name(change, words):
    with pytest.raises(BadRecipe, match=words):
        parse_recipe(GOOD | change, Path("/x"), "recipe.yaml")


def test_every_mistake_is_listed():
    tasks = [{"name": "a", "checkpoint": "x", "coefficient": "1"}, {"name": "b"}]
    wrong = GOOD | {"tasks": tasks, "dtype": "int3", "seed": "no", "extra": 1}
    with pytest.raises(SeveralBadInRecipe, match="recipe.yaml has 5 problems") as error:
        parse_recipe(wrong, Path("/x"), "recipe.yaml")
    for words in ("'extra'", "'1'; it must be a number", "task 2: 'checkpoint'", "int3", "seed"):
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base: [", "not valid YAML"),
        ("base: x\nbase: y", "'base' stands there twice"),
        ("a: &x 1\nb: *x", "aliases"),
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: !!timestamp x", "tags"),
        ("a: !!bool maybe", "tags"),
        ("a: " + "9" * 5000, "not valid YAML"),
        ("- 1", "must be a mapping"),
        ("", "must be a mapping"),
    ],
)
def test_a_broken_file_is_refused_with_its_name(tmp_path, text, words):
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(BadRecipe, match=words) as error:
        load_recipe(file)
    assert str(file) in refusal(error)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from([*GOOD, "name", "checkpoint", "coefficient"]), inner)
        ),
    )
)
def test_anything_at_all_is_a_recipe_or_a_sentence(value):
    task = {"name": "a", "checkpoint": "c"}
    for data in (
        value,
        GOOD | {"tasks": value},
        GOOD | {"options": value},
        GOOD | {"tasks": [task | {"coefficient": value}]},
        GOOD | {"tasks": [task | {"checkpoint": value}]},
    ):
        if isinstance(data, dict):
            try:
                parse_recipe(data, Path("/x"), "recipe.yaml")
            except BadRecipe as error:
                assert str(error).endswith(".")  # noqa: PT017


def test_exponents_are_numbers(tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text("base: b\nmethod: m\ntasks: [{name: a, checkpoint: c, coefficient: 1e-3}]")
    assert load_recipe(file).tasks[0].coefficient == 0.001


def test_unmerging_an_unknown_task_names_those_there_are():
    recipe = parse_recipe(GOOD, Path("/x"), "r")
    with pytest.raises(BadRecipe, match="no task 'c'; it has a, b"):
        recipe.without("c")
    assert recipe.without("a", "b").tasks == ()
    assert recipe.silenced("a").tasks[0].coefficient == 0.0


def test_numbers_are_read_as_yaml_1_2_reads_them():
    text = "{a: 010, b: 1:30, c: yes, d: 2026-01-01, e: true, f: null, g: -0.5, h: 0x10}"
    found = parse_yaml(text, "x", BadRecipe)
    assert found == {
        "a": 10.0, "b": "1:30", "c": "yes", "d": "2026-01-01", "e": True, "f": None, "g": -0.5,
        "h": "0x10",
    }  # fmt: skip


def test_the_order_of_coefficient_groups_is_part_of_the_digest():
    groups = (("layer.*", 1.0), ("layer.0.*", 2.0))
    recipe = parse_recipe(GOOD, Path("/x"), "r")
    one, other = (
        recipe.with_coefficients({"a": GroupedCoefficient(0.0, each)})
        for each in (groups, groups[::-1])
    )
    assert one.digest != other.digest


@pytest.mark.parametrize("source", ["~nobody-of-that-name/x", "x" * 5000, "a/b"])
def test_odd_paths_are_text_until_they_are_opened(source):
    task = {"name": "a", "checkpoint": source}
    assert parse_recipe(GOOD | {"tasks": [task]}, Path("/x"), "r").names == ("a",)


def test_a_relative_checkpoint_is_never_taken_from_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "tasks" / "red").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    recipe = parse_recipe(
        GOOD | {"tasks": [{"name": "a", "checkpoint": "tasks/red"}]}, tmp_path / "recipes", "r"
    )
    with pytest.raises(BadCheckpoint, match="hub fetch tasks/red"):
        open_checkpoint(recipe.tasks[0].checkpoint)


def test_the_first_pattern_that_matches_counts_whether_it_has_wildcards_or_not():
    grouped = GroupedCoefficient(0.0, (("x.1", 1.0), ("x.*", 2.0), ("x.2", 3.0)))
    assert [grouped.of(name) for name in ("x.1", "x.2", "X.1", "y")] == [1.0, 2.0, 0.0, 0.0]
    again = GroupedCoefficient(5.0, (("x.1", 4.0), ("x.*", 2.0), ("x.2", 3.0)))
    assert [again.of(name) for name in ("x.1", "y")] == [4.0, 5.0]


def recipe_of(coefficient: object, **options: object) -> Recipe:
    task = {"name": "a", "checkpoint": "/a", "coefficient": coefficient}
    return parse_recipe(
        {"base": "/b", "tasks": [task], "method": "mdm_oc", "options": options}, Path("/"), "r"
    )


def test_a_number_has_one_form_in_the_digest():
    one, other = recipe_of(1, strength=1, rank=4), recipe_of(1.0, strength=1.0, rank=4.0)
    assert one == other
    assert one.digest == other.digest
    assert one.digest != recipe_of(1.0, strength=0.5, rank=4).digest
    assert recipe_of(1, x=True).digest != recipe_of(1, x=1).digest
    assert recipe_of(1, x=2**60).digest != recipe_of(1, x=2**60 + 1).digest
    by_hand = Recipe("/b", (TaskEntry("a", "/a", 1),), "mdm_oc", {"strength": 1, "rank": 4})
    assert by_hand.digest == one.digest


def test_a_digest_of_numbers_as_they_were_written_stays_the_recipes():
    """0.1.0 hashed ``strength: 1`` as it stood there."""
    recipe = recipe_of(0.5, strength=1)
    plain = recipe.plain() | {"base": "digest"}
    old = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    assert old != recipe.digest_on("digest")
    assert recipe.is_recorded_as(old, "digest")
    assert recipe.is_recorded_as(recipe.digest_on("digest"), "digest")
    assert not recipe_of(0.5, strength=0.5).is_recorded_as(old, "digest")


def test_a_recipe_without_tasks_is_the_base_and_loads_again(zoo_folder, tmp_path):
    recipe = Recipe(str(zoo_folder / "base"), ())
    save_recipe(recipe, tmp_path / "recipe.yaml")
    assert load_recipe(tmp_path / "recipe.yaml") == recipe
    with pytest.raises(BadRecipe, match="lists no tasks; it needs at least one"):
        parse_recipe(GOOD | {"tasks": []}, Path("/x"), "recipe.yaml", least=1)


@pytest.mark.parametrize(
    "name",
    ["CON", "con", "CONIN$", "conout$.x", "CLOCK$", "\u3164", "\u115f\u1160", "\uffa0",
     "\u2800", "\u0301", "\ufe0f",
     "nul.txt", "COM1", "lpt¹.x", "a.", "a ", " a", ".a", "a\u200b", "x" * 101,
     "漢" * 100, "a/b", "a\\b", "a:b", "a\n"],
)  # fmt: skip
def test_a_name_that_some_system_refuses_is_refused(name):
    with pytest.raises(BadRecipe, match="is no task name"):
        task_name(name, "recipe.yaml", BadRecipe)


def test_a_name_is_composed_and_unlike_others_by_more_than_capitals():
    assert task_name("e\u0301te\u0301", "r", BadRecipe) == "\u00e9t\u00e9"
    assert task_name("CONSOLE", "r", BadRecipe) == "CONSOLE"
    assert same_names(["a", "b", "A", "stra\u00dfe", "STRASSE", "e\u0301", "\u00c9"]) == [
        ("a", "A"), ("stra\u00dfe", "STRASSE"), ("e\u0301", "\u00c9"),
    ]  # fmt: skip
    task = {"name": "red", "checkpoint": "x"}
    with pytest.raises(BadRecipe, match="names the tasks 'red' and 'Red'; names must differ by"):
        parse_recipe(GOOD | {"tasks": [task, task | {"name": "Red"}]}, Path("/x"), "r")


def test_which_running_statistics_a_merge_gets_is_part_of_the_recipe(zoo_folder, tmp_path):
    recipe = Recipe(str(zoo_folder), (TaskEntry("a", str(zoo_folder)),))
    usual, base = recipe.plain(), replace(recipe, batch_norm="base")
    assert "batch_norm" not in usual  # so that digests of recipes without it stay
    assert base.digest != recipe.digest
    save_recipe(base, tmp_path / "recipe.yaml")
    assert load_recipe(tmp_path / "recipe.yaml").batch_norm == "base"
    with pytest.raises(BadRecipe, match="batch_norm 'mean' is not one of mixture, recalibrate"):
        parse_recipe(usual | {"batch_norm": "mean"}, tmp_path, "it")


def test_a_recipe_says_which_tokens_have_a_row(tmp_path, make_recipe):
    recipe = make_recipe()
    assert recipe.vocabulary == "base"
    assert "vocabulary" not in recipe.plain()  # so that digests of recipes without it stay
    union = replace(recipe, vocabulary="union")
    assert union.digest != recipe.digest
    save_recipe(union, tmp_path / "recipe.yaml")
    assert load_recipe(tmp_path / "recipe.yaml").vocabulary == "union"
    with pytest.raises(BadRecipe, match="vocabulary 'all' is not one of base, union"):
        parse_recipe(recipe.plain() | {"vocabulary": "all"}, tmp_path, "it")


def test_a_zoo_and_a_folder_are_told_from_a_recipe_in_one_sentence(tmp_path):
    zoo = tmp_path / "zoo.yaml"
    zoo.write_text("name: Desks\nbase: b\ntasks:\n- {name: a, checkpoint: a, data: rows}\n")
    words = r" is a zoo and says no method; a recipe is a file with base, tasks .* and method"
    with pytest.raises(BadRecipe, match=words) as told:
        load_recipe(zoo)
    assert not isinstance(told.value, SeveralBadInRecipe)
    with pytest.raises(BadRecipe, match=" is a folder; a recipe is a file"):
        load_recipe(tmp_path)
    for data in ({"name": "Desks"}, {"base": "b", "tasks": [{"name": "a", "type": "causal-lm"}]}):
        with pytest.raises(BadRecipe, match="^The recipe is a zoo"):
            parse_recipe(data, tmp_path, "The recipe")


def test_a_calibration_is_written_and_read_with_all_of_its_numbers(tmp_path):
    recipe = recipe_of(1)
    usual, chosen = recipe.plain(), replace(recipe, calibrate=Calibrate(32, 0.5, 0.1, 2.0))
    assert "calibrate" not in usual  # so that digests of recipes without it stay
    save_recipe(chosen, tmp_path / "recipe.yaml")
    assert load_recipe(tmp_path / "recipe.yaml").calibrate == Calibrate(32, 0.5, 0.1, 2.0)
    assert parse_recipe(usual | {"calibrate": {}}, tmp_path, "it").calibrate == Calibrate()
    assert chosen.digest != replace(recipe, calibrate=Calibrate()).digest != recipe.digest
    assert chosen.without(recipe.names[0]).calibrate == chosen.calibrate
    words = Calibrate(32, 0.5, 0.1, 2.0).words
    assert "at most 32 validation rows per task (share 0.5, pull 0.1, length 2)" in words


def test_refitted_heads_are_written_and_read_and_tell_recipes_apart(tmp_path):
    recipe = recipe_of(2)
    usual, chosen = recipe.plain(), replace(recipe, heads=Heads(32, 0.5))
    assert "heads" not in usual
    save_recipe(chosen, tmp_path / "recipe.yaml")
    assert load_recipe(tmp_path / "recipe.yaml").heads == Heads(32, 0.5)
    assert parse_recipe(usual | {"heads": {}}, tmp_path, "it").heads == Heads()
    assert chosen.digest != replace(recipe, heads=Heads()).digest != recipe.digest
    assert chosen.without(recipe.names[0]).heads == chosen.heads
    assert "at most 32 validation rows per task (pull 0.5)" in Heads(32, 0.5).words
    assert [chosen.fits_experts, recipe.fits_experts] == [True, False]
    for heads, words in (
        (True, "heads"), ({"share": 1}, "share"), ({"rows": 0}, "heads: rows 0 is not a whole"),
        ({"pull": 0}, "heads: pull is 0; it is from 1e-6 to 1e6"),
    ):  # fmt: skip
        with pytest.raises(BadRecipe, match=words):
            parse_recipe(usual | {"heads": heads}, tmp_path, "it")


@pytest.mark.parametrize(
    ("calibrate", "words"),
    [
        (True, "calibrate"),
        ({"row": 3}, "row"),
        ({"rows": 0}, "rows 0 is not a whole number from 1 to 100,000"),
        ({"rows": 2.5}, "rows 2.5 is not a whole number"),
        ({"rows": True}, "rows True is not a whole number"),
        ({"share": 1.5}, "share is 1.5; it is from 0 to 1"),
        ({"share": "most"}, "share is 'most'; it must be a number"),
        ({"pull": 0}, "pull is 0; it is from 1e-6 to 1e6"),
        ({"length": -1}, "length is -1; it is from 0 to 100, or left out"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(tmp_path, calibrate, words):
    with pytest.raises(BadRecipe, match=words):
        parse_recipe(recipe_of(1).plain() | {"calibrate": calibrate}, tmp_path, "it")
