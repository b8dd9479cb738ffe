"""The commands ``sequence init`` and ``sequence add``, as a user calls them."""

import argparse
import json

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.commands.sequence_state import add_state_commands
from studio.commands.tools import Commands
from studio.errors import BadRecipe, BadState, NotAllowed, OutputExists
from studio.evidence.ledger import copies, register
from studio.evidence.ledger.log import Ledger
from studio.evidence.logged_export import Account, export_merge
from studio.export.model import export
from studio.export.plan import ExportPlan
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from studio.sequence.state import open_state


@pytest.fixture
def run(capsys, tmp_path):
    """Runs one command with the ledger in the test's folder; returns what it printed."""
    parser = argparse.ArgumentParser()
    level = parser.add_subparsers(required=True)
    add_state_commands(Commands(level, argparse.ArgumentParser(add_help=False)))

    def call(name, *arguments) -> str:
        more = ["--ledger", tmp_path / "ledger"] if name == "add" else []
        options = parser.parse_args([str(each) for each in (name, *arguments, *more)])
        options.run(options)
        return capsys.readouterr().out

    return call


def test_a_sequence_is_begun_and_grows_and_its_model_is_the_recipes(run, tiny_zoo, tmp_path):
    state, base = tmp_path / "seq.safetensors", tiny_zoo / "base"
    out = run("init", "--base", base, state, "--alpha", "0.4", "--block", "paper")
    assert "no task so far" in out
    assert "A state cannot be undone" in out
    out = run("add", state, tiny_zoo / "color", "--base", base)
    assert "'color' arrived, 1 task in it, lambda 1.0000" in out
    out = run(
        "add", state, tiny_zoo / "animal", "--base", base, "--name", "zoo", "--out", tmp_path / "m"
    )
    assert "'zoo' arrived, 2 tasks in it, lambda 1." in out
    assert "needs the checkpoints of the kept tasks" in out
    tasks = tuple(TaskEntry(name, str(tiny_zoo / name)) for name in ("color", "animal"))
    recipe = Recipe(str(base), tasks, "opcm", {"alpha": 0.4, "block": "paper"})
    root = export(open_merge(recipe), tmp_path / "recipe")
    assert f"2 tasks merged, weights root {root}" in out
    (copy,) = copies.copies(Ledger(tmp_path / "ledger"))
    assert (copy.state, copy.root, list(copy.tasks)) == ("alive", root, ["color", "zoo"])
    assert json.loads((tmp_path / "m" / "merge.json").read_text())["weights_root"] == root


def test_refusals_come_before_anything_is_written(run, tiny_zoo, tmp_path):
    state, base = tmp_path / "seq.safetensors", tiny_zoo / "base"
    with pytest.raises(BadRecipe, match=r"'alpha' is 1.5; it must be from 0.0 to 1.0"):
        run("init", "--base", base, state, "--alpha", "1.5")
    assert not state.exists()
    run("init", "--base", base, state)
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputExists):
        run("add", state, tiny_zoo / "color", "--base", base, "--out", tmp_path / "there")
    with pytest.raises(BadState, match="is a state on the base"):
        run("add", state, tiny_zoo / "color", "--base", tiny_zoo / "color", "--out", tmp_path / "m")
    assert open_state(state).tasks == ()
    assert not (tmp_path / "m").exists()


def test_removed_checkpoints_neither_arrive_nor_leave(run, tiny_zoo, tmp_path, monkeypatch):
    state, base = tmp_path / "seq.safetensors", tiny_zoo / "base"
    run("init", "--base", base, state)
    run("add", state, tiny_zoo / "color", "--base", base)
    for name, words in (("animal", "'animal' is the checkpoint"), ("color", "holds 'color'")):
        gone = open_checkpoint(tiny_zoo / name)
        entry = register.Removed("old", gone.digest, gone.weights.root, "2026-01-02T00:00:00Z")
        monkeypatch.setattr(register, "removed", lambda ledger, entry=entry: [entry])
        with pytest.raises(NotAllowed, match=f"{words}.*removed on 2026-01-02"):
            run("add", state, tiny_zoo / "animal", "--base", base)
    assert len(open_state(state).tasks) == 1


@pytest.mark.parametrize("role", ["is", "was merged from"])
def test_a_base_that_was_removed_is_refused(run, tiny_zoo, tmp_path, monkeypatch, role):
    """As a copy of the removed checkpoint, or as a model that was merged from it."""
    base = tiny_zoo / "color"
    if role != "is":
        base = tmp_path / "above"
        entry = TaskEntry("color", str(tiny_zoo / "color"))
        merge = open_merge(Recipe(str(tiny_zoo / "base"), (entry,), "task_arithmetic"))
        export_merge(merge, ExportPlan(base), account=Account(Ledger(tmp_path / "ledger")))
    run("init", state := tmp_path / "seq.safetensors", "--base", base)
    gone = open_checkpoint(tiny_zoo / "color")
    entry = register.Removed("old", gone.digest, gone.weights.root, "2026-01-02T00:00:00Z")
    monkeypatch.setattr(register, "removed", lambda ledger: [entry])
    words = f"The base {role} the checkpoint that was certified.*Begin a state on another base"
    with pytest.raises(NotAllowed, match=words):
        run("add", state, tiny_zoo / "animal", "--base", base)
    assert len(open_state(state).tasks) == 0


def test_a_state_with_a_model_that_was_merged_from_what_was_removed_is_refused(
    run, tiny_zoo, tmp_path, monkeypatch
):
    state, base = tmp_path / "seq.safetensors", tiny_zoo / "base"
    entry = TaskEntry("color", str(tiny_zoo / "color"))
    merge = open_merge(Recipe(str(base), (entry,), "task_arithmetic"))
    account = Account(Ledger(tmp_path / "ledger"))
    export_merge(merge, ExportPlan(tmp_path / "above"), account=account)
    run("init", state, "--base", base)
    run("add", state, tmp_path / "above", "--base", base)
    gone = open_checkpoint(tiny_zoo / "color")
    old = register.Removed("old", gone.digest, gone.weights.root, "2026-01-02T00:00:00Z")
    monkeypatch.setattr(register, "removed", lambda ledger: [old])
    words = "holds 'above', which was merged from what was certified as removed on 2026-01-02"
    with pytest.raises(NotAllowed, match=words):
        run("add", state, tiny_zoo / "animal", "--base", base)
