"""Commands over a zoo of taggers: what stands beside an accuracy, and a certificate."""

import json

import pytest

from studio.recipe import save_recipe
from studio.zoo import load_zoo
from tests.commands.conftest import run
from tests.tasks.kinds import taggers


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    return taggers.two_experts(tmp_path_factory.mktemp("taggers") / "zoo")


def test_evaluate_says_and_writes_the_f1_of_entities_with_its_interval(capsys, zoo, tmp_path):
    code, out, err = run(capsys, "evaluate", zoo, "--json", tmp_path / "s.json")
    assert code == 0, err
    found = json.loads((tmp_path / "s.json").read_text())["tasks"]["first"]
    share = found["besides"]["entity F1"]
    assert list(share) == ["value", "low", "high", "interval"]
    assert (found["accuracy"], share["value"], share["high"]) == (1, 1, pytest.approx(1))
    assert f"first, entity F1 1.0000 [{share['low']:.4f}, 1.0000]" in out


def test_unmerge_certifies_a_tagger_and_the_card_has_the_f1(capsys, zoo, tmp_path, rebuilt_here):
    save_recipe(load_zoo(zoo).recipe("task_arithmetic", 0.4), tmp_path / "recipe.yaml")
    out_folder = tmp_path / "made"
    code, _, err = run(
        capsys, "unmerge", tmp_path / "recipe.yaml", "--task", "second", "--zoo", zoo, "--certify",
        "--demo-key", "--ledger", tmp_path / "ledger", "--out", out_folder,
    )  # fmt: skip
    assert code == 0, err
    (card,) = (file.read_text() for file in out_folder.rglob("README.md"))
    assert "(entity F1 " in card
    measured = json.loads((out_folder / "merge.json").read_text())["scores"]
    assert measured["first"]["besides"]["entity F1"]["interval"] == "cluster-bootstrap"
    asked = ("--certificate", out_folder / "certificate.dsse.json")
    asked += ("--public-key", out_folder / "public_key.pem")
    assert run(capsys, "verify", out_folder, *asked)[0] == 0
