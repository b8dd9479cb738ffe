"""The commands of ``sequence`` on a state of sums, as a user calls them."""

import argparse
import json

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.commands.sequence_state import add_state_commands
from studio.commands.sequence_sums import chosen_options
from studio.commands.tools import Commands
from studio.errors import BadRecipe, BadState, NotAllowed, StudioError
from studio.evidence.ledger import copies, register
from studio.evidence.ledger.log import Ledger
from studio.sequence.sums import open_sums


@pytest.fixture
def run(capsys, tmp_path):
    """Runs one command with the ledger in the test's folder; returns what it printed."""
    parser = argparse.ArgumentParser()
    level = parser.add_subparsers(required=True)
    add_state_commands(Commands(level, argparse.ArgumentParser(add_help=False)))

    def call(name, *arguments) -> str:
        more = ["--ledger", tmp_path / "ledger"] if name != "init" else []
        options = parser.parse_args([str(each) for each in (name, *arguments, *more)])
        options.run(options)
        return capsys.readouterr().out

    return call


def test_tasks_come_leave_by_receipt_or_checkpoint_and_the_model_is_written(
    run, tiny_zoo, tmp_path
):
    state, base, receipt = tmp_path / "s.safetensors", tiny_zoo / "base", tmp_path / "r"
    out = run("init", "--base", base, state, "--method", "additive")
    assert "no task so far, Task arithmetic" in out
    assert "the bits of a state that never had it" in out
    empty = state.read_bytes()
    out = run("add", state, tiny_zoo / "color", "--base", base, "--receipt", receipt)
    assert "'color' came with the coefficient 0.3, 1 task in it, root" in out
    assert f"its receipt, {receipt.stat().st_size:,} bytes. Who has it has the task's delta" in out
    alone = state.read_bytes()
    run("add", state, tiny_zoo / "animal", "--base", base, "--coefficient", "0.5", "--name", "zoo")
    out = run("remove", state, tiny_zoo / "animal", "--base", base)
    assert "'zoo' left, 1 task in it" in out
    assert state.read_bytes() == alone
    out = run("merge", state, "--base", base, "--out", tmp_path / "m")
    assert "1 task merged, weights root" in out
    record = json.loads((tmp_path / "m" / "merge.json").read_text())
    assert record["state_root"] == open_sums(state).root
    out = run("remove", state, "--base", base, "--receipt", receipt, "--out", tmp_path / "n")
    assert "'color' left, 0 tasks in it" in out
    assert state.read_bytes() == empty
    found = copies.copies(Ledger(tmp_path / "ledger"))
    assert [list(copy.tasks) for copy in found] == [[], ["color"]]


def test_methods_that_measure_take_rows_from_a_zoo_of_the_task_alone(run, tiny_zoo, tmp_path):
    state, base = tmp_path / "s.safetensors", tiny_zoo / "base"
    chosen = ("basis=activation", "strength=1", "rows=8")
    run(
        "init",
        "--base",
        base,
        state,
        "--method",
        "mdm_oc",
        *(x for o in chosen for x in ("--option", o)),
    )
    empty = state.read_bytes()
    with pytest.raises(BadState, match="needs what enters the layers of 'color' .*Give a zoo"):
        run("add", state, tiny_zoo / "color", "--base", base)
    run("add", state, tiny_zoo / "color", "--base", base, "--zoo", tiny_zoo)
    found = open_sums(state)
    assert found.options == {"basis": "activation", "strength": 1, "rows": 8}
    assert found.member("color").statistics
    assert any(term.startswith("left/") for term in found.counts)
    out = run("check", state, "--base", base, "--zoo", tiny_zoo)
    assert out.startswith("Exact: Built again from its 1 tasks, the state has the same bits")
    run("remove", state, tiny_zoo / "color", "--base", base, "--zoo", tiny_zoo)
    assert state.read_bytes() == empty


def test_a_check_without_the_tasks_holds_the_root_to_the_log(run, tiny_zoo, tmp_path):
    state, base = tmp_path / "s.safetensors", tiny_zoo / "base"
    run("init", "--base", base, state, "--method", "average")
    run("add", state, tiny_zoo / "color", "--base", base)
    assert run("check", state, "--base", base).startswith("Not known: The sums have the root")
    run("add", state, tiny_zoo / "animal", "--base", base)
    run("remove", state, tiny_zoo / "animal", "--base", base)
    out = run("check", state, "--base", base)
    assert out.startswith("Exact: The sums have the root")
    assert "that 2 entries of the log quote for 'color'" in out
    task = f"color={tiny_zoo / 'color'}"
    assert "same bits" in run("check", state, "--base", base, "--task", task)
    with pytest.raises(BadState, match="'color' came to .* but its checkpoint has the digest"):
        run("check", state, "--base", base, "--task", f"color={tiny_zoo / 'animal'}")
    with pytest.raises(StudioError, match="'color' names no checkpoint; write NAME=FOLDER"):
        run("check", state, "--base", base, "--task", "color")


