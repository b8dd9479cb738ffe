"""Copies: what the ledger knows of exports, and which checkpoints it keeps out."""

import json
import shutil

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.weights import Weights
from studio.commands.remedies import told
from studio.errors import BadLedger, NotAllowed
from studio.evidence.ledger.copies import Copy, copies, recall_copy
from studio.evidence.ledger.events import CERTIFICATE, OVERRIDE, RECALLED
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.register import refuse_removed, removed
from studio.evidence.logged_export import Account, export_merge, logged_export
from studio.evidence.wording import ALGEBRAIC, CARRIED_OVER, EXACT
from studio.export.model import MergedModel
from studio.export.plan import ExportPlan
from studio.merge import Merge, open_merge
from tests.conftest import refusal


def certificate(ledger: Ledger, merge: Merge, task: str, **changes) -> None:
    """Log a certificate on one task of a merge, as the studio does."""
    found = merge.deltas.checkpoints[merge.deltas.tasks.index(task)]
    gone = {"task": task, "digest": found.digest, "weights_root": found.weights.root}
    content = {"copy": "c", "certificate": "f" * 64, "claim": EXACT, "verdict": "pass"}
    content |= {"demo": False, "removed": [gone], "inputs": [merge.base.digest]}
    ledger.append(CERTIFICATE, content | changes)


def test_an_export_is_known_by_what_it_holds_and_its_place_stays_out_of_the_log(
    ledger, merge, tmp_path
):
    root = export_merge(
        merge, ExportPlan(tmp_path / "secret-place" / "out"), account=Account(ledger)
    ).root
    (copy,) = copies(ledger)
    red, green = merge.deltas.checkpoints
    assert (copy.name, copy.root, copy.base) == ("out", root, merge.base.digest)
    assert copy.tasks == {"red": red.digest, "green": green.digest}
    assert (copy.state, copy.certificate, copy.orphan) == ("alive", "", False)
    assert copy.path == tmp_path / "secret-place" / "out"
    log = (ledger.folder / "audit.jsonl").read_text()
    assert "secret-place" not in log
    assert str(tmp_path) not in log
    assert json.loads((ledger.folder / "places.json").read_text()) == {copy.id: str(copy.path)}
    assert list((ledger.folder / "pending").iterdir()) == []


def test_a_copy_holds_a_checkpoint_by_its_digest_not_by_its_name(ledger, merge, tmp_path):
    export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger))
    (copy,) = copies(ledger)
    red = merge.deltas.checkpoints[0].digest
    assert copy.holds([red])
    assert copy.holds(["0" * 64, red])
    assert not copy.holds(["red", "0" * 64])
    assert not copy.holds([])


def test_a_copy_is_missing_once_other_weights_or_none_lie_in_its_place(ledger, merge, tmp_path):
    def states() -> dict[str, str]:
        return {each.name: each.state for each in copies(ledger)}

    export_merge(merge, ExportPlan(tmp_path / "one"), account=Account(ledger))
    export_merge(
        open_merge(merge.recipe.without("red")),
        ExportPlan(tmp_path / "two"),
        account=Account(ledger),
    )
    assert states() == {"two": "alive", "one": "alive"}
    assert list(states()) == ["two", "one"]  # the latest first
    (tmp_path / "one").rename(tmp_path / "elsewhere")
    assert states() == {"two": "alive", "one": "missing"}
    shutil.copytree(tmp_path / "two", tmp_path / "one")
    assert states()["one"] == "missing"  # the weights of the other
    shutil.rmtree(tmp_path / "one")
    (tmp_path / "elsewhere").rename(tmp_path / "one")
    assert states() == {"two": "alive", "one": "alive"}


def test_a_ledger_that_was_copied_elsewhere_knows_no_places(ledger, merge, tmp_path):
    export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger))
    (ledger.folder / "places.json").unlink()
    (copy,) = copies(ledger)
    assert (copy.path, copy.state) == (None, "missing")


