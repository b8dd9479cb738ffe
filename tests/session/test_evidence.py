"""Evidence of a running session: checked, certified, verified, tampered with, recalled."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from studio.errors import (
    BadCertificate,
    BadLedger,
    BadRecipe,
    NotAllowed,
    OutputExists,
    StudioError,
)
from studio.evidence import bundle
from studio.evidence.certificate import CERTIFICATE_FILE, Request
from studio.evidence.checks import FAIL, PASS
from studio.evidence.rebuild import rebuilt_root
from studio.evidence.verify import verify
from studio.evidence.wording import ALGEBRAIC, EXACT
from studio.merge import open_merge
from studio.session.engine import Engine
from studio.session.evidence import Asked, scoring
from studio.session.jobs import JobState
from studio.session.results import Results
from studio.session.session import Session
from studio.ui.remedies import told
from tests import bertzoo
from tests.conftest import ROOT, refusal
from tests.session.test_session import move, rest

LINEAR = ("mdm_oc", "task_arithmetic", "average", "model_stock")


def opened(zoo: Path, folder: Path) -> Engine:
    engine = Engine(zoo, (zoo, folder), torch.device("cpu"), folder / "ledger")
    engine.start()
    return engine


@pytest.fixture
def session(tiny_zoo: Path, tmp_path: Path) -> Iterator[Session]:
    """The tiny zoo with a ledger of its own."""
    engine = opened(tiny_zoo, tmp_path)
    yield engine.session("")
    engine.close()


def ended(session: Session) -> JobState:
    deadline = time.monotonic() + 120
    while (state := session.engine.jobs.state) is None or state.running:
        assert time.monotonic() < deadline, "the job does not end"
        time.sleep(0.02)
    return state


def asked(folder: Path, operation: str = "remove", task: str = "", checkpoint: str = "") -> Asked:
    return Asked(operation, str(folder), task, checkpoint, Request("erasure request"))


def certified(session: Session, folder: Path, **fields) -> dict:
    """The predicate of a certificate that a job wrote."""
    session.evidence.start_certificate(asked(folder, **fields))
    state = ended(session)
    assert (state.phase, state.result) == ("done", str(folder)), state.words
    made = session.evidence.certified
    assert made is not None
    assert state.words == f"Wrote {folder} with certificate no. {made.number}"
    assert made.folder == folder
    return made.statement["predicate"]


def retrained(zoo: Path, folder: Path) -> Path:
    """The classifier of the tiny zoo, trained again: every tensor moved, its head too."""
    shutil.copytree(zoo / "color", folder)
    file, generator = folder / "model.safetensors", torch.Generator().manual_seed(7)
    moved = {
        name: value + 0.2 * torch.randn(value.shape, generator=generator)
        for name, value in load_file(file).items()
    }
    save_file(moved, file, {"format": "pt"})
    return folder


def test_of_a_method_that_needs_data_the_rebuild_is_not_run_and_nothing_certified(
    session, tmp_path
):
    session.move(session.mixer_value() | {"method": "fisher"})
    move(session, color={"on": False})
    session.evidence.start_checks()
    assert ended(session).phase == "done"
    judged = session.evidence.found()["exact"]
    assert judged.verdict[0] == "not run"
    assert "a separate process is given checkpoints only, no rows" in judged.verdict[1]
    session.evidence.start_certificate(asked(tmp_path / "out"))
    state = ended(session)
    assert (state.phase, "Nobody could check a certificate" in state.words) == ("failed", True)
    assert not (tmp_path / "out").exists()


def test_with_every_task_ticked_there_is_nothing_to_prove(session, tmp_path):
    proof = session.evidence
    assert (proof.unmerging(), proof.found(), proof.digests()) == (None, {}, [])
    assert proof.coefficients() is None
    for start in (
        proof.start_checks,
        lambda: proof.start_certificate(asked(tmp_path / "out")),
        lambda: proof.start_certificate(asked(tmp_path / "out", "subtract")),
    ):
        with pytest.raises(StudioError) as error:
            start()
        assert refusal(error) == "Nothing is unmerged: untick a task in the mixer first."
    assert session.engine.jobs.state is None


def test_what_cannot_be_subtracted_can_be_removed_says_the_page(session, tmp_path):
    session.move(session.mixer_value() | {"method": "iso_c"})
    move(session, color={"on": False})
    with pytest.raises(StudioError) as error:
        session.evidence.start_certificate(asked(tmp_path / "out", "subtract"))
    assert told(error.value) == (
        "iso_c forms one change of all tasks, so there is no component to subtract. "
        "Choose 'Remove exactly' instead, which merges the other tasks anew."
    )


@pytest.mark.slow
def test_unticking_a_task_and_running_the_checks_measures_both_operations(session):
    rest(session)
    move(session, color={"on": False, "coefficient": 0.5})
    session.evidence.start_checks()
    state = ended(session)
    found = session.evidence.found()
    assert state.name == "Checks without color"
    assert (state.phase, state.words) == ("done", found["exact"].verdict[1])
    assert set(found) == {"exact", "algebraic"}
    both = found["exact"], found["algebraic"]
    assert [each.verdict[0] for each in both] == [PASS, FAIL]
    assert [each.claim for each in both] == [EXACT, ALGEBRAIC]
    shown = session.evidence.unmerging()
    assert shown is not None
    assert [task.coefficient for task in shown.full.tasks] == [0.5, 0.71]
    assert [task.set_by for task in shown.full.tasks] == ["person", "default"]
    assert found["exact"].measures.root == rebuilt_root(open_merge(session.snapshot().recipe))
    assert found["algebraic"].measures.root == rebuilt_root(open_merge(shown.subtracted))
    assert found["exact"].measures.never_root == found["exact"].measures.root
    results = {check.id: check.result for check in found["exact"].checks}
    assert {key: results[key] for key in ("A1", "A2", "A3", "B1", "B2", "C1")} == dict.fromkeys(
        ("A1", "A2", "A3", "B1", "B2", "C1"), PASS
    )
    behaviour = found["exact"].measures.behaviour
    now = rest(session)
    assert behaviour is not None
    assert behaviour.after == {"color": now.scores["color"]}
    assert behaviour.own == {"color": now.experts["color"]}
    assert behaviour.base == {"color": now.base["color"]}
    assert behaviour.drop is not None
    assert (behaviour.drop.task, behaviour.drop.n) == ("animal", 50)
    everything = open_merge(shown.full)
    column = everything.mixing[:, 0]
    ranges = session.evidence.coefficients()
    assert ranges is not None
    assert ranges["color"][0] == pytest.approx((float(column.min()), float(column.max())))
    assert ranges["color"][2] is None
    assert ranges["animal"][2] is not None


def test_the_wait_for_experts_and_base_says_how_far_they_are():
    waits = iter([0.25, 0.75])

    class Waiting(Results):
        """Of which a piece is done at every look."""

        @property
        def references_done(self):
            self.references_share = next(waits, 1.0)
            return self.references_share == 1.0

        @references_done.setter
        def references_done(self, done):
            pass

    results, told_shares = Waiting(threading.Condition(), list), []
    worker: Any = SimpleNamespace(bench=SimpleNamespace(scored=lambda: ("a",)), results=results)
    found = scoring(worker)
    assert found
    assert found.base(lambda share, words: told_shares.append(share)) == {}
    assert told_shares == [0.25, 0.75]


def test_what_was_found_is_of_that_unmerge_alone_and_outlives_a_reload(session, rebuilt_here):
    rest(session)
    move(session, color={"on": False})
    version = session.evidence.version
    session.evidence.start_checks()
    ended(session)
    assert session.evidence.version > version
    found = session.evidence.found()
    again = session.engine.session("")
    again.attend()  # the page was opened anew
    assert again is session
    assert again.evidence.found() is found
    move(session, animal={"coefficient": 0.123})
    assert session.evidence.found() == {}  # other weights
    session.edit("undo")
    assert session.evidence.found() is found
    move(session, color={"on": True})
    assert session.evidence.found() == {}
    session.edit("undo")
    assert session.evidence.found() is found
    other = session.engine.session("another browser")
    assert other.evidence.found() == {}


@pytest.mark.slow
def test_a_certificate_of_a_warm_session_is_that_of_a_fresh_process(
    session, tmp_path, rebuilt_here
):
    """G2: whatever was moved before, the weights are those of a recipe without the task."""
    rest(session)
    for step, coefficient in enumerate((0.1, 0.9, 0.37, 1.21)):
        move(session, color={"on": step % 2 == 0, "coefficient": coefficient})
        session.edit("earlier:animal" if step % 2 else "undo")
        move(session, animal={"on": True, "coefficient": coefficient / 2})
        rest(session)
    move(session, color={"on": False}, animal={"on": True})
    rest(session)
    told = certified(session, tmp_path / "out")
    file = tmp_path / "recipe.yaml"
    file.write_text(session.recipe_text())
    assert [task["name"] for task in yaml.safe_load(file.read_text())["tasks"]] == ["animal"]
    run = subprocess.run(
        [sys.executable, "-m", "studio", "merge", str(file), "--out", str(tmp_path / "fresh"),
         "--ledger", str(tmp_path / "other ledger")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    fresh = json.loads((tmp_path / "fresh" / "merge.json").read_text())
    assert told["result"]["weights_root"] == fresh["weights_root"]
    assert (told["claim"], told["verdict"]["result"]) == (EXACT, "pass")


def test_a_bundle_is_written_verified_and_its_forgery_is_caught(session, tmp_path, rebuilt_here):
    rest(session)
    move(session, color={"on": False})
    told = certified(session, tmp_path / "out")
    proof = session.evidence
    assert told["signer"]["demo"]
    assert told["signer"]["fingerprint"] == session.engine.key.fingerprint
    assert {check["id"] for check in told["checks"] if check["result"] == "fail"} == set()
    assert sorted(each.name for each in (tmp_path / "out" / "heads").iterdir()) == ["animal"]
    assert session.mixer_value()["rows"][0]["on"] is False

    proof.start_verification(str(tmp_path / "out"))
    state = ended(session)
    assert (state.phase, state.words) == ("done", "out: passed.")
    assert proof.verified is not None
    assert (proof.verified[0], proof.verified[1].good) == ("out", True)

    proof.start_tampering(str(tmp_path / "out"))
    assert ended(session).words == "One byte of a copy was changed; the copy is deleted again."
    assert proof.tampered is not None
    assert not proof.tampered.found.good
    left = list(session.engine.temporary.path.glob("tampered-*"))
    assert left == []

    (tmp_path / "out" / "README.md").write_text("")
    proof.start_verification(str(tmp_path / "out"))
    assert ended(session).words == "out: did not pass."
    assert not proof.verified[1].good


def test_a_certificate_takes_over_what_the_checks_have_measured(
    session, tmp_path, rebuilt_here, monkeypatch
):
    rest(session)
    move(session, color={"on": False})
    session.evidence.start_checks()
    ended(session)

    def again(*given):
        raise AssertionError("measured twice")

    monkeypatch.setattr(bundle, "measure", again)
    for operation, mode in (("remove", "exact"), ("subtract", "algebraic")):
        told = certified(session, tmp_path / mode, operation=operation)
        known = session.evidence.found()[mode]
        assert told["verdict"] == {"result": known.verdict[0], "words": known.verdict[1]}
        assert told["claim"] == known.claim
        assert told["result"]["weights_root"] == known.measures.root


def test_a_replaced_checkpoint_is_another_one_under_the_same_name(
    session, tiny_zoo, tmp_path, rebuilt_here
):
    rest(session)
    new = retrained(tiny_zoo, tmp_path / "again")
    told = certified(
        session, tmp_path / "out", operation="replace", task="color", checkpoint=str(new)
    )
    old = session.worker.bench.deltas.checkpoints[0]
    assert (told["operation"], told["claim"]) == ("replace", EXACT)
    assert [each["digest"] for each in told["removed"]] == [old.digest]
    assert told["added"][0]["digest"] not in (old.digest, "")
    assert told["verdict"]["words"].startswith("The earlier checkpoint of color has no influence")
    out, kept = tmp_path / "out", [new, tiny_zoo / "animal"]
    found = verify(
        out, out / CERTIFICATE_FILE, out / "public_key.pem", tmp_path / "ledger" / "audit.jsonl",
        (tiny_zoo / "base", kept),
    )  # fmt: skip
    assert [each.words for each in found.findings if not each.good] == []
    assert session.zoo.tasks[0].checkpoint == str(tiny_zoo / "color")  # the open zoo is read-only


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"operation": "erase"}, BadCertificate, "asked for something unknown; reload the page."),
        (
            {"operation": "replace", "task": "color", "checkpoint": "/etc"},
            NotAllowed,
            "/etc is outside the folders this studio may use",
        ),
        ({"operation": "replace", "task": "color"}, NotAllowed, "Give a path."),
        (
            {"operation": "replace", "task": "cow", "checkpoint": "ZOO/animal"},
            BadRecipe,
            "The recipe has no task 'cow'; it has animal.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_job_starts(
    session, tiny_zoo, tmp_path, fields, error, words
):
    move(session, color={"on": False})
    given = {name: value.replace("ZOO", str(tiny_zoo)) for name, value in fields.items()}
    with pytest.raises(error) as caught:
        session.evidence.start_certificate(asked(tmp_path / "out", **given))
    assert words in refusal(caught)
    assert session.engine.jobs.state is None
    assert not (tmp_path / "out").exists()


def test_a_successor_that_is_the_same_folder_or_no_checkpoint_is_refused(
    session, tiny_zoo, tmp_path
):
    rest(session)
    (tmp_path / "empty").mkdir()
    for folder, words in (
        (
            tiny_zoo / "color",
            "'color' would be replaced by the same folder; give the retrained one.",
        ),
        (tmp_path / "empty", f"{tmp_path / 'empty'}"),
    ):
        session.evidence.start_certificate(asked(tmp_path / "out", "replace", "color", str(folder)))
        state = ended(session)
        assert state.phase == "failed"
        assert words in state.words
    assert not (tmp_path / "out").exists()
    assert session.engine.ledger.entries() == ()


def test_a_bundle_lies_inside_the_roots_and_over_nothing(session, tmp_path):
    move(session, color={"on": False})
    proof = session.evidence
    for folder in (Path("/etc/out"), tmp_path / ".." / ".." / "out"):
        with pytest.raises(NotAllowed):
            proof.start_certificate(asked(folder))
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputExists) as error:
        proof.start_certificate(asked(tmp_path / "out"))
    assert refusal(error) == f"{tmp_path / 'out'} exists already; choose another output folder."
    for start in (proof.start_verification, proof.start_tampering):
        with pytest.raises(NotAllowed):
            start("/etc")
        for folder in ("out", "nowhere"):
            with pytest.raises(BadCertificate) as error:
                start(str(tmp_path / folder))
            assert refusal(error) == f"{folder} is no bundle: it has no {CERTIFICATE_FILE}."
    assert session.engine.jobs.state is None


@pytest.mark.slow
def test_a_cancelled_certificate_leaves_nothing_and_no_entry(session, tmp_path):
    rest(session)
    move(session, color={"on": False})
    session.evidence.start_certificate(asked(tmp_path / "out"))
    session.cancel_job()
    state = ended(session)
    assert (state.phase, state.words) == ("cancelled", "Cancelled; nothing was written.")
    assert not (tmp_path / "out").exists()
    assert session.engine.ledger.entries() == ()
    assert session.evidence.certified is None


def test_copies_that_hold_the_task_are_known_until_they_are_recalled(
    session, tmp_path, rebuilt_here
):
    rest(session)
    session.exports.start_export(str(tmp_path / "shipped"))
    ended(session)
    move(session, color={"on": False})
    (shipped,) = session.evidence.copies()
    digests = session.evidence.digests()
    assert digests == [session.worker.bench.deltas.checkpoints[0].digest]
    assert (shipped.name, shipped.state, shipped.holds(digests)) == ("shipped", "alive", True)
    told = certified(session, tmp_path / "out")
    assert [each["name"] for each in told["copies"]["holding"]] == ["shipped"]
    out, _ = session.evidence.copies()
    assert session.evidence.certified is not None
    assert (out.certificate, out.holds(digests)) == (session.evidence.certified.digest, False)
    version = session.evidence.version
    with pytest.raises(BadLedger, match="still lies at"):
        session.evidence.recall(shipped.id)
    shutil.rmtree(tmp_path / "shipped")
    session.evidence.recall(shipped.id)
    assert session.evidence.version > version
    assert [each.state for each in session.evidence.copies()] == ["alive", "recalled"]
    for copy, words in ((shipped.id, "is marked as recalled already"), ("", "knows no copy ''")):
        with pytest.raises(BadLedger) as error:
            session.evidence.recall(copy)
        assert words in refusal(error)


def test_an_edited_log_is_told_where_copies_are_listed(session, tmp_path):
    rest(session)
    session.exports.start_export(str(tmp_path / "out"))
    ended(session)
    log = tmp_path / "ledger" / "audit.jsonl"
    log.write_text(log.read_text().replace('"name":"out"', '"name":"in"'))
    with pytest.raises(BadLedger) as error:
        session.evidence.copies()
    assert "Line 1 was edited" in refusal(error)


def test_the_drops_of_every_linear_method_are_measured_beside_the_page(session):
    before = rest(session)
    session.evidence.start_drops()
    state = ended(session)
    assert (state.phase, state.words) == (
        "done",
        "Measured what each unmerge costs the tasks that are kept.",
    )
    rows = [(each.method, each.task, each.mode) for each in session.evidence.drops]
    assert len(rows) == len(set(rows))
    assert set(rows) == {
        (method, task, mode)
        for method in LINEAR for task in ("color", "animal") for mode in ("rebuild", "subtract")
    }  # fmt: skip
    assert [row[0] for row in rows[:4]] == ["mdm_oc"] * 4  # the shown method first
    assert rest(session).scores == before.scores  # another live model was worn


def test_the_shown_method_has_the_coefficients_of_the_mix(session):
    rest(session)
    move(session, color={"coefficient": 0.0}, animal={"coefficient": 0.0})
    session.evidence.start_drops()
    ended(session)
    drops = [each for each in session.evidence.drops if each.method == "mdm_oc"]
    assert [(each.mean, each.same) for each in drops] == [(0.0, True)] * 4  # nothing was merged


def test_drops_can_be_cancelled_and_what_was_measured_stays(session):
    rest(session)
    session.evidence.start_drops()
    session.cancel_job()
    state = ended(session)
    assert (state.phase, state.words) == ("cancelled", "Cancelled; nothing was written.")
    assert len(session.evidence.drops) < 4 * len(LINEAR)
    session.evidence.start_drops()
    assert ended(session).phase == "done"
    assert len(session.evidence.drops) == 4 * len(LINEAR)


def test_a_zoo_without_rows_is_checked_by_its_weights_alone(tiny_copy, tmp_path, rebuilt_here):
    zoo = bertzoo.zoo()
    for task in zoo["tasks"]:
        task.pop("data")
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    engine = opened(tiny_copy, tmp_path)
    try:
        session = engine.session("")
        with pytest.raises(StudioError) as error:
            session.evidence.start_drops()
        assert refusal(error) == ("This zoo has no heads or no held-out rows, so nothing can drop.")
        move(session, color={"on": False})
        session.evidence.start_checks()
        assert ended(session).phase == "done"
        exact = session.evidence.found()["exact"]
        assert exact.verdict[0] == PASS
        assert [each.words for each in exact.checks if each.id in ("B2", "C1", "C2")] == [
            "No zoo with heads and held-out rows."
        ] * 3
    finally:
        engine.close()


@pytest.mark.slow
def test_one_job_at_a_time(session, tmp_path):
    rest(session)
    move(session, color={"on": False})
    session.evidence.start_checks()
    with pytest.raises(StudioError) as error:
        session.evidence.start_certificate(asked(tmp_path / "out"))
    assert refusal(error) == "'Checks without color' is still running; wait or cancel it."
    session.cancel_job()
    assert ended(session).phase == "cancelled"
    assert session.evidence.found() == {}
