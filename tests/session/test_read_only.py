"""A studio for strangers refuses every path, key and long job, and measures as any other."""

import threading
from typing import Any

import pytest
import torch

from studio.demo import DEMOS
from studio.errors import NotAllowed, StudioError
from studio.session.evidence import Asked, Request
from studio.session.read_only import ReadOnlyEngine, ShortJobs
from studio.session.session import Session


@pytest.fixture(scope="module")
def engine(tiny_zoo):
    opened = ReadOnlyEngine(tiny_zoo, (tiny_zoo,), torch.device("cpu"))
    yield opened
    opened.close()


def unticked(session: Session) -> dict:
    """The mix without its first task."""
    value = session.mixer_value()
    first, *others = value["rows"]
    return value | {"rows": [first | {"on": False}, *others]}


def test_every_way_to_a_file_or_key_is_refused_in_words(engine, tmp_path):
    session = engine.session("a" * 32)
    session.move(unticked(session))
    request = Request("other")
    ways = {
        "look": lambda: engine.look(str(engine.path)),
        "open": lambda: engine.open(str(DEMOS["pictures"])),
        "start open": lambda: engine.start_open(str(DEMOS["pictures"])),
        "export": lambda: session.exports.start_export("out"),
        "adapter": lambda: session.exports.start_adapter("out"),
        "certificate": lambda: session.evidence.start_certificate(
            Asked("remove", "out", "", "", request)
        ),
        "verify": lambda: session.evidence.start_verification(str(tmp_path)),
        "tamper": lambda: session.evidence.start_tampering(str(tmp_path)),
        "search": lambda: session.new_zoos.start_search(str(tmp_path)),
        "let in": lambda: engine.let_in(tmp_path),
        "key": lambda: engine.unlock("a passphrase of a test"),
    }
    for what, way in ways.items():
        with pytest.raises(NotAllowed, match="This studio is read-only"):
            way()
        assert engine.jobs.state is None, what
    assert engine.demos() == {}
    assert engine.recent() == []
    assert list(engine.ledger.folder.glob("*.pem")) == []
    assert not (engine.ledger.folder / "audit.jsonl").exists()


def test_a_refusal_names_no_folder_of_the_server(engine):
    with pytest.raises(NotAllowed) as refused:
        engine.inside("/etc/passwd")
    assert "/" not in str(refused.value)


def test_a_zoo_whose_checkpoints_lie_elsewhere_is_refused(tiny_zoo, tmp_path):
    with pytest.raises(StudioError, match="of the zoo lies outside its folder"):
        ReadOnlyEngine(tiny_zoo, (tmp_path,), torch.device("cpu"))


def test_visitors_have_mixes_of_their_own(engine):
    one, other = engine.session("c" * 32), engine.session("d" * 32)
    before = other.mixer_value()
    one.move(unticked(one))
    assert one.mixer_value() != before
    assert other.mixer_value() == before


def test_a_visitors_jobs_are_counted_and_others_are_not_kept_from_theirs():
    now = [0.0]
    jobs = ShortJobs(most=2, clock=lambda: now[0])

    def nothing(progress):
        return "Done.", ""

    for _ in range(2):
        jobs.start("One", nothing, "me").join()
    with pytest.raises(StudioError, match=r"may start 2 jobs in an hour here; the next in 61? min"):
        jobs.start("One more", nothing, "me")
    jobs.start("Another's", nothing, "you").join()
    now[0] = 3601.0
    jobs.start("Later", nothing, "me").join()


def test_who_throws_the_cookie_away_is_counted_by_address():
    now = [0.0]
    jobs = ShortJobs(most=2, most_together=3, clock=lambda: now[0])
    for at in range(4):
        jobs.comes_from(f"cookie {at}", "192.0.2.7")
    jobs.comes_from("elsewhere", "192.0.2.8")
    for at in range(3):
        jobs.start("One", lambda progress: ("Done.", ""), f"cookie {at}").join()
    with pytest.raises(StudioError, match="All visitors at one address may start 3 jobs"):
        jobs.start("One more", lambda progress: ("", ""), "cookie 3")
    jobs.start("Elsewhere", lambda progress: ("", ""), "elsewhere").join()
    now[0] = 3601.0
    jobs.start("Later", lambda progress: ("", ""), "cookie 3").join()


def test_a_visitors_address_reaches_the_jobs(engine):
    engine.comes_from("e" * 32, "192.0.2.9")
    assert engine.jobs._addresses["e" * 32] == "192.0.2.9"


def test_a_job_that_says_nothing_is_told_to_end_from_its_start_on():
    jobs, told = ShortJobs(longest=0.0), threading.Event()

    def state() -> Any:
        return jobs.state

    def works(progress):
        while state().phase != "cancelling":  # although it has reported nothing
            told.wait(0.01)
        progress(0.5, "its first report")
        return "", ""

    jobs.start("Quiet", works, "me").join()
    assert (state().phase, "may take 0 s here" in state().words) == ("cancelled", True)
    jobs._longest = 60.0
    jobs.start("Next", lambda progress: (progress(0.5, ""), ("Done.", ""))[1], "me").join()
    assert state().phase == "done"


def test_what_is_refused_for_another_reason_is_not_counted():
    jobs, going = ShortJobs(most=1), threading.Event()

    def waits(progress):
        going.wait(60)
        return "", ""

    job = jobs.start("Long", waits, "you")
    with pytest.raises(StudioError, match="another browser is still running"):
        jobs.start("Mine", waits, "me")
    going.set()
    job.join()
    jobs.start("Mine", waits, "me").join()


def test_a_job_ends_after_a_while():
    jobs = ShortJobs(longest=0.0)

    def works(progress):
        while True:
            progress(0.5, "working")

    jobs.start("Endless", works, "me").join()
    assert jobs.state
    assert jobs.state.phase == "cancelled"
    assert "a visitor's job may take 0 s here" in jobs.state.words
