"""A task that was certified as removed stays out of every mix until somebody lets it in again."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from studio.checkpoints.deltas import Deltas
from studio.errors import NotAllowed
from studio.evidence.ledger.events import CERTIFICATE, OVERRIDE
from studio.evidence.ledger.fingerprint import fingerprint
from studio.evidence.ledger.keys import demo_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.register import removed
from studio.evidence.logged_export import Account, export_merge
from studio.evidence.wording import ALGEBRAIC, EXACT
from studio.export.plan import ExportPlan
from studio.merge import open_merge
from studio.session.admission import Admission
from studio.session.engine import Engine
from studio.session.session import Session
from tests.conftest import refusal
from tests.evidence.ledger.test_copies import certificate
from tests.session.test_evidence import certified, ended
from tests.session.test_session import move, rest

PASSPHRASE = "a horse a battery a staple"


@pytest.fixture
def opened(tiny_zoo: Path, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Starts studios that share a ledger."""
    engines: list[Engine] = []

    def start() -> Engine:
        engine = Engine(
            tiny_zoo, (tiny_zoo, tmp_path), torch.device("cpu"), tmp_path / "ledger"
        )  # fmt: skip
        engines.append(engine)
        return engine

    yield start
    for engine in engines:
        engine.close()


@pytest.fixture
def session(opened) -> Session:
    """It computes nothing: what is ticked does not depend on scores."""
    return opened().session("")


def log_removal(session: Session, task: str = "color", **changes) -> None:
    """The entry that a certificate leaves in the log."""
    deltas = session.worker.bench.deltas
    found = deltas.checkpoints[deltas.tasks.index(task)]
    gone = {"task": task, "digest": found.digest, "weights_root": found.weights.root}
    content = {"copy": "c", "certificate": "f" * 64, "claim": EXACT, "verdict": "pass"}
    content |= {"demo": False, "removed": [gone], "inputs": [deltas.base.digest]}
    session.engine.ledger.append(CERTIFICATE, content | changes)


def ticked(session: Session) -> tuple[str, ...]:
    return tuple(strip.name for strip in session.mix.strips if strip.on)


def recipe_with(session: Session, *tasks: str) -> str:
    entries = [
        {"name": name, "checkpoint": str(session.zoo.folder / name), "coefficient": 0.5}
        for name in tasks
    ]
    return yaml.safe_dump({"base": session.zoo.base, "method": "average", "tasks": entries})


@pytest.fixture
def running(opened, rebuilt_here) -> Session:
    """It computes, and certifies without the seconds of a separate process."""
    engine = opened()
    engine.start()
    session = engine.session("")
    rest(session)
    return session


def test_a_certificate_with_a_key_of_its_own_locks_the_task_it_removed(running, tmp_path):
    engine = running.engine
    engine.unlock(PASSPHRASE)
    assert running.admission.locked == {}
    move(running, color={"on": False})
    told = certified(running, tmp_path / "out")
    assert not told["signer"]["demo"]
    (gone,) = removed(engine.ledger)
    assert running.admission.locked == {"color": gone}
    assert (gone.task, gone.digest) == ("color", told["removed"][0]["digest"])
    assert ticked(running) == ("animal",)
    assert [strip.on for strip in running.mixer.pinned.strips] == [False, True]
    running.exports.start_export(str(tmp_path / "export"))
    ended(running)
    assert [each.event for each in engine.ledger.entries()] == [
        "key unlocked", "export", CERTIFICATE, "export",
    ]  # fmt: skip


def test_a_demonstration_locks_nothing(running, tmp_path):
    move(running, color={"on": False})
    told = certified(running, tmp_path / "demo")
    assert (told["signer"]["demo"], running.admission.locked) == (True, {})
    move(running, color={"on": True})
    assert ticked(running) == ("color", "animal")


@pytest.mark.parametrize(
    ("changes", "locked"),
    [
        ({}, True),
        ({"demo": True}, False),
        ({"claim": ALGEBRAIC, "verdict": "fail"}, False),
        ({"removed": [{"task": "color", "digest": "0" * 64, "weights_root": "0" * 64}]}, False),
    ],
)
def test_only_a_binding_removal_of_this_very_checkpoint_locks(session, changes, locked):
    log_removal(session, **changes)
    session.attend()
    assert ("color" in session.admission.locked) == locked
    assert ticked(session) == (("animal",) if locked else ("color", "animal"))


