"""Bundles end to end: made, verified, tampered with, chained, and logged."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCertificate, BadRecipe, NotAllowed
from studio.evidence import bundle, verify_certificate
from studio.evidence.bundle import Certified, Operator, certify
from studio.evidence.certificate import CERTIFICATE_FILE, Request
from studio.evidence.envelope import opened
from studio.evidence.ledger.copies import copies
from studio.evidence.ledger.keys import SigningKey, demo_key, make_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.register import refuse_removed, removed
from studio.evidence.rebuild import rebuild_apart
from studio.evidence.tamper import tamper
from studio.evidence.unmerge import Unmerging, unmerging
from studio.evidence.verify import closing_words, verify
from studio.evidence.verify_certificate import contradictions
from studio.evidence.wording import ALGEBRAIC, CARRIED_OVER, EXACT, forbidden_in
from studio.merge import open_merge
from studio.recipe import Fitted, TaskEntry
from tests.conftest import refusal
from tests.hostile.hooks import forked
from tests.test_bits import METHODS

PASSPHRASE = "a horse a battery a staple"

pytestmark = pytest.mark.usefixtures("rebuilt_here")


@pytest.fixture
def rebuilt_apart(rebuilt_here, monkeypatch) -> None:
    """What a user gets: a process of its own, which takes seconds to start."""
    monkeypatch.setattr("studio.evidence.rebuild.rebuild_apart", rebuild_apart)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def key(ledger: Ledger) -> SigningKey:
    return make_key(ledger.folder, PASSPHRASE)


def certified(
    unmerged: Unmerging, target: Path, ledger: Ledger, key: SigningKey, **more
) -> Certified:
    operator = Operator(ledger, key, Request("erasure request"))
    return certify(open_merge, unmerged, target, operator, **more)


def sources(recipe) -> tuple[Path, list[Path]]:
    return Path(recipe.base), [Path(task.checkpoint) for task in recipe.tasks]


def check(made: Certified, ledger: Ledger, inputs=None):
    folder = made.folder
    return verify(
        folder, folder / CERTIFICATE_FILE, folder / "public_key.pem",
        ledger.folder / "audit.jsonl", inputs,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["fisher", "regmean"])
def test_no_certificate_is_made_that_nobody_could_check(make_recipe, tmp_path, ledger, key, method):
    unmerged = unmerging(make_recipe(method=method), ("red",))
    with pytest.raises(BadRecipe) as error:
        certified(unmerged, tmp_path / "out", ledger, key)
    assert "no rows. Nobody could check a certificate of it. Unmerge without" in refusal(error)
    assert not (tmp_path / "out").exists()
    assert not ledger.entries()


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_an_exact_removal_verifies_with_the_checkpoint_gone(
    make_recipe, tmp_path, ledger, key, method, options
):
    recipe = make_recipe(method=method, options=options, options_set_by="person")
    removal_verifies(unmerging(recipe, ("red",)), tmp_path, ledger, key)


@pytest.mark.parametrize("unknown", ["an option", "what the search used"])
def test_an_undeclared_removal_does_not_contradict_itself(
    make_recipe, tmp_path, ledger, key, unknown
):
    recipe = make_recipe("red", "green", "blue")
    if unknown == "an option":
        recipe = replace(recipe, options={"strength": 0.5})
    else:
        kept = [(t.name, open_checkpoint(t.checkpoint).digest) for t in recipe.tasks[1:]]
        fitted = Fitted("Adam", tuple(kept), used=("replay of red",))
        found = recipe.with_coefficients({"green": 0.3, "blue": 0.3})
        recipe = replace(found, fitted=fitted)
    made = certified(unmerging(recipe, ("red",)), tmp_path / "out", ledger, key)
    assert made.statement["predicate"]["verdict"]["result"] == "undeclared"
    assert contradictions(made.statement) == []


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mdm_oc", "iso_c"], ids=["everywhere", "one kind of machine"])
def test_an_exact_removal_verifies_with_a_rebuild_in_a_process_of_its_own(
    make_recipe, tmp_path, ledger, key, rebuilt_apart, method
):
    removal_verifies(unmerging(make_recipe(method=method), ("red",)), tmp_path, ledger, key)


def removal_verifies(unmerged: Unmerging, tmp_path: Path, ledger: Ledger, key: SigningKey) -> None:
    made = certified(unmerged, tmp_path / "out", ledger, key)
    predicate = made.statement["predicate"]
    assert (predicate["claim"], predicate["verdict"]["result"]) == (EXACT, "pass")
    shutil.rmtree(tmp_path / "red")
    found = check(made, ledger, sources(unmerged.never))
    assert found.good, found.findings
    words = " ".join(each.words for each in found.findings)
    assert "the same weights root" in words
    assert "The log knows this certificate." in words
    assert key.fingerprint in closing_words(found)[-1]


def test_the_certificate_says_what_an_auditor_asks(make_recipe, tmp_path, ledger, key):
    made = certified(unmerging(make_recipe(), ("red",)), tmp_path / "out", ledger, key)
    told = made.statement["predicate"]
    (gone,) = told["removed"]
    assert (gone["task"], gone["position"], gone["of"]) == ("red", 1, 3)
    assert gone["raw_coefficient"]["exact"] is None
    for mode, recipe in (("full", make_recipe()), ("algebraic", make_recipe().silenced("red"))):
        column = open_merge(recipe).mixing[:, 0]
        assert gone["raw_coefficient"][mode] == [float(column.min()), float(column.max())]
    assert [each["name"] for each in told["resolvedDependencies"]] == ["base", "green", "blue"]
    assert told["counterfactual"]["mixing"]["tasks"] == ["green", "blue"]
    rows = told["counterfactual"]["mixing"]["rows"]
    assert all(float.fromhex(x).hex() == x for row in rows for x in row)
    assert {each["id"]: each["result"] for each in told["checks"]}["A1"] == "pass"
    assert {each["id"]: each["result"] for each in told["checks"]}["B2"] == "not run"
    text = json.dumps(made.statement)
    assert str(tmp_path) not in text
    assert not re.search(rf"\b{re.escape(os.uname().nodename)}\b", text)  # no digest by chance
    assert len(made.statement["subject"]) == len(list(made.folder.rglob("*"))) - 1
    report = (made.folder / "report.html").read_text()
    assert not forbidden_in(report)
    assert "<script" not in report
    assert not list(verify_certificate.contradictions(made.statement))


def test_a_subtraction_is_certified_as_what_it_is(make_recipe, tmp_path, ledger, key):
    unmerged = unmerging(make_recipe(), ("red",), "algebraic")
    made = certified(unmerged, tmp_path / "out", ledger, key)
    told = made.statement["predicate"]
    assert (told["claim"], told["verdict"]["result"]) == (ALGEBRAIC, "fail")
    assert told["limits"]["approximate"].startswith("Approximate removal.")
    results = {each["id"]: each["result"] for each in told["checks"]}
    assert [results[key] for key in ("A1", "A2", "A3", "B1")] == ["fail"] * 4
    found = check(made, ledger, sources(unmerged.recipe))
    assert found.good  # the certificate is genuine, and says fail
    assert "This is no exact removal." in closing_words(found)


def test_coefficients_that_know_the_task_are_certified_as_carried_over(
    make_recipe, tmp_path, ledger, key
):
    fitted = replace(make_recipe(), fitted=Fitted("adam", (("red", "0" * 64),)))
    made = certified(unmerging(fitted, ("red",)), tmp_path / "out", ledger, key)
    told = made.statement["predicate"]
    assert (told["claim"], told["verdict"]["result"]) == (CARRIED_OVER, "fail")


def test_all_tasks_taken_out_leave_the_base(make_recipe, tmp_path, ledger, key):
    made = certified(unmerging(make_recipe("red"), ("red",)), tmp_path / "out", ledger, key)
    assert made.statement["predicate"]["verdict"]["result"] == "pass"
    assert check(made, ledger, (tmp_path / "base", [])).good


def test_replacing_is_one_operation_chained_to_the_removal(
    make_recipe, zoo_folder, tmp_path, ledger, key
):
    full = make_recipe("red", "blue")
    first = certified(unmerging(full, ("red",)), tmp_path / "first", ledger, key)
    new = TaskEntry("red", str(zoo_folder / "green"))
    second = certified(
        unmerging(full, ("red",), "exact", new), tmp_path / "second", ledger, key
    )  # fmt: skip
    told = second.statement["predicate"]
    assert told["operation"] == "replace"
    assert told["predecessor"] == first.digest
    assert (
        told["added"][0]["digest"] == open_merge(make_recipe("green")).deltas.checkpoints[0].digest
    )
    assert told["removed"][0]["task"] == told["added"][0]["task"] == "red"
    assert first.statement["predicate"]["predecessor"] is None
    inputs = zoo_folder / "base", [zoo_folder / "green", zoo_folder / "blue"]
    assert check(second, ledger, inputs).good


def test_a_rebuild_with_wrong_inputs_says_which(make_recipe, zoo_folder, tmp_path, ledger, key):
    made = certified(unmerging(make_recipe(), ("red",)), tmp_path / "out", ledger, key)

    def words(base: str, *tasks: str) -> str:
        found = check(made, ledger, (zoo_folder / base, [zoo_folder / name for name in tasks]))
        assert not found.good
        return " ".join(each.words for each in found.findings if not each.good)

    assert "blue is missing among the tasks." in words("base", "green")
    assert "is the removed checkpoint 'red'; leave it out" in words("base", "green", "blue", "red")
    shutil.copytree(zoo_folder / "base", zoo_folder / "other")
    from tests.conftest import draw, save_model

    save_model(zoo_folder / "other", draw(99))
    assert "is not the base that the certificate names" in words("other", "green", "blue")


@pytest.mark.slow
def test_the_standalone_verifier_in_the_bundle_agrees(make_recipe, tmp_path, ledger, key):
    made = certified(unmerging(make_recipe(), ("red",)), tmp_path / "out", ledger, key)
    run = subprocess.run(
        [sys.executable, "-I", "verify_certificate.py", ".", CERTIFICATE_FILE, "public_key.pem"],
        cwd=made.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert key.fingerprint in run.stdout


def test_one_flipped_bit_in_a_copy_is_found_and_the_bundle_stays_whole(
    make_recipe, tmp_path, ledger, key
):
    made = certified(unmerging(make_recipe(), ("red",)), tmp_path / "out", ledger, key)
    found = tamper(made.folder, made.folder / "public_key.pem", tmp_path)
    assert found.before ^ found.after == 1
    assert not found.found.good
    assert any(found.file in each.words for each in found.found.findings if not each.good)
    assert check(made, ledger).good
    assert not list(tmp_path.glob("tampered-*"))


def test_a_demo_key_says_so_and_binds_nothing(make_recipe, tmp_path, ledger):
    made = certified(unmerging(make_recipe(), ("red",)), tmp_path / "out", ledger, demo_key())
    assert made.statement["predicate"]["signer"]["demo"]
    found = check(made, ledger)
    assert found.good, found.findings
    assert "DEMO KEY: identity not established." in closing_words(found)
    assert "DEMO KEY: identity not established" in (made.folder / "report.html").read_text()
    assert removed(ledger) == []
    refuse_removed(ledger, open_merge(make_recipe()).deltas)


def test_a_removed_task_comes_back_only_by_an_override_that_is_logged(
    make_recipe, tmp_path, ledger, key
):
    """T-25."""
    certified(unmerging(make_recipe(), ("red",)), tmp_path / "out", ledger, key)
    assert [each.task for each in removed(ledger)] == ["red"]
    refuse_removed(ledger, open_merge(make_recipe("green", "blue")).deltas)
    shutil.copytree(tmp_path / "red", tmp_path / "crimson")  # the same weights by another name
    back = replace(
        make_recipe("green"), tasks=(TaskEntry("new", str(tmp_path / "crimson")),)
    )  # fmt: skip
    with pytest.raises(NotAllowed) as error:
        refuse_removed(ledger, open_merge(back).deltas)
    assert "'new' is the checkpoint that was certified as removed" in refusal(error)
    refuse_removed(ledger, open_merge(back).deltas, allowed=True)
    assert ledger.entries()[-1].event == "override"


def test_a_bundle_is_never_written_over_and_two_at_once_do_not_mix(
    make_recipe, tmp_path, ledger, key
):
    """T-20."""
    unmerged = unmerging(make_recipe(), ("red",))
    certified(unmerged, tmp_path / "out", ledger, key)
    with pytest.raises(Exception, match="exists already"):
        certified(unmerged, tmp_path / "out", ledger, key)
    assert len(copies(ledger)) == 1


def test_a_refused_export_leaves_no_folder_and_no_entry(make_recipe, tmp_path, ledger, key):
    full = make_recipe("red", "green", dtype="float16").with_coefficients({"green": 1e9})
    with pytest.raises(Exception, match="float16"):
        certified(unmerging(full, ("red",)), tmp_path / "out", ledger, key)
    assert not (tmp_path / "out").exists()
    assert ledger.entries() == ()


def test_a_kill_between_rename_and_log_leaves_an_orphan_that_counts_as_uncertified(
    make_recipe, tmp_path, ledger, one_thread
):
    """T-21."""
    from studio.evidence.ledger.pending import adopt_orphans

    def certified_and_killed() -> None:
        bundle.log_copy = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
        certified(unmerging(make_recipe(), ("red",)), tmp_path / "out", ledger, demo_key())

    assert forked(certified_and_killed) == -signal.SIGKILL
    assert (tmp_path / "out" / CERTIFICATE_FILE).is_file()  # whole, and signed
    assert ledger.entries() == ()
    (words,) = adopt_orphans(ledger)
    assert "an orphan export, which counts as uncertified" in words
    (copy,) = copies(ledger)
    assert (copy.orphan, copy.certificate, copy.state) == (True, "", "alive")
    out = tmp_path / "out"
    found = verify(
        out, out / CERTIFICATE_FILE, out / "public_key.pem", ledger.folder / "audit.jsonl"
    )
    assert not found.good
    assert "The log does not know this certificate." in found.findings[-1].words
    assert adopt_orphans(ledger) == []


def test_a_rolled_back_ledger_is_found_by_a_certificate(make_recipe, tmp_path, ledger, key):
    """T-22, with the head that a certificate quotes."""
    certified(unmerging(make_recipe(), ("red",)), tmp_path / "one", ledger, key)
    old = Path(shutil.copytree(ledger.folder, tmp_path / "old"))
    both = unmerging(make_recipe(), ("red", "blue"))
    second = certified(both, tmp_path / "two", ledger, key)
    assert check(second, ledger).good
    found = check(second, Ledger(old))
    assert not found.good


@pytest.mark.parametrize("claim", [EXACT, "something-better"])
def test_an_edited_claim_breaks_the_signature(make_recipe, tmp_path, ledger, key, claim):
    """T-23."""
    import base64

    made = certified(unmerging(make_recipe(), ("red",), "algebraic"), tmp_path / "out", ledger, key)
    file = made.folder / CERTIFICATE_FILE
    envelope = json.loads(file.read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"]["claim"] = claim
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    file.write_text(json.dumps(envelope))
    found = check(made, ledger)
    assert not found.good
    assert found.statement is None
    with pytest.raises(BadCertificate):
        opened(file.read_bytes(), key.public_pem)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"reason": "whim"}, "reason must be one of"),
        ({"received": "yesterday"}, "is not of the form YYYY-MM-DD"),
        ({"received": "2026-02-30"}, "is not of the form YYYY-MM-DD"),
        ({"received": "9999-12-31"}, "has not come yet"),
        ({"signer": "x" * 201}, "at most 200 printable letters"),
        ({"recipients": ("a\nb",)}, "no line of text"),
        ({"backups": "erased, fully GDPR-compliant"}, "never says 'GDPR-compliant'"),
    ],
)
def test_what_an_operator_declares_is_checked(fields, words):
    with pytest.raises(BadCertificate) as error:
        Request(**fields)
    assert words in refusal(error)


def test_two_removals_in_one_certificate(make_recipe, tmp_path, ledger, key):
    made = certified(unmerging(make_recipe(), ("red", "blue")), tmp_path / "out", ledger, key)
    told = made.statement["predicate"]
    assert [each["task"] for each in told["removed"]] == ["red", "blue"]
    assert told["verdict"]["result"] == "pass"
    assert "red and blue have no influence" in told["verdict"]["words"]


def test_a_replacement_of_two_is_refused(make_recipe, zoo_folder):
    new = TaskEntry("red", str(zoo_folder / "green"))
    with pytest.raises(BadRecipe):
        unmerging(make_recipe(), ("red", "blue"), "exact", new)


def test_a_subtracted_task_is_not_registered_as_removed(make_recipe, tmp_path, ledger, key):
    certified(unmerging(make_recipe(), ("red",), "algebraic"), tmp_path / "out", ledger, key)
    assert removed(ledger) == []


def test_a_certificate_lists_the_copies_that_still_hold_the_task(
    make_recipe, tmp_path, ledger, key
):
    from studio.evidence.ledger.copies import recall_copy
    from studio.evidence.logged_export import Account, export_merge
    from studio.export.plan import ExportPlan

    export_merge(
        open_merge(make_recipe()), ExportPlan(tmp_path / "shipped"), account=Account(ledger)
    )
    export_merge(
        open_merge(make_recipe("green")), ExportPlan(tmp_path / "innocent"), account=Account(ledger)
    )
    (alive,) = [c for c in copies(ledger) if c.name == "shipped"]
    made = certified(unmerging(make_recipe(), ("red",)), tmp_path / "one", ledger, key)
    (held,) = made.statement["predicate"]["copies"]["holding"]
    assert (held["id"], held["name"], held["state"]) == (alive.id, "shipped", "alive")
    shutil.rmtree(tmp_path / "shipped")
    assert {c.name: c.state for c in copies(ledger)}["shipped"] == "missing"
    recall_copy(ledger, alive.id, key)
    assert {c.name: c.state for c in copies(ledger)}["shipped"] == "recalled"
    made = certified(unmerging(make_recipe(), ("red",)), tmp_path / "two", ledger, key)
    (held,) = made.statement["predicate"]["copies"]["holding"]
    assert held["state"] == "recalled"