def test_a_copy_is_recalled_once_it_is_gone_and_alive_if_it_is_there_again(ledger, merge, tmp_path):
    export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger))
    (alive,) = copies(ledger)
    with pytest.raises(BadLedger) as error:
        recall_copy(ledger, alive.id)
    assert refusal(error) == (
        f"The copy {alive.id} still lies at {tmp_path / 'out'}. Delete it there, and wherever "
        "else it went, before it is marked as recalled."
    )
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    assert recall_copy(ledger, alive.id).state == "missing"
    assert [each.state for each in copies(ledger)] == ["recalled"]
    (tmp_path / "elsewhere").rename(tmp_path / "out")
    assert [each.state for each in copies(ledger)] == ["alive"]
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    assert (ledger.entries()[-1].event, ledger.entries()[-1].content) == (
        RECALLED,
        {"copy": alive.id},
    )
    with pytest.raises(BadLedger) as error:
        recall_copy(ledger, alive.id)
    assert refusal(error) == f"The copy {alive.id} (out) is marked as recalled already."
    assert len(ledger.entries()) == 2


def test_a_copy_that_the_ledger_does_not_know_cannot_be_recalled(ledger, merge, tmp_path):
    with pytest.raises(BadLedger) as error:
        recall_copy(ledger, "abc")
    assert refusal(error) == "The ledger knows no copy 'abc'; it knows none."
    export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger))
    (known,) = copies(ledger)
    with pytest.raises(BadLedger) as error:
        recall_copy(ledger, "")
    assert refusal(error) == f"The ledger knows no copy ''; it knows {known.id} (out)."


def test_without_a_ledger_an_export_is_just_written(merge, tmp_path):
    made = logged_export(MergedModel(merge), tmp_path / "out", None)
    assert made.root == open_checkpoint(tmp_path / "out").digest
    assert [each.name for each in tmp_path.iterdir() if each.name == "ledger"] == []


def test_only_certificates_that_bind_and_rebuild_remove_a_checkpoint(ledger, merge):
    certificate(ledger, merge, "red", demo=True)
    certificate(ledger, merge, "red", claim=ALGEBRAIC)
    assert removed(ledger) == []
    certificate(ledger, merge, "red")
    certificate(ledger, merge, "green", claim=CARRIED_OVER)  # the weights have no part of it
    red, green = merge.deltas.checkpoints
    assert [(each.task, each.digest, each.root) for each in removed(ledger)] == [
        ("red", red.digest, red.weights.root),
        ("green", green.digest, green.weights.root),
    ]
    assert [each.time for each in removed(ledger)] == [e.time for e in ledger.entries()[2:]]


def test_an_empty_register_is_asked_without_reading_any_weights(
    ledger, make_recipe, monkeypatch, merge
):
    def read(weights: Weights) -> str:
        raise AssertionError("weights were read")

    fresh = make_recipe("red", "green")
    certificate(ledger, merge, "red", demo=True)
    monkeypatch.setattr(Weights, "root", property(read))
    refuse_removed(ledger, open_merge(fresh).deltas)
    monkeypatch.undo()
    certificate(ledger, merge, "red")
    monkeypatch.setattr(Weights, "root", property(read))
    with pytest.raises(AssertionError, match="weights were read"):
        refuse_removed(ledger, open_merge(fresh).deltas)


def test_a_refused_checkpoint_is_named_with_the_day_of_its_removal(ledger, merge, tmp_path):
    certificate(ledger, merge, "red")
    (gone,) = removed(ledger)
    with pytest.raises(NotAllowed) as error:
        export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger))
    assert told(error.value) == (
        f"'red' is the checkpoint that was certified as removed on {gone.time[:10]} (then called "
        "'red'). Leave it out, or pass --allow-removed, which is written into the log."
    )
    assert not (tmp_path / "out").exists()
    assert copies(ledger) == []
    export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger, allowed=True))
    override, export = ledger.entries()[-2:]
    assert (override.event, export.event) == (OVERRIDE, "export")
    assert override.content == {"task": "red", "weights_root": gone.root, "removed": gone.time}


def test_the_certificate_of_a_copy_is_the_one_that_names_it(ledger, merge, tmp_path):
    export_merge(merge, ExportPlan(tmp_path / "out"), account=Account(ledger))
    export_merge(merge, ExportPlan(tmp_path / "plain"), account=Account(ledger))
    (copy,) = (each for each in copies(ledger) if each.name == "out")
    certificate(ledger, merge, "red", copy=copy.id, certificate="a" * 64)
    found: dict[str, Copy] = {each.name: each for each in copies(ledger)}
    assert (found["out"].certificate, found["plain"].certificate) == ("a" * 64, "")