def test_no_way_through_the_mixer_brings_a_removed_task_back(session):
    move(session, animal={"coefficient": 0.3})
    move(session, color={"on": False})
    session.edit("pin")
    move(session, color={"on": True})
    log_removal(session)
    session.leave_out_removed()
    assert ticked(session) == ("animal",)
    for action in ("undo", "undo", "undo", "redo", "reset", "equal", "flip", "unflip",
                   "earlier:animal", "undo", "redo", "pin", "flip"):  # fmt: skip
        session.edit(action)
        assert "color" not in ticked(session), action
        assert not any(s.on for s in session.mixer.pinned.strips if s.name == "color"), action


def test_ticking_a_removed_task_is_refused_and_changes_nothing(session):
    log_removal(session)
    session.leave_out_removed()
    mix, (gone,) = session.mix, removed(session.engine.ledger)
    with pytest.raises(NotAllowed) as error:
        move(session, color={"on": True}, animal={"coefficient": 0.1})
    assert refusal(error) == (
        f"'color' was certified as removed on {gone.time[:10]}. The Unmerge tab can let it in "
        "again, which is written into the log."
    )
    assert session.mix == mix
    move(session, color={"coefficient": 0.9})  # its slider may move, unticked
    assert ticked(session) == ("animal",)


def test_a_task_that_was_let_in_is_locked_again_by_its_next_certificate(session):
    log_removal(session)
    session.evidence.allow("color")
    move(session, color={"on": True})
    assert "color" in ticked(session)
    log_removal(session, certificate="e" * 64)
    session.leave_out_removed()
    assert "color" not in ticked(session)
    with pytest.raises(NotAllowed, match="'color' was certified as removed on"):
        move(session, color={"on": True})


def test_a_certificate_that_failed_keeps_the_task_out_and_is_not_called_a_removal(session):
    log_removal(session, verdict="fail")
    session.leave_out_removed()
    with pytest.raises(NotAllowed, match="'color' was taken out by a certificate that failed on"):
        move(session, color={"on": True})


def test_a_recipe_with_a_removed_task_is_not_loaded(session):
    log_removal(session)
    session.leave_out_removed()
    mix = session.mix
    for tasks in (("color", "animal"), ("color",)):
        with pytest.raises(NotAllowed) as error:
            session.load_recipe(recipe_with(session, *tasks))
        assert "'color' was certified as removed on " in refusal(error)
        assert session.mix == mix
    session.load_recipe(recipe_with(session, "animal"))
    assert ticked(session) == ("animal",)
    assert session.mix.method == "average"


def test_an_override_lets_the_task_in_and_is_logged(session):
    log_removal(session)
    session.leave_out_removed()
    (gone,) = removed(session.engine.ledger)
    version = session.evidence.version
    session.evidence.allow("color")
    assert session.evidence.version > version
    entry = session.engine.ledger.entries()[-1]
    assert entry.event == OVERRIDE
    about = {"task": "color", "weights_root": gone.root, "removed": gone.time}
    assert entry.content | about == entry.content
    assert ticked(session) == ("animal",)  # let in, and not ticked by itself
    assert session.admission.locked == {}
    move(session, color={"on": True})
    assert ticked(session) == ("color", "animal")
    session.edit("undo")
    session.edit("redo")
    assert ticked(session) == ("color", "animal")


@pytest.mark.parametrize("task", ["", "animal", "cow"])
def test_what_is_not_locked_cannot_be_let_in(session, task):
    log_removal(session)
    with pytest.raises(NotAllowed) as error:
        session.evidence.allow(task)
    assert refusal(error) == "Choose a task that was certified as removed."
    assert [each.event for each in session.engine.ledger.entries()] == [CERTIFICATE]


