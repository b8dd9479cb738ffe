"""``unmerge`` and ``replace`` as a user calls them."""

import yaml

from tests.commands.conftest import run


def test_the_task_is_gone_from_the_recipe_beside_the_weights(capsys, recipe_file, tmp_path):
    out = tmp_path / "u"
    asked = ("unmerge", recipe_file, "--task", "color", "--mode", "exact", "--out", out)
    code, said, _ = run(capsys, *asked)
    assert (code, "1 task merged" in said) == (0, True)
    left = yaml.safe_load((out / "recipe.yaml").read_text())
    assert [task["name"] for task in left["tasks"]] == ["animal"]


def test_replace_merges_a_retrained_checkpoint_in_the_place_of_the_old(
    capsys, recipe_file, tiny_zoo, tmp_path
):
    asked = ("replace", recipe_file, "--task", "color", "--checkpoint", tiny_zoo / "animal")
    code, said, err = run(capsys, *asked, "--out", tmp_path / "r", "--allow-duplicates")
    assert (code, err, "2 tasks merged" in said) == (0, "", True)
    left = yaml.safe_load((tmp_path / "r" / "recipe.yaml").read_text())
    assert {task["name"] for task in left["tasks"]} == {"color", "animal"}