def test_what_does_not_fit_is_refused_in_words(run, tiny_zoo, tmp_path):
    state, old, base = tmp_path / "s", tmp_path / "opcm", tiny_zoo / "base"
    run("init", "--base", base, old)
    run("init", "--base", base, state, "--method", "average")
    for arguments, error, words in [
        (("init", "--base", base, tmp_path / "t", "--method", "average", "--alpha", "0.5"),
         StudioError, "alpha are options of OPCM"),
        (("init", "--base", base, tmp_path / "t", "--coarser", "1"), StudioError, "OPCM takes"),
        (("init", "--base", base, tmp_path / "t", "--method", "ties"), BadRecipe, "is no sum over"),
        (("init", "--base", base, tmp_path / "t", "--method", "mdm_oc"), BadRecipe, "strength: 1"),
        (("add", old, tiny_zoo / "color", "--base", base, "--receipt", tmp_path / "r"),
         StudioError, "is a state of OPCM, which knows no coefficients and writes no receipts"),
        (("remove", old, tiny_zoo / "color", "--base", base), BadState, "cannot be undone"),
        (("check", old, "--base", base), BadState, "cannot be undone"),
        (("remove", state, "--base", base), StudioError, "A leaver needs its receipt, or its own"),
        (("remove", state, tiny_zoo / "color", "--base", base), BadState, "which holds no task"),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            run(*arguments)
    assert not (tmp_path / "t").exists()
    assert not (tmp_path / "r").exists()


def test_a_receipt_and_another_checkpoint_are_refused(run, tiny_zoo, tmp_path):
    state, base, receipt = tmp_path / "s", tiny_zoo / "base", tmp_path / "r"
    run("init", "--base", base, state, "--method", "average")
    run("add", state, tiny_zoo / "color", "--base", base, "--receipt", receipt)
    run("add", state, tiny_zoo / "animal", "--base", base)
    with pytest.raises(StudioError, match="is the receipt of 'color', but .* is 'animal'"):
        run("remove", state, tiny_zoo / "animal", "--base", base, "--receipt", receipt)
    assert len(open_sums(state).tasks) == 2


def test_a_removal_is_certified_and_verified_as_a_user_does(run, tiny_zoo, tmp_path, capsys):
    from tests.commands.conftest import run as studio

    state, base, receipt = tmp_path / "s", tiny_zoo / "base", tmp_path / "r"
    run("init", "--base", base, state, "--method", "average")
    run("add", state, tiny_zoo / "animal", "--base", base)
    run("add", state, tiny_zoo / "color", "--base", base, "--receipt", receipt)
    asked = ("remove", state, "--base", base, "--receipt", receipt, "--certify", "--demo-key")
    with pytest.raises(StudioError, match="--certify writes a folder; give --out"):
        run(*asked)
    with pytest.raises(StudioError, match="written in English alone"):
        run(*asked, "--out", tmp_path / "m", "--language", "de")
    assert len(open_sums(state).tasks) == 2
    kept = f"animal={tiny_zoo / 'animal'}"
    out = run(*asked, "--out", tmp_path / "m", "--task", kept, "--reference", "T-7")
    assert "'color' left, 1 task in it" in out
    assert "pass: 'color' left the state by an exact subtraction" in out
    assert "certificate " in out
    bundle = tmp_path / "m"
    given = ("--certificate", bundle / "certificate.dsse.json", "--public-key",
             bundle / "public_key.pem", "--log", tmp_path / "ledger" / "audit.jsonl")  # fmt: skip
    rebuild = ("--rebuild", "--base", base, "--tasks", tiny_zoo / "animal")
    code, said, _ = studio(capsys, "verify", bundle, *given, *rebuild)
    assert code == 0, said
    assert "ok: The state, built again from the kept tasks, has the root" in said
    assert "ok: The log has the removal of 'color' with the state's root after it." in said
    with pytest.raises(BadState, match="'color' is not in"):
        run(*asked, "--out", tmp_path / "twice")
    assert not (tmp_path / "twice").exists()


def test_what_was_certified_as_removed_does_not_come_and_may_leave(
    run, tiny_zoo, tmp_path, monkeypatch
):
    state, base = tmp_path / "s", tiny_zoo / "base"
    run("init", "--base", base, state, "--method", "average")
    run("add", state, tiny_zoo / "color", "--base", base)
    gone = open_checkpoint(tiny_zoo / "color")
    entry = register.Removed("old", gone.digest, gone.weights.root, "2026-01-02T00:00:00Z")
    monkeypatch.setattr(register, "removed", lambda ledger: [entry])
    with pytest.raises(NotAllowed, match="holds 'color'.*Let it leave the state first"):
        run("add", state, tiny_zoo / "animal", "--base", base)
    run("remove", state, tiny_zoo / "color", "--base", base)
    with pytest.raises(NotAllowed, match="'color' is the checkpoint that was"):
        run("add", state, tiny_zoo / "color", "--base", base)
    run("add", state, tiny_zoo / "animal", "--base", base)


def test_an_option_is_written_as_name_and_value():
    assert chosen_options(["strength=1", "basis=activation", "rank="]) == {
        "strength": 1, "basis": "activation", "rank": None,
    }  # fmt: skip
    with pytest.raises(StudioError, match="'strength' is no option; write NAME=VALUE"):
        chosen_options(["strength"])