def test_another_browser_is_locked_once_its_page_is_opened(opened):
    engine = opened()
    one, two = engine.session("tab one"), engine.session("tab two")
    move(two, animal={"coefficient": 0.25})
    log_removal(one)
    one.leave_out_removed()
    assert ticked(two) == ("color", "animal")  # what it shows does not change under its hands
    with pytest.raises(NotAllowed):
        move(two, animal={"coefficient": 0.5})
    two.attend()
    assert (ticked(one), ticked(two)) == (("animal",), ("animal",))
    assert two.mix.strips[1].coefficient == 0.25
    one.evidence.allow("color")
    move(one, color={"on": True})
    with pytest.raises(NotAllowed):  # one browser's override is not another's
        move(two, color={"on": True})
    assert ticked(engine.session("tab three")) == ("animal",)


def test_a_studio_that_starts_again_still_keeps_the_task_out(opened):
    first = opened().session("kept-by-admission")
    assert ticked(first) == ("color", "animal")
    move(first, animal={"coefficient": 0.75})  # kept on the disk for a later start
    log_removal(first)
    later = opened().session("kept-by-admission")
    assert ticked(later) == ("animal",)
    assert [strip.on for strip in later.mixer.pinned.strips] == [False, True]
    assert later.mix.strips[1].coefficient == 0.75


def test_a_copy_of_removed_weights_under_another_name_is_locked_too(make_recipe, tmp_path):
    merge, ledger = open_merge(make_recipe("red", "green")), Ledger(tmp_path / "ledger")
    red, green = merge.deltas.checkpoints
    admission = Admission(ledger, Deltas(merge.base, [("crimson", red), ("green", green)]))
    assert admission.locked == {}
    certificate(ledger, merge, "red")
    assert list(admission.locked) == ["crimson"]
    admission.refuse(["green"])
    with pytest.raises(NotAllowed, match="'crimson' was certified as removed on"):
        admission.refuse(["green", "crimson"])
    admission.allow("crimson", demo_key())
    assert admission.allowed == {each.id for each in removed(ledger)}
    assert admission.locked == {}
    with pytest.raises(NotAllowed, match="Choose a task that was certified as removed"):
        admission.allow("crimson", demo_key())


def test_a_zoo_whose_file_was_touched_keeps_the_task_out_and_raises_nothing(
    make_recipe, zoo_folder, tmp_path
):
    merge, ledger = open_merge(make_recipe("red", "green")), Ledger(tmp_path / "ledger")
    admission = Admission(ledger, merge.deltas)
    certificate(ledger, merge, "red")
    assert list(admission.locked) == ["red"]
    red = merge.deltas.checkpoints[0]
    gone = {"task": "red", "digest": red.digest, "weights_root": red.weights.root}
    gone["fingerprint"] = fingerprint(merge.deltas, "red")  # green's is asked for, and cannot be
    certificate(ledger, merge, "red", removed=[gone])
    os.utime(zoo_folder / "green" / "model.safetensors")
    assert list(admission.locked) == ["red"]


@pytest.mark.parametrize("role", ["is", "was merged from"])
def test_on_a_base_that_was_removed_nothing_is_merged_until_it_is_let_in(
    make_recipe, zoo_folder, tmp_path, role
):
    merge, ledger = open_merge(make_recipe("red", "green")), Ledger(tmp_path / "ledger")
    folder = tmp_path / "above"
    if role == "is":
        folder = zoo_folder / "green"
    else:
        export_merge(merge, ExportPlan(folder), account=Account(ledger))
    other = replace(make_recipe("blue"), base=str(folder))
    admission = Admission(ledger, open_merge(other).deltas)
    assert admission.locked == {}
    admission.refuse(["blue"])
    certificate(ledger, merge, "green")
    assert list(admission.locked) == ["blue"]
    words = f"The base {role} the checkpoint that was certified as removed on .*, so nothing can be"
    with pytest.raises(NotAllowed, match=words):
        admission.refuse(["blue"])
    admission.refuse([])
    with pytest.raises(NotAllowed, match="Choose a task that was certified as removed"):
        admission.allow("green", demo_key())
    admission.allow("blue", demo_key())
    assert ledger.entries()[-1].content["task"] == "the base"
    assert admission.allowed == {each.id for each in removed(ledger)}
    assert admission.locked == {}
    admission.refuse(["blue"])
