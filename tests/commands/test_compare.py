"""``compare`` as a user calls it."""

import json

import pytest

from studio.fusion.training import FusionPlan
from studio.methods import FIRST_COMPARED, method_type
from studio.zoo import load_zoo
from tests import adapted
from tests.commands.conftest import run


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


def test_with_no_method_named_the_usual_ones_are_compared(capsys, tiny_zoo, tmp_path):
    file = tmp_path / "c.json"
    assert run(capsys, "compare", tiny_zoo, "--json", file)[0] == 0
    assert set(json.loads(file.read_text())["methods"]) == {*FIRST_COMPARED}


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


def test_tasks_are_taken_out_of_the_merges_that_the_table_scores(capsys, tiny_zoo, monkeypatch):
    asked = {}

    def removals(bench, recipes, **more):
        asked.update(recipes)
        return iter(())

    monkeypatch.setattr("studio.compare.unmerge_drop.removals", removals)
    methods = "mdm_oc,task_arithmetic,average"
    code, _, _ = run(capsys, "compare", tiny_zoo, "--methods", methods, "--uad")
    assert code == 0
    zoo = load_zoo(tiny_zoo)
    assert asked == {name: zoo.started(name) for name in methods.split(",")}
    expected = method_type("mdm_oc").starting_coefficient(len(zoo.tasks))
    assert expected != 1
    assert {task.coefficient for task in asked["mdm_oc"].tasks} == {expected}


def test_compare_trains_adapter_fusion_on_request_and_takes_tasks_out_of_it(
    capsys, tmp_path, monkeypatch
):
    short = FusionPlan(budget=2, batch=2, every=1)
    monkeypatch.setattr("studio.fusion.training.FusionPlan", lambda: short)
    zoo, file = adapted.build(tmp_path / "zoo"), tmp_path / "c.json"
    asked = ["--methods", "task_arithmetic", "--fusion", "--uad"]
    code, out, _ = run(capsys, "compare", zoo, *asked, "--json", file)
    found = json.loads(file.read_text())
    assert code == 0
    assert "AdapterFusion: at most 2 steps of 2 rows of each task, 12 row evaluations" in out
    assert "AdapterFusion (trained): " in out
    assert found["fusion"]["plan"] == short.plain()
    assert {*found["fusion"]["tasks"]} == {"color", "animal", "tint"}
    modes = [row["mode"] for row in found["uad"]["removals"]]
    assert modes == ["rebuild", "subtract"] * 3 + ["drop", "retrain"] * 3
    assert "AdapterFusion (trained) retrain  tint" in out


def test_adapter_fusion_refuses_full_fine_tunes_before_anything_is_scored(capsys, tiny_zoo):
    code, out, err = run(capsys, "compare", tiny_zoo, "--methods", "average", "--fusion")
    assert code == 1
    assert "'color' is a full fine-tune" in err
    assert "experts" not in out
