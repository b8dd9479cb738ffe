"""The program around its commands: exit codes, and refusals in one sentence."""

import shutil

import pytest
import yaml

from studio.__main__ import main
from studio.recipe import save_recipe
from studio.zoo import load_zoo
from tests import bertzoo
from tests.commands.conftest import run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["merge", "nowhere.yaml", "--out", "OUT"], "no file"),
        (["merge", "RECIPE", "--out", "HERE"], "exists already"),
        (["unmerge", "RECIPE", "--task", "cow", "--out", "OUT"], "no task 'cow'"),
        (["evaluate", "HERE"], "zoo.yaml"),
        (["compare", "ZOO", "--methods", "average,magic"], "no merge method 'magic'"),
        (["compare", "ZOO", "--methods", ","], "at least one method"),
        (["compare", "ZOO", "--methods", "ties", "--uad"], "at least one linear method of mdm_oc"),
        (["evaluate", "NODATA"], "has held_out rows, so there is nothing to score"),
        (["evaluate", "NODATA", "--split", "validation"], "has validation rows"),
        (["merge", "RECIPE", "--out", "LONG"], "File name too long"),
        (["methods", "--threads", "0"], "--threads is 0"),
        (["evaluate", "ZOO", "--device", "mps"], "'mps' is not available"),
    ],
)
def test_a_refusal_is_one_sentence_on_stderr_and_exit_1(
    capsys, tiny_zoo, tmp_path, arguments, words
):
    recipe, here = tmp_path / "recipe.yaml", tmp_path / "here"
    save_recipe(load_zoo(tiny_zoo).recipe("task_arithmetic"), recipe)
    here.mkdir()
    bare = shutil.copytree(tiny_zoo, tmp_path / "bare")
    zoo = bertzoo.zoo()
    for task in zoo["tasks"]:
        task.pop("data")
    (bare / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    places = {"NODATA": bare, "LONG": tmp_path / ("x" * 300)}
    places |= {"OUT": tmp_path / "o", "HERE": here, "RECIPE": recipe, "ZOO": tiny_zoo}
    code, _, err = run(capsys, *(places.get(a, a) for a in arguments))
    assert code == 1
    assert words in err
    assert err.startswith("studio: ")
    assert "Traceback" not in err
    assert not (tmp_path / "o").exists()


def test_usage_errors_leave_with_2(capsys):
    for arguments in (
        [],
        ["merge"],
        ["unmerge", "r", "--task", "a", "--mode", "gone", "--out", "x"],
    ):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2
