"""The command line, as a user calls it, and a recipe to call it with."""

import pytest

from studio.__main__ import main
from studio.recipe import save_recipe
from studio.zoo import load_zoo


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = main([str(each) for each in arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def recipe_file(tiny_zoo, tmp_path):
    save_recipe(load_zoo(tiny_zoo).recipe("task_arithmetic"), tmp_path / "recipe.yaml")
    return tmp_path / "recipe.yaml"
