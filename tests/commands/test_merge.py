"""``merge`` as a user calls it."""

import json

import pytest

from studio.recipe import save_recipe
from studio.zoo import load_zoo
from tests.commands.conftest import run
from tests.conftest import draw, save_model


@pytest.mark.parametrize("method", ["fisher", "regmean"])
def test_a_method_that_needs_data_wants_a_zoo_with_rows(capsys, tiny_zoo, tmp_path, method):
    file, out = tmp_path / "r.yaml", tmp_path / "m"
    save_recipe(load_zoo(tiny_zoo).recipe(method), file)
    code, _, err = run(capsys, "merge", file, "--out", out)
    assert (code, "Give --zoo with a zoo that has this recipe's tasks" in err) == (1, True)
    assert not out.exists()
    assert run(capsys, "merge", file, "--out", out, "--zoo", tiny_zoo)[0] == 0
    scores = {}
    for name, extra in (("recipe", file), ("model", out)):
        target = tmp_path / f"{name}.json"
        arguments = ("evaluate", tiny_zoo, f"--{name}", extra, "--json", target)
        assert run(capsys, *arguments)[0] == 0
        scores[name] = json.loads(target.read_text())
    assert scores["recipe"] == scores["model"]
    target = tmp_path / "c.json"
    assert run(capsys, "compare", tiny_zoo, "--methods", method, "--json", target)[0] == 0
    found = json.loads(target.read_text())["methods"][method]
    assert found["tasks"] == scores["recipe"]["tasks"]
    without = ("unmerge", file, "--task", "color", "--out", tmp_path / "u")
    assert run(capsys, *without, "--zoo", tiny_zoo)[0] == 0


def test_nan_in_a_checkpoint_names_file_tensor_and_count_and_writes_nothing(
    capsys, zoo_folder, tmp_path
):
    model = draw(1)
    model["layer.0.dense.bias"][0] = float("inf")
    save_model(zoo_folder / "red", model)
    (zoo_folder / "r.yaml").write_text(
        "base: base\nmethod: average\ntasks: [{name: red, checkpoint: red}]"
    )
    code, _, err = run(capsys, "merge", zoo_folder / "r.yaml", "--out", tmp_path / "deep" / "o")
    assert code == 1
    assert "layer.0.dense.bias holds 1 values that are NaN or infinite, of 6" in err
    assert not (tmp_path / "deep").exists()


def test_adapters_of_each_task_stand_beside_that_of_the_merge(capsys, recipe_file, tmp_path):
    code, _, err = run(capsys, "merge", recipe_file, "--out", tmp_path / "x", "--each-task")
    assert code == 1
    assert "--each-task writes adapters beside that of --as-lora; add it." in err
