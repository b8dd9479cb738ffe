"""The log for people and as JSON."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from studio.evidence.ledger.copies import Copy, copies, recall_copy
from studio.evidence.ledger.events import CERTIFICATE
from studio.evidence.ledger.keys import PUBLIC, SigningKey, demo_key
from studio.evidence.ledger.log import NOTHING, Ledger
from studio.evidence.ledger.report import copy_words, lines, plain, problems
from studio.evidence.logged_export import Account, export_merge
from studio.evidence.wording import EXACT
from studio.export.plan import ExportPlan
from studio.merge import open_merge
from tests.evidence.ledger.entries import exported

NOON = 1_795_003_200.0  # 2026-11-18T12:00:00Z


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger", lambda: NOON)


@pytest.fixture
def filled(ledger: Ledger, make_recipe, tmp_path) -> Ledger:
    """Two exports, the first with a certificate that removed red."""
    export_merge(
        open_merge(make_recipe("green", "blue")),
        ExportPlan(tmp_path / "one"),
        account=Account(ledger),
    )
    export_merge(
        open_merge(make_recipe("green")), ExportPlan(tmp_path / "two"), account=Account(ledger)
    )
    one = copies(ledger)[-1]
    gone = {"task": "red", "digest": "d" * 64, "weights_root": "e" * 64}
    ledger.append(
        CERTIFICATE,
        {"copy": one.id, "certificate": "c" * 64, "claim": EXACT, "verdict": "pass",
         "demo": False, "removed": [gone], "inputs": ["b" * 64]},
    )  # fmt: skip
    return ledger


def test_the_lines_are_the_chain_the_events_what_was_removed_and_the_copies(filled):
    two, one = copies(filled)
    at = "2026-11-18T12:00:00Z"
    assert lines(filled) == [
        f"The log is a whole chain of 3 entries with the head {filled.head().hash}.",
        "3 of them lie behind the signed head: they were written without the key, and the next "
        "entry that is signed with it covers them, too.",
        f"1  {at}  export  name one, copy {one.id}",
        f"2  {at}  export  name two, copy {two.id}",
        f"3  {at}  certificate  copy {one.id}, certificate {'c' * 64}, claim {EXACT}",
        f"removed: red, {'e' * 64} ({at})",
        f"copy {two.id}  two  alive  uncertified  holds green",
        f"copy {one.id}  one  alive  certificate cccccccccccccccc…  holds blue, green",
    ]


def test_a_recalled_copy_is_told_as_that(filled):
    shutil.rmtree(str(copies(filled)[0].path))
    recall_copy(filled, copies(filled)[0].id)
    assert any("  two  recalled  uncertified" in each for each in lines(filled))
    assert "4  2026-11-18T12:00:00Z  recalled  copy " in "\n".join(lines(filled))


def test_an_orphan_without_tasks_is_told_as_that():
    copy = Copy("01", "out", "", "r", {}, "b", "missing", None, "", True)
    assert copy_words(copy) == ("copy 01  out  missing, orphan export  uncertified  holds no task")


def test_an_empty_log_is_whole(ledger):
    assert lines(ledger) == [f"The log is a whole chain of 0 entries with the head {NOTHING}."]
    assert plain(ledger)["head"] == {"entries": 0, "hash": NOTHING}
    assert not ledger.folder.exists()  # nothing was made by looking


def test_the_plain_values_can_be_written_and_hold_no_place(filled, tmp_path):
    text = json.dumps(plain(filled))
    found = json.loads(text)
    assert str(tmp_path) not in text
    assert found["problems"] == []
    assert [each["seq"] for each in found["entries"]] == [1, 2, 3]
    assert [each["path"] for each in found["copies"]] == [None, None]
    assert [(each["task"], each["root"]) for each in found["removed"]] == [("red", "e" * 64)]
    assert found["head"] == {"entries": 3, "hash": filled.head().hash}


def test_of_a_log_that_was_edited_only_what_is_wrong_is_told(filled):
    log = filled.folder / "audit.jsonl"
    log.write_text(log.read_text().replace('"name":"one"', '"name":"won"'))
    fresh = Ledger(filled.folder)
    assert lines(fresh) == ["FAILED: Line 1 was edited: its hash does not fit what it says."]


def test_a_log_that_was_rolled_back_is_found_by_the_signed_head(ledger, tmp_path):
    """The ledger's own public key is what the head is checked with."""
    key: SigningKey = replace(demo_key(), demo=False)
    ledger.folder.mkdir()
    (ledger.folder / "signing_key.pem").write_text("sealed")
    (ledger.folder / PUBLIC).write_bytes(key.public_pem)
    ledger.append("export", exported(), key)
    shutil.copyfile(ledger.folder / "audit.jsonl", tmp_path / "old")
    ledger.append("recalled", {"copy": "1"}, key)
    assert problems(ledger) == []
    shutil.copyfile(tmp_path / "old", ledger.folder / "audit.jsonl")
    (words,) = problems(Ledger(ledger.folder))
    assert words.endswith("but the log has 1 entries: it was cut or rolled back.")
    assert lines(Ledger(ledger.folder)) == [f"FAILED: {words}"]


def test_a_head_that_another_key_signed_is_found(ledger):
    own, other = (replace(demo_key(), demo=False) for _ in range(2))
    ledger.append("export", exported(), other)
    assert problems(ledger) == []  # no key of its own to check with
    (ledger.folder / "signing_key.pem").write_text("sealed")
    (ledger.folder / PUBLIC).write_bytes(own.public_pem)
    assert problems(ledger) == [
        f"The head is signed by the key {other.fingerprint}, not by {own.fingerprint}."
    ]
