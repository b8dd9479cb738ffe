"""``log`` as a user calls it."""

import json

import pytest

from tests.commands.conftest import run


@pytest.fixture
def ledger(capsys, recipe_file, tmp_path):
    """A ledger that knows of one export."""
    folder = tmp_path / "ledger"
    asked = ("merge", recipe_file, "--out", tmp_path / "merged", "--ledger", folder)
    assert run(capsys, *asked)[0] == 0
    return folder


def test_an_export_is_shown_and_written(capsys, ledger, tmp_path):
    code, out, err = run(capsys, "log", "--ledger", ledger, "--json", tmp_path / "log.json")
    assert (code, err) == (0, "")
    assert "merged  alive  uncertified  holds animal, color" in out
    assert '"merged"' in json.dumps(json.loads((tmp_path / "log.json").read_text()))


def test_a_log_that_was_changed_leaves_with_1(capsys, ledger):
    log = ledger / "audit.jsonl"
    log.write_text(log.read_text().replace("merged", "melted"))
    code, _, err = run(capsys, "log", "--ledger", ledger)
    assert (code, err) == (1, "studio: The log does not pass; see the lines above.\n")
