"""What outlives a reload, a second tab, another browser, a restart and hundreds of moves."""

import gc
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import torch
from playwright.sync_api import expect

from studio.device import used_memory
from studio.progress import Progress
from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.mixer import MixerPanel
from tests.browser.conftest import BROWSER, another_browser, at_rest, settled

pytestmark = pytest.mark.browser
OTHER = "1" * 32
FIRST = ".strip >> nth=0"


def number(page):
    return page.locator(FIRST).locator("[type=number]")


@contextmanager
def slow_job(session):
    """A job of this browser that ends when told, or when it is cancelled."""
    go = threading.Event()

    def work(report: Progress) -> tuple[str, str]:
        while not go.wait(0.02):
            report(0.4, "writing slowly")
        return "Wrote it.", ""

    session.engine.jobs.start("Slow export", work, session.browser)
    try:
        yield go
    finally:
        go.set()
        while session.engine.jobs.state.running:
            time.sleep(0.01)
        session.engine.jobs._state = None  # for other tests, none has run


def test_two_browsers_each_have_their_own_mix_history_and_pinned_mix(
    page, profile, url, session, engine
):
    with another_browser(profile, url, OTHER) as other:
        other.goto(url, wait_until="domcontentloaded")
        at_rest(other)
        theirs = engine.session(OTHER)
        theirs.edit("reset")
        page.locator("#mix-0").fill("0.2")
        other.get_by_label("Merge animal").uncheck()
        other.get_by_role("button", name="Pin").click()
        settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
        settled(other, theirs, lambda mix: not mix.strips[1].on)
        assert [strip.on for strip in session.mix.strips] == [True, True]
        assert theirs.mix.strips[0].coefficient == 0.71
        assert theirs.mixer.pinned == theirs.mix != session.mixer.pinned
        other.get_by_role("button", name="More").click()
        other.get_by_role("button", name="Halve all").click()
        expect(number(other)).to_have_value("0.355")
        page.get_by_role("button", name="Undo").click()
        expect(number(page)).to_have_value("0.71")
        expect(number(other)).to_have_value("0.355")
        other.reload(wait_until="domcontentloaded")
        expect(number(other)).to_have_value("0.355")
        expect(other.locator("#merged")).to_have_text("1")


def test_a_second_tab_of_the_same_browser_sees_the_same_mix(page, url, session):
    page.locator("#mix-0").fill("0.44")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.44)
    tab = page.context.new_page()
    tab.goto(url, wait_until="domcontentloaded")
    expect(number(tab)).to_have_value("0.44")
    tab.close()


def test_a_reload_finds_the_running_job_and_can_cancel_it(page, session):
    with slow_job(session):
        page.reload(wait_until="domcontentloaded")
        expect(page.locator("#job")).to_have_attribute("data-phase", "running")
        expect(page.locator("#job")).to_contain_text("40% writing slowly")
        page.reload(wait_until="domcontentloaded")
        page.get_by_role("button", name="Cancel job").click()
        expect(page.locator("#job")).to_have_attribute("data-phase", "cancelled")
        expect(page.locator("#job")).to_contain_text("nothing was written")
        expect(page.get_by_role("button", name="Cancel job")).to_be_hidden()
    with slow_job(session) as go:
        page.reload(wait_until="domcontentloaded")
        expect(page.locator("#job")).to_have_attribute("data-phase", "running")
        go.set()
        expect(page.locator("#job")).to_have_attribute("data-phase", "done")


def test_a_page_at_rest_finds_a_job_that_it_did_not_start(page, session):
    at_rest(page)
    page.wait_for_timeout(1500)  # its quick looks have ended; nothing here wakes them
    with slow_job(session):
        expect(page.locator("#job")).to_contain_text("40% writing slowly")


