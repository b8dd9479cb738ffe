"""Pending exports: noted before they are visible, logged after, taken back or told of later."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from studio.disk.folders import hold
from studio.errors import BadLedger, StudioError
from studio.evidence.ledger import pending
from studio.evidence.ledger.copies import copies
from studio.evidence.ledger.keys import SigningKey, make_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.pending import adopt_orphans, announced, log_copy
from studio.evidence.logged_export import Account, export_merge, logged_export
from studio.export.model import MergedModel
from studio.export.plan import ExportPlan
from studio.merge import open_merge
from tests.conftest import ROOT


@pytest.fixture
def key(ledger: Ledger) -> SigningKey:
    return make_key(ledger.folder, "three blind mice")


def note(ledger: Ledger, target: Path, name: str = "00ff") -> Path:
    """What an export that was cut off leaves in the ledger's folder."""
    file = ledger.folder / "pending" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"path": str(target)}))
    return file


def test_an_export_that_fails_leaves_no_entry_and_no_note(ledger, merge, tmp_path):
    class Full(MergedModel):
        def check(self, work: Path) -> None:
            assert len(list((ledger.folder / "pending").iterdir())) == 1
            raise StudioError("the disk is full")

    with pytest.raises(StudioError, match="the disk is full"):
        logged_export(Full(merge), tmp_path / "out", Account(ledger))
    assert ledger.entries() == ()
    assert list((ledger.folder / "pending").iterdir()) == []


def test_an_export_that_was_cut_off_before_the_log_is_adopted_once(ledger, merge, tmp_path):
    root = export_merge(merge, ExportPlan(tmp_path / "out")).root
    left = note(ledger, tmp_path / "out")
    assert adopt_orphans(ledger) == [
        "out was written, but the studio was stopped before the log knew of it: an orphan "
        "export, which counts as uncertified."
    ]
    (copy,) = copies(ledger)
    assert (copy.id, copy.root, copy.state) == ("00ff", root, "alive")
    assert (copy.orphan, copy.certificate) == (True, "")
    assert copy.tasks == MergedModel(merge).held["tasks"]
    assert not left.exists()
    assert adopt_orphans(ledger) == []
    assert len(ledger.entries()) == 1


def test_an_export_cut_off_before_its_folder_or_after_its_entry_is_no_orphan(
    ledger, merge, tmp_path
):
    nowhere = note(ledger, tmp_path / "nowhere", "01")
    (tmp_path / "other").mkdir()
    no_export = note(ledger, tmp_path / "other", "02")
    broken = note(ledger, tmp_path, "03")
    broken.write_text('{"path": ')
    assert adopt_orphans(ledger) == []
    assert ledger.entries() == ()
    root = export_merge(merge, ExportPlan(tmp_path / "out")).root
    log_copy(ledger, "04", tmp_path / "out", root, MergedModel(merge).held)
    logged = note(ledger, tmp_path / "out", "04")
    assert adopt_orphans(ledger) == []
    assert [each.event for each in ledger.entries()] == ["export"]
    assert not any(each.exists() for each in (nowhere, no_export, broken, logged))


def test_the_note_of_a_running_export_is_left_alone_in_this_process(ledger, merge, tmp_path):
    with announced(ledger, tmp_path / "out") as copy:
        export_merge(merge, ExportPlan(tmp_path / "out"))
        assert adopt_orphans(ledger) == []  # visible, not yet in the log, and not cut off
        assert (ledger.folder / "pending" / f"{copy}.json").exists()
        assert ledger.entries() == ()
    assert list((ledger.folder / "pending").iterdir()) == []


_HOLDING = """
import sys
from pathlib import Path
from studio.commands.remedies import told
from studio.disk.folders import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_the_note_of_a_running_export_is_left_alone_in_another_process(ledger, merge, tmp_path):
    export_merge(merge, ExportPlan(tmp_path / "out"))
    left = note(ledger, tmp_path / "out")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDING, str(left)], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        assert adopt_orphans(ledger) == []
        assert left.exists()
        other.communicate("\n")
    (words,) = adopt_orphans(ledger)
    assert "an orphan export" in words
    assert not left.exists()


def test_a_note_is_free_once_its_block_has_ended(ledger, tmp_path):
    left = note(ledger, tmp_path / "nowhere")
    with hold(left):
        assert adopt_orphans(ledger) == []
        assert left.exists()
    assert adopt_orphans(ledger) == []
    assert not left.exists()


def test_a_note_is_held_from_the_moment_it_can_be_found(ledger, tmp_path, monkeypatch):
    write = pending.write_file

    def look_at_once(path, text):
        write(path, text)
        adopt_orphans(ledger)

    monkeypatch.setattr(pending, "write_file", look_at_once)
    with announced(ledger, tmp_path / "out") as name:
        assert (ledger.folder / "pending" / f"{name}.json").exists()


def test_an_export_that_the_log_does_not_take_is_taken_back(
    make_recipe, ledger, tmp_path, monkeypatch
):
    """The log's disk is full, or the log is edited, between the rename and the entry."""

    def full(*given):
        raise BadLedger("no space left")

    monkeypatch.setattr(Ledger, "append_all", full)
    merge = open_merge(make_recipe("green"))
    with pytest.raises(BadLedger) as error:
        export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger))
    assert str(error.value) == "no space left"
    monkeypatch.undo()
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))
    assert adopt_orphans(ledger) == []
    assert copies(ledger) == []
    export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger))
    assert [each.state for each in copies(ledger)] == ["alive"]


