"""Eight beats on a wall, in a real browser of a projector's size: one thing at a time."""

import pytest
from playwright.sync_api import expect

from studio.ui.views.wall import BEATS

pytestmark = pytest.mark.browser
_SIZES = ({"width": 1280, "height": 720}, {"width": 1920, "height": 1080})
# What is shown beside the beats and what they speak of; and what the beats lie over at the top.
_BESIDE = """(place) => [...document.querySelectorAll('.gradio-container main *')].filter((e) => {
  const box = e.getBoundingClientRect();
  return e.checkVisibility() && box.width > 1 && box.height > 1 && !e.children.length
    && e.textContent.trim() && !e.closest(`#wall-strip, ${place}`);
}).map((e) => e.outerHTML.slice(0, 100))"""
_SIZE_OF_VERDICT = """() => {
  const style = (place) => getComputedStyle(document.querySelector(place));
  return parseFloat(style('#verdict b').fontSize) * Number(style('.gradio-container').zoom);
}"""


def test_each_beat_shows_what_it_speaks_of_and_nothing_else(page, session, jobs):
    page.get_by_role("tab", name="Unmerge").click()
    page.get_by_text("Show on a wall").click()
    task = page.locator("#wall-task").input_value()
    page.get_by_role("button", name="Prepare", exact=True).click()
    start = page.locator("[data-wall=start]")
    expect(start).to_be_enabled(timeout=300_000)

    def has(within: bool) -> None:
        for _ in range(1500):
            if (task in session.mix.ticked) == within:
                return
            page.wait_for_timeout(20)
        raise AssertionError(session.mix)

    for size in _SIZES:
        page.set_viewport_size(size)
        start.click()
        for number, beat in enumerate(BEATS, 1):
            expect(page.locator("#beats .beat:not([hidden]) h3")).to_contain_text(f"{number} of 8")
            has(beat.act == "back")
            shown = page.locator(beat.place).filter(visible=True)
            expect(shown.first).to_be_in_viewport()
            assert page.evaluate(_BESIDE, beat.place) == []
            if beat.place == "#verdict":
                assert page.evaluate(_SIZE_OF_VERDICT) >= 40
                bar = page.locator("#beats").bounding_box()
                verdict = page.locator("#verdict").bounding_box()
                assert verdict["y"] + verdict["height"] <= bar["y"]
            if number < len(BEATS):
                page.get_by_role("button", name="Next", exact=True).click()
        page.locator("[data-wall=reset]").click()
        has(True)
        page.keyboard.press("Escape")
        expect(page.locator("#beats")).to_be_hidden()
        expect(page.locator("#mixer")).to_be_visible()