def test_a_late_answer_does_not_leave_the_page_behind(page, session, monkeypatch):
    """The first look after a reload sees a running job and answers last."""
    snapshot, late = Session.snapshot, threading.Event()

    def stalling(self: Session):
        now = snapshot(self)
        if now.job and now.job.running and not late.is_set():
            late.set()
            go.set()
            time.sleep(2)  # later answers overtake this one
        return now

    with slow_job(session) as go:
        monkeypatch.setattr(Session, "snapshot", stalling)
        page.reload(wait_until="domcontentloaded")
        assert late.wait(60)
        page.wait_for_timeout(3000)  # by now it has answered
        expect(page.locator("#job")).to_have_attribute("data-phase", "done")


def test_another_browsers_job_is_shown_and_not_offered_to_cancel(page, profile, url, session):
    with slow_job(session), another_browser(profile, url, "") as other:
        other.goto(url, wait_until="domcontentloaded")
        expect(other.locator("#job")).to_contain_text("Another browser's job")
        expect(other.get_by_role("button", name="Cancel job")).to_be_hidden()
        assert "slowly" not in other.content()


def held_memory(page) -> tuple[int, int, int]:
    """Resident bytes of this process; nodes and heap bytes of the page after its collection."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    devtools.send("Performance.enable")
    found = devtools.send("Performance.getMetrics")["metrics"]
    metrics = {each["name"]: each["value"] for each in found}
    devtools.detach()
    gc.collect()
    return used_memory(), int(metrics["Nodes"]), int(metrics["JSHeapUsedSize"])


def drag(page, moves: int) -> None:
    """Move the first slider that often, one frame at a time, as a hand does."""
    page.evaluate(
        """async (moves) => {
          const range = document.getElementById('mix-0');
          for (let i = 1; i <= moves; i++) {
            range.value = (i % 150) / 100;
            range.dispatchEvent(new Event('input', { bubbles: true }));
            await new Promise((done) => setTimeout(done, 16));
          }
        }""",
        moves,
    )


def test_a_quick_drag_ends_at_its_last_value(page, session, monkeypatch):
    """Moves that come while an answer is under way are not lost to that answer."""
    move = session.move
    monkeypatch.setattr(session, "move", lambda value: (time.sleep(0.2), move(value)))
    drag(page, 37)
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.37)
    expect(number(page)).to_have_value("0.37")
    page.get_by_role("button", name="Undo").click()
    expect(number(page)).not_to_have_value("0.37")
    page.locator("#mix-0").fill("0.38")
    page.get_by_label("Move animal earlier").click()
    page.locator("#mix-0").fill("0.39")  # of animal by now, or of color: never of the wrong one
    right = ({"animal": 0.71, "color": 0.39}, {"animal": 0.39, "color": 0.38})
    settled(page, session, lambda mix: {s.name: s.coefficient for s in mix.strips} in right)
    assert session.mix.strips[0].name == "animal"


def test_five_hundred_moves_leave_no_memory_behind(page, session):
    """After 100 moves as a start; then 20 MB of process, 500 nodes and 4 MB of heap at most."""
    drag(page, 100)
    page.locator("#mix-0").fill("0.5")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.5)
    before = held_memory(page)
    drag(page, 500)
    page.locator("#mix-0").fill("0.6")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.6)
    grown = [after - was for after, was in zip(held_memory(page), before, strict=True)]
    print("grown: process, nodes, heap:", grown)
    assert grown[0] < 20 * 2**20
    assert grown[1] < 500
    assert grown[2] < 4 * 2**20
    assert len(session.worker.results.evaluations) <= 80


def test_f_held_shows_the_pinned_mix_and_released_brings_the_own_one_back(page, session):
    session.edit("pin")
    page.locator("#mix-0").fill("0.2")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    page.keyboard.down("f")
    expect(number(page)).to_have_value("0.71")
    expect(page.locator("#headline")).to_contain_text("pinned mix")
    page.keyboard.up("f")
    expect(number(page)).to_have_value("0.2")
    assert not session.mixer.flipped


def test_f_released_at_once_does_not_stay_flipped(page, session):
    page.locator("#mix-0").fill("0.2")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    for _ in range(5):
        page.evaluate(
            """() => { for (const kind of ['keydown', 'keyup'])
              document.dispatchEvent(new KeyboardEvent(kind, { key: 'f', bubbles: true })); }"""
        )
        page.wait_for_timeout(150)
    expect(number(page)).to_have_value("0.2")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    expect(page.locator(".mixer")).not_to_have_class("mixer flipped")


def test_f_typed_into_a_field_is_a_letter(page, session):
    page.locator("#mix-0").fill("0.2")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    page.get_by_role("tab", name="Files").click()
    field = page.get_by_label("Export to a new folder")
    field.fill("")
    field.press("f")
    page.keyboard.down("f")
    page.wait_for_timeout(300)
    assert not session.mixer.flipped
    page.keyboard.up("f")
    expect(field).to_have_value("ff")


def test_a_flip_left_by_a_closed_tab_ends_with_the_next_page(page, url, session):
    page.locator("#mix-0").fill("0.2")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    tab = page.context.new_page()
    tab.goto(url, wait_until="domcontentloaded")
    at_rest(tab)
    tab.keyboard.down("f")
    expect(number(tab)).to_have_value("0.71")
    tab.close()
    page.reload(wait_until="domcontentloaded")
    expect(number(page)).to_have_value("0.2")


def test_a_restarted_engine_finds_mix_and_pinned_mix(page, session, tiny_zoo: Path):
    page.locator("#mix-0").fill("0.37")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.37)
    page.get_by_role("button", name="Pin").click()
    expect(page.locator("#mix-pin")).to_be_disabled()  # its answer draws the mixer anew
    page.get_by_label("Merge animal").uncheck()
    settled(page, session, lambda mix: not mix.strips[1].on)
    with closing(Engine(tiny_zoo, (tiny_zoo,), torch.device("cpu"))) as again:
        assert again.session(BROWSER).mix == session.mix
        assert again.session(BROWSER).mixer.pinned == session.mixer.pinned
        assert again.session("5" * 32).mix != session.mix


def test_a_link_on_another_site_opens_the_same_mix(profile, url, engine):
    engine.session(OTHER).edit("equal")
    with another_browser(profile, url, OTHER) as other:
        other.goto(url, wait_until="domcontentloaded")
        at_rest(other)
        other.locator("#mix-0").fill("0.41")
        settled(other, engine.session(OTHER), lambda mix: mix.strips[0].coefficient == 0.41)
        other.goto(url.replace("127.0.0.1", "localhost"), wait_until="domcontentloaded")
        expect(number(other)).not_to_have_value("0.41")  # another site to the browser
        other.evaluate("(address) => { location.href = address; }", url)
        expect(number(other)).to_have_value("0.41")


def test_a_late_answer_to_the_opening_does_not_bring_an_earlier_mix_back(
    page, session, monkeypatch
):
    """The first screen comes with the page, so that it is used before its opening is answered."""
    load, begun, late = MixerPanel.load, threading.Event(), threading.Event()

    def stalling(self: MixerPanel, asked: Session):
        drawn = load(self, asked)
        if begun.is_set():  # the first is that of the page itself
            late.wait(60)
        begun.set()
        return drawn

    monkeypatch.setattr(MixerPanel, "load", stalling)
    page.reload(wait_until="domcontentloaded")
    page.get_by_label("Merge color").uncheck()
    settled(page, session, lambda mix: not mix.strips[0].on)
    late.set()
    page.wait_for_timeout(2000)  # by now it has answered
    expect(page.get_by_label("Merge color")).not_to_be_checked()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    page.locator("#mix-1").fill("0.3")
    settled(page, session, lambda mix: mix.strips[1].coefficient == 0.3)
    assert not session.mix.strips[0].on