def test_an_export_that_is_neither_logged_nor_taken_back_is_named_and_adopted(
    make_recipe, ledger, tmp_path, monkeypatch
):
    def full(*given):
        raise BadLedger("no space left.")

    def stuck(target):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Ledger, "append_all", full)
    monkeypatch.setattr(pending, "withdraw", stuck)
    with pytest.raises(BadLedger) as error:
        export_merge(
            open_merge(make_recipe("green")), ExportPlan(tmp_path / "out"), account=Account(ledger)
        )
    assert str(error.value) == (
        f"no space left. {tmp_path / 'out'} lies there and could not be taken back (Input/output "
        "error), and the log does not know it. Delete it, or the next start logs it as an orphan."
    )
    monkeypatch.undo()
    assert len(adopt_orphans(ledger)) == 1
    assert [(each.state, each.orphan) for each in copies(ledger)] == [("alive", True)]


def test_an_export_that_is_logged_and_not_signed_stays_and_is_named(
    make_recipe, ledger, key, tmp_path, monkeypatch
):
    ledger.append("key unlocked", {}, key)
    really = ledger._sign

    def full(head, key):
        if head.entries == 2:
            raise OSError(28, "No space left on device")
        really(head, key)

    monkeypatch.setattr(ledger, "_sign", full)
    with pytest.raises(BadLedger) as error:
        export_merge(
            open_merge(make_recipe("green")),
            ExportPlan(tmp_path / "out"),
            account=Account(ledger, key=key),
        )
    assert "event 2 is in the log, but its head could not be signed" in str(error.value)
    assert str(error.value).endswith(f"{tmp_path / 'out'} lies there, and the log knows it.")
    assert adopt_orphans(ledger) == []
    assert [(each.state, each.orphan) for each in copies(ledger)] == [("alive", False)]


def test_what_the_log_would_refuse_is_refused_before_anything_is_written(
    make_recipe, ledger, key, tmp_path
):
    ledger.append("key unlocked", {}, key)
    merge, other = open_merge(make_recipe("green")), make_key(tmp_path / "other", "x" * 12)
    with pytest.raises(BadLedger, match="The head is signed by the key"):
        export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger, key=other))
    (ledger.folder / "actor").write_text("")
    with pytest.raises(BadLedger, match="actor is empty"):
        export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger))
    assert [each.name for each in tmp_path.iterdir() if "out" in each.name] == []
    assert not list((ledger.folder / "pending").glob("*"))


def test_a_log_that_is_edited_while_an_export_is_written_stops_it_unseen(
    make_recipe, ledger, tmp_path
):
    ledger.append("something", {})
    log = ledger.folder / "audit.jsonl"

    def edited(share: float, words: str) -> None:
        if words.startswith("written"):
            log.write_bytes(log.read_bytes().replace(b"something", b"somethink"))

    with pytest.raises(BadLedger, match="was edited"):
        export_merge(
            open_merge(make_recipe("green")), ExportPlan(tmp_path / "out"),
            account=Account(ledger), progress=edited,
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_an_export_whose_certificate_is_not_in_the_log_is_told(make_recipe, ledger, tmp_path):
    export_merge(
        open_merge(make_recipe("green")), ExportPlan(tmp_path / "out"), account=Account(ledger)
    )
    (copy,) = copies(ledger)
    note = ledger.folder / "pending" / f"{copy.id}.json"
    note.write_text(json.dumps({"path": str(tmp_path / "out"), "certified": True}))
    assert adopt_orphans(ledger) == [
        "out is in the log, but the studio was stopped before its certificate was: it counts as "
        "uncertified."
    ]
    assert adopt_orphans(ledger) == []


def test_what_a_killed_export_began_is_swept_at_the_next_start(ledger, tmp_path):
    with announced(ledger, tmp_path / "out") as name:
        note = (ledger.folder / "pending" / f"{name}.json").read_text()
    (ledger.folder / "pending" / "00ff.json").write_text(note)
    (ledger.folder / "pending" / "00fe.early").write_text("{")
    half = tmp_path / ".out.abcdefgh.part"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    assert adopt_orphans(ledger) == [
        "out was begun, and the studio was stopped before it was whole: the half that was left is "
        "removed."
    ]
    assert not half.exists()
    assert list((ledger.folder / "pending").iterdir()) == []
