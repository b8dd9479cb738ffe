"""Commands over a zoo of losses, and over one of both metrics, as a user calls them."""

import csv
import json

import pytest

from studio.recipe import load_recipe, save_recipe
from studio.zoo import load_zoo
from tests.commands.conftest import run
from tests.tasks.kinds import toy_loss


@pytest.fixture(scope="module", autouse=True)
def known():
    with toy_loss.known():
        yield


@pytest.fixture(scope="module")
def losses(tiny_zoo, tmp_path_factory):
    return toy_loss.build(tiny_zoo, tmp_path_factory.mktemp("losses") / "zoo")


@pytest.fixture(scope="module")
def mixed(tiny_zoo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed") / "zoo"
    return toy_loss.build(tiny_zoo, folder, mixed=True, head_only=False)


def recipe(zoo, folder, method="mdm_oc"):
    save_recipe(load_zoo(zoo).recipe(method), folder / "recipe.yaml")
    return folder / "recipe.yaml"


def test_evaluate_writes_losses_as_the_contract_has_them(capsys, losses, mixed, tmp_path):
    file = tmp_path / "s.json"
    code, out, err = run(capsys, "evaluate", losses, "--json", file)
    found = json.loads(file.read_text())
    assert code == 0, err
    assert list(found["tasks"]["color"]) == [
        "loss", "bits_per_byte", "n", "low", "high", "interval",
    ]  # fmt: skip
    assert found["tasks"]["color"]["interval"] == "bootstrap"
    assert found["mean"] == pytest.approx(
        (found["tasks"]["color"]["loss"] + found["tasks"]["animal"]["loss"]) / 2
    )
    assert "mean loss" in out
    assert "less is better" in out
    run(capsys, "evaluate", mixed, "--json", file)
    found = json.loads(file.read_text())
    assert found["mean"] is None
    assert found["means"]["accuracy"]["mean"] == found["tasks"]["animal"]["accuracy"]
    assert found["means"]["loss"]["mean"] == found["tasks"]["color"]["loss"]


def test_compare_ranks_by_the_lowest_loss_and_tunes_on_it(capsys, losses, tmp_path):
    file = tmp_path / "c.json"
    code, out, _ = run(
        capsys, "compare", losses, "--methods", "average,mdm_oc", "--tune", "--uad", "--json", file
    )
    found = json.loads(file.read_text())
    assert code == 0
    means = [each["mean"] for each in found["methods"].values()]
    assert means == sorted(means)
    assert "accuracy" not in out.split("Tasks taken out")[0]
    for name in ("average", "mdm_oc"):
        tuned, plain = found["methods"][f"{name} (tuned)"], found["methods"][name]
        assert tuned["validation"]["mean"] <= plain["validation"]["mean"]
        rival = plain["rival"]
        assert rival["metric"] == "loss"
        other = found["methods"][rival["name"]]["mean"]
        assert rival["mean"] == pytest.approx(plain["mean"] - other)
        merged, floor = plain["tasks"], found["head_only"]["tasks"]
        experts = found["experts"]["tasks"]
        gain = sum(floor[task]["loss"] - experts[task]["loss"] for task in floor)
        kept = sum(floor[task]["loss"] - merged[task]["loss"] for task in floor)
        assert plain["gain_kept"] == pytest.approx(kept / gain)
    for each in found["uad"]["removals"]:
        assert each["metric"] == "loss"
        assert "removed_loss" in each
        before = found["methods"][each["method"]]["tasks"][each["worst_task"]]["loss"]
        assert each["mean"] == pytest.approx(each["worst"])
        assert before + each["worst"] > 0


def test_compare_and_uad_keep_the_metrics_of_a_mixed_zoo_apart(capsys, mixed, tmp_path):
    file = tmp_path / "c.json"
    code, out, _ = run(
        capsys, "compare", mixed, "--methods", "average,mdm_oc", "--uad", "--json", file
    )
    found = json.loads(file.read_text())
    assert code == 0
    assert "accuracy or loss" in out
    assert "a point of accuracy counts as a percent of a loss" in out
    assert found["methods"]["average"]["rival"]["metric"] == "accuracy and loss"
    removed = {(x["task"], x.get("metric")) for x in found["uad"]["removals"]}
    assert removed == {("color", None), ("animal", "loss")}


def test_optimize_lowers_the_loss_and_says_what_that_is_worth(capsys, losses, tmp_path):
    file, out_file, json_file = recipe(losses, tmp_path), tmp_path / "o.yaml", tmp_path / "o.json"
    asked = ("optimize", losses, "--recipe", file, "--out", out_file, "--budget", 5, "--batch", 4)
    code, out, _ = run(capsys, *asked, "--json", json_file)
    found = json.loads(json_file.read_text())
    assert code == 0
    assert "Validation, seen by the search: mean loss" in out
    gain = found["gains"]["validation"]
    assert gain["metric"] == "loss"
    assert gain["change"] == pytest.approx(gain["after"] - gain["before"])
    assert load_recipe(out_file).fitted
    code, _, err = run(capsys, *asked[:4], "--out", tmp_path / "e.yaml", "--loss", "entropy")
    assert code != 0
    assert "'color' is scored by its loss" in err


def test_a_sweep_s_best_point_has_the_lowest_loss(capsys, losses, mixed, tmp_path):
    file, table = tmp_path / "s.json", tmp_path / "s.csv"
    asked = ("--over", "coefficients", "--levels", 2, "--json", file, "--csv", table)
    code, out, _ = run(capsys, "sweep", losses, "--recipe", recipe(losses, tmp_path), *asked)
    found = json.loads(file.read_text())
    assert code == 0
    assert found["best"]["mean"] == min(each["mean"] for each in found["points"])
    assert found["best"]["change"]["metric"] == "loss"
    assert "mean loss" in out
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert float(rows[0]["mean loss"]) > 0
    code, out, _ = run(capsys, "sweep", mixed, "--recipe", recipe(mixed, tmp_path), *asked)
    assert code == 0
    assert "mean accuracy" in out
    assert {"mean", "mean loss"} <= set(next(csv.reader(table.read_text().splitlines())))


def test_a_sequence_tells_forgetting_of_a_loss_as_below_0(capsys, losses, mixed, tmp_path):
    file = tmp_path / "q.json"
    code, out, _ = run(capsys, "sequence", "run", losses, "--methods", "average", "--json", file)
    found = json.loads(file.read_text())
    own = found["methods"]["average"]["orders"][0]
    assert code == 0
    assert own["loss_bwt"][1] == pytest.approx(own["matrix"][0][0] - own["matrix"][1][0])
    base = found["base"]["tasks"]["animal"]["loss"]
    assert own["loss_fwt"][1] == pytest.approx(base - own["matrix"][0][1])
    assert "BWT of loss" in out
    assert "acc" not in own
    code, out, _ = run(capsys, "sequence", "run", mixed, "--methods", "average", "--orders", 2)
    assert code == 0
    assert "no mean over orders is formed there" in out


@pytest.mark.parametrize("mode", ["exact", "algebraic"])
def test_unmerge_certifies_a_task_with_a_loss(capsys, mixed, tmp_path, rebuilt_here, mode):
    file, out_folder = recipe(mixed, tmp_path), tmp_path / "made"
    code, _, err = run(
        capsys, "unmerge", file, "--task", "color", "--mode", mode, "--zoo", mixed, "--certify",
        "--demo-key", "--ledger", tmp_path / "ledger", "--out", out_folder,
    )  # fmt: skip
    assert code == 0, err
    made = {file.name: file.read_text() for file in out_folder.rglob("*") if file.suffix == ".html"}
    assert any("Loss on the removed task" in text for text in made.values()), list(made)
    assert "nats per token" in "".join(made.values())
    (card,) = (file.read_text() for file in out_folder.rglob("README.md"))
    assert "(perplexity " in card
    assert "Losses are in nats per token" in card
    asked = ("--certificate", out_folder / "certificate.dsse.json")
    asked += ("--public-key", out_folder / "public_key.pem")
    assert run(capsys, "verify", out_folder, *asked)[0] == 0
