"""The bottom of the page without a browser."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from studio.session.engine import Memory
from studio.session.jobs import JobState
from studio.ui.footer import Footer
from studio.ui.view import View
from tests.ui.snapshots import snapshot

RUNNING = JobState("Export", "running", 0.5, "merging", 3.0, owner="me")


def pieces(footer: Footer, job: JobState | None, browser: str = "me") -> dict[str, Any]:
    session: Any = SimpleNamespace(browser=browser, overruled=0)
    view = View(session, snapshot(job=job), "", {})
    return {piece.name: piece for piece in footer.pieces(view)}


def test_a_running_job_is_drawn_at_every_look_and_one_that_ended_only_once():
    memory = Memory(2**30, 0)
    footer = Footer(SimpleNamespace(memory=lambda: memory, opened=1))  # type: ignore[arg-type]
    footer.build()
    later, done = replace(RUNNING, seconds=4.0), replace(RUNNING, phase="done")
    keys = [pieces(footer, job)["footer"].key for job in (RUNNING, later)]
    assert keys[0] != keys[1]
    keys = [pieces(footer, replace(done, seconds=s))["footer"].key for s in (3.0, 4.0)]
    assert keys[0] == keys[1]
    memory = Memory(2**31, 0)
    assert pieces(footer, done)["footer"].key != keys[0]


def test_only_the_browser_that_started_a_job_can_cancel_it():
    engine: Any = SimpleNamespace(memory=lambda: Memory(1, 1), opened=1)
    footer = Footer(engine)
    footer.build()
    for job, browser, cancel, dismiss in (
        (RUNNING, "me", True, False), (RUNNING, "you", False, False),
        (replace(RUNNING, phase="done"), "me", False, True), (None, "me", False, False),
    ):  # fmt: skip
        drawn = pieces(footer, job, browser)["job"].draw()
        assert drawn[footer.cancel].visible is cancel
        assert drawn[footer.dismiss].visible is dismiss
