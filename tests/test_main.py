"""The command line, as a user calls it."""

import json
import shutil

import pytest
import yaml

from studio.__main__ import main
from studio.methods import METHODS
from studio.recipe import GroupedCoefficient, save_recipe
from studio.zoo import load_zoo
from tests import bertzoo
from tests.conftest import draw, save_model


@pytest.fixture
def recipe_file(tiny_zoo, tmp_path):
    save_recipe(load_zoo(tiny_zoo).recipe("task_arithmetic"), tmp_path / "recipe.yaml")
    return tmp_path / "recipe.yaml"


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = main([str(each) for each in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_methods_lists_names_options_defaults_and_sources(capsys):
    code, out, _ = run(capsys, "methods")
    assert code == 0
    assert "task_arithmetic (default coefficient 0.3)" in out
    assert "scope = model  [model|layer|tensor]" in out
    assert "rank = None  [from 1 or null]" in out
    assert out.count("Source:") == len(METHODS)


def test_inspect_takes_a_zoo_or_a_recipe_and_writes_json(capsys, tiny_zoo, recipe_file, tmp_path):
    for source, same in ((tiny_zoo, False), (recipe_file, True), (tiny_zoo / "zoo.yaml", False)):
        code, out, _ = run(capsys, "inspect", source, "--json", tmp_path / "i.json")
        assert code == 0
        assert "private: classifier.bias, classifier.weight" in out
        found = json.loads((tmp_path / "i.json").read_text())
        assert {"cosine_before", "cosine_after", "residual", "tensors"} <= set(found)
        off = abs(found["cosine_after"][0][1])
        before = abs(found["cosine_before"][0][1])
        assert before > 1e-3
        assert off == pytest.approx(before) if same else off < 1e-6
        assert found["order"]["ordered"] != same
        assert found["residual"] == pytest.approx(off, abs=1e-12)


def test_inspect_tells_norms_and_order_and_on_request_overlaps(capsys, tiny_zoo, tmp_path):
    code, out, _ = run(capsys, "inspect", tiny_zoo, "--json", tmp_path / "i.json")
    found = json.loads((tmp_path / "i.json").read_text())
    assert (code, found["order"]["orders"], found["order"]["refused"]) == (0, 2, [])
    assert found["order"]["words"] in out
    assert "layers" not in found
    squares = dict.fromkeys(found["tasks"], 0.0)
    for tensor in found["tensors"].values():
        assert list(tensor["norms"]) == tensor["tasks"]
        assert not {"sign_conflict", "subspace_overlap"} & set(tensor)
        for task, norm in tensor["norms"].items():
            squares[task] += norm**2
    assert [x**0.5 for x in squares.values()] == pytest.approx(found["norms"])

    code, out, _ = run(capsys, "inspect", tiny_zoo, "--overlap", "--json", tmp_path / "o.json")
    more = json.loads((tmp_path / "o.json").read_text())
    assert code == 0
    for name, tensor in more["tensors"].items():
        conflict, overlap = tensor.pop("sign_conflict"), tensor.pop("subspace_overlap")
        if len(tensor["tasks"]) == 2:
            assert 0 < conflict["pairs"][0][1] == conflict["all"] < 1
        else:
            assert conflict["all"] is overlap is None
        if overlap:
            assert overlap["rank"] <= min(tensor["shape"]) // 2, name
            assert 0 < overlap["columns"][0][1] < 1
    assert set(more) - set(found) == {"layers", "largest_overlap"}
    assert found == {key: more[key] for key in found}
    for layer in more["layers"]:
        assert f"  {layer}\n" in out
    assert "largest overlap of row spaces" in out


def test_inspect_lists_what_is_wrong_with_every_checkpoint_of_a_zoo(capsys, tiny_copy):
    for file in (tiny_copy / "color" / "model", tiny_copy / "animal" / "adapter_model"):
        file.with_suffix(".safetensors").write_bytes(b"")
    code, out, err = run(capsys, "inspect", tiny_copy)
    assert (code, out) == (1, "")
    assert "has 2 problems: (1) 'color'" in err
    assert "(2) 'animal'" in err


@pytest.mark.parametrize("method", ["mdm_oc", "average"])
def test_inspect_refuses_a_coefficient_group_that_merge_refuses(capsys, tiny_zoo, tmp_path, method):
    idle = GroupedCoefficient(0.4, (("decoder.*", 1.0),))
    recipe = load_zoo(tiny_zoo).recipe(method).with_coefficients({"color": idle})
    save_recipe(recipe, tmp_path / "recipe.yaml")
    code, _, err = run(capsys, "inspect", tmp_path / "recipe.yaml")
    assert (code, "'decoder.*' of 'color' matches none" in err) == (1, True)


def test_merge_evaluate_and_unmerge(capsys, tiny_zoo, recipe_file, tmp_path):
    code, out, _ = run(capsys, "merge", recipe_file, "--out", tmp_path / "m", "--zoo", tiny_zoo)
    assert (code, "2 tasks merged, weights root" in out) == (0, True)
    results = {}
    for name, extra in {
        "experts": [], "recipe": ["--recipe", recipe_file], "model": ["--model", tmp_path / "m"],
        "validation": ["--split", "validation"],
    }.items():  # fmt: skip
        file = tmp_path / f"{name}.json"
        assert run(capsys, "evaluate", tiny_zoo, *extra, "--json", file)[0] == 0
        results[name] = json.loads(file.read_text())
    assert results["recipe"] == results["model"]
    assert results["experts"]["tasks"]["color"]["n"] == 50
    assert results["validation"]["tasks"]["color"]["n"] == 30
    each = results["recipe"]["tasks"]["animal"]
    assert set(each) == {"accuracy", "n", "low", "high", "interval"}
    assert each["low"] <= each["accuracy"] <= each["high"]
    code, out, _ = run(
        capsys,
        "unmerge",
        recipe_file,
        "--task",
        "color",
        "--mode",
        "exact",
        "--out",
        tmp_path / "u",
    )
    assert (code, "1 task merged" in out) == (0, True)
    left = yaml.safe_load((tmp_path / "u" / "recipe.yaml").read_text())
    assert [task["name"] for task in left["tasks"]] == ["animal"]


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


def test_compare_scores_methods_beside_experts_and_base(capsys, tiny_zoo, tmp_path):
    file = tmp_path / "c.json"
    code, out, _ = run(
        capsys, "compare", tiny_zoo, "--methods", "average, mdm_oc", "--json", file
    )  # fmt: skip
    found = json.loads(file.read_text())
    assert code == 0
    assert "\nexperts " in out
    assert list(found["methods"]) == ["average", "mdm_oc"]
    assert set(found["methods"]["mdm_oc"]) >= {"tasks", "mean", "recipe", "tuned", "seconds"}
    assert found["head_only"] is None
    means = [x["accuracy"] for x in found["base"]["tasks"].values()]
    assert found["base"]["mean"] == pytest.approx(sum(means) / 2)


def test_compare_takes_tasks_out_of_linear_methods_on_request(capsys, tiny_zoo, tmp_path):
    file = tmp_path / "c.json"
    methods = ["--methods", "task_arithmetic,ties", "--uad"]
    code, out, _ = run(capsys, "compare", tiny_zoo, *methods, "--json", file)
    found = json.loads(file.read_text())
    assert code == 0
    rows = found["uad"]["removals"]
    assert [(r["method"], r["task"], r["mode"]) for r in rows] == [
        ("task_arithmetic", task, mode)
        for task in ("color", "animal")
        for mode in ("rebuild", "subtract")
    ]
    before = found["methods"]["task_arithmetic"]["tasks"]
    assert all(r["n"] == 50 and r["same"] and abs(r["mean"]) < 1 for r in rows)
    assert set(before) == {r["worst_task"] for r in rows}
    for row in rows:
        assert f"{row['method']} {row['mode']:8} {row['task']}" in out
    assert "Left out, as not linear: ties." in out
    assert found["uad"]["paper"]["words"] in out


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
    capsys, tiny_zoo, recipe_file, tmp_path, arguments, words
):
    here = tmp_path / "here"
    here.mkdir()
    bare = shutil.copytree(tiny_zoo, tmp_path / "bare")
    zoo = bertzoo.zoo()
    for task in zoo["tasks"]:
        task.pop("data")
    (bare / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    places = {"NODATA": bare, "LONG": tmp_path / ("x" * 300)}
    places |= {"OUT": tmp_path / "o", "HERE": here, "RECIPE": recipe_file, "ZOO": tiny_zoo}
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
