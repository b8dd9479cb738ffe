"""Files that an earlier version wrote stay valid: a zoo, recipes, models, certificates, ledgers."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from studio.__main__ import main
from studio.checkpoints.checkpoint import open_checkpoint
from studio.evidence import verify_certificate
from studio.evidence.ledger.keys import open_key
from studio.recipe import load_recipe
from tests.conftest import ROOT

WRITTEN = Path(__file__).parent / "written_before"
BEFORE = "NOTE: It was written before version 2, and does not meet a rule of today: "
PASSPHRASE = "correct horse battery"  # of the key in signed-ledger, which signs nothing else


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """Version 0.1.0 wrote these; a copy, since a ledger is locked and a state is added to."""
    copy = Path(shutil.copytree(WRITTEN, tmp_path / "before"))
    (copy / "signed-ledger/signing_key.pem").chmod(0o600)  # as it was; Git keeps no such mode
    return copy


def run(*arguments: object) -> None:
    assert main([str(each) for each in arguments]) == 0


def test_its_recipe_merges_to_the_same_weights(before, capsys):
    run("merge", before / "zoo/recipe.yaml", "--out", before / "again", "--zoo", before / "zoo",
        "--ledger", before / "another-ledger")  # fmt: skip
    roots = [open_checkpoint(before / name).weights.root for name in ("merged", "again")]
    assert roots[0] == roots[1]
    records = [
        json.loads((before / name / "merge.json").read_text()) for name in ("merged", "again")
    ]
    assert records[0]["weights_root"] == records[1]["weights_root"] == roots[0]
    assert roots[0] in capsys.readouterr().out


@pytest.mark.parametrize("name", ["merged", "bundle", "signed"])
def test_its_recipe_digests_are_still_its_recipes(before, name):
    record = json.loads((before / name / "merge.json").read_text())
    recipe = load_recipe(before / name / "recipe.yaml")
    assert recipe.is_recorded_as(record["recipe_digest"], record["base"]["digest"])
    assert not replace(recipe, seed=1).is_recorded_as(
        record["recipe_digest"], record["base"]["digest"]
    )


def test_its_recipe_with_fitted_coefficients_is_read(before):
    recipe = load_recipe(before / "found.yaml")
    assert recipe.fitted is not None
    assert [name for name, _ in recipe.fitted.tasks] == ["color", "animal"]


def test_its_zoo_scores_as_it_did(before):
    run("evaluate", before / "zoo", "--recipe", before / "zoo/recipe.yaml", "--json", before / "s")
    assert json.loads((before / "s").read_text()) == json.loads(
        (before / "scores.json").read_text()
    )


@pytest.mark.parametrize(("bundle", "ledger"), [("bundle", "ledger"), ("signed", "signed-ledger")])
def test_its_certificate_is_verified_with_its_log_and_rebuilt(before, bundle, ledger, capsys):
    folder, kept = before / bundle, {"bundle": "color", "signed": "animal"}[bundle]
    run("verify", folder, "--certificate", folder / "certificate.dsse.json",
        "--public-key", folder / "public_key.pem", "--log", before / ledger / "audit.jsonl",
        "--rebuild", "--base", before / "zoo/base", "--tasks", before / "zoo" / kept)  # fmt: skip
    said = capsys.readouterr().out
    assert "exact-leave-one-out, pass" in said
    assert f"{BEFORE}The field 'predicate.version' is missing" in said
    half = f"{BEFORE}The signature has an s above half the order of the curve."
    assert (half in said) == (bundle == "bundle")


@pytest.mark.slow
@pytest.mark.parametrize("verifier", ["of today", "in the bundle"])
def test_its_bundle_passes_the_verifier_in_one_file(before, verifier):
    folder = before / "signed"
    script = {
        "of today": Path(verify_certificate.__file__),
        "in the bundle": folder / "verify_certificate.py",
    }[verifier]
    done = subprocess.run(
        [sys.executable, "-I", script, folder, folder / "certificate.dsse.json",
         folder / "public_key.pem"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ("NOTE    It was written before version 2" in done.stdout) == (verifier == "of today")


def test_its_ledger_is_listed_and_its_key_opens(before, capsys):
    run("log", "--ledger", before / "signed-ledger")
    assert "signed" in capsys.readouterr().out
    public = (before / "signed-ledger/public_key.pem").read_bytes()
    assert open_key(before / "signed-ledger", PASSPHRASE).public_pem == public


def test_its_removal_is_still_refused(before, capsys):
    arguments = ["merge", before / "zoo/recipe.yaml", "--out", before / "x", "--ledger",
                 before / "signed-ledger"]  # fmt: skip
    assert main([str(each) for each in arguments]) == 1
    assert "'color' is the checkpoint that was certified as removed" in capsys.readouterr().err
    assert not (before / "x").exists()


def test_its_sequence_takes_another_arrival(before):
    state = before / "arrivals.safetensors"
    run("sequence", "add", state, before / "zoo/animal", "--base", before / "zoo/base",
        "--out", before / "merged-here", "--ledger", before / "another-ledger")  # fmt: skip
    assert (before / "merged-here/model.safetensors").is_file()


def test_its_search_goes_on_from_its_record_to_the_same_end(before):
    run("optimize", before / "zoo", "--recipe", before / "zoo/recipe.yaml", "--optimizer", "adam",
        "--granularity", "task", "--budget", "4", "--loss", "labels",
        "--record", before / "search.json", "--out", before / "again.yaml")  # fmt: skip
    again, found = (load_recipe(before / name) for name in ("again.yaml", "found.yaml"))
    assert [t.coefficient for t in again.tasks] == [t.coefficient for t in found.tasks]
    assert again.fitted is not None
    assert found.fitted is not None
    assert again.fitted.tasks == found.fitted.tasks
    assert all(task.digest for task in again.tasks)  # which it did not write before
