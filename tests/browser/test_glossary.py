"""Words that open their explanation: by mouse, touch and keyboard, in place and read aloud."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.test_page import DARK, PHONE

pytestmark = pytest.mark.browser


def test_a_word_opens_its_explanation_and_gives_the_focus_back(page):
    word = page.locator(".headline [data-term=held-out]")
    word.click()
    dialog = page.get_by_role("dialog", name="held-out")
    expect(dialog).to_contain_text("Rows that nobody trained or tuned on")
    expect(dialog).to_be_focused()
    assert "mix=" in page.url  # the address still says which mix is shown
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(word).to_be_focused()
    page.keyboard.press("Space")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_the_formula_and_the_list_of_all_are_one_press_further(page):
    page.locator("#trouble [data-term=unmerge]").press("Enter")
    dialog = page.get_by_role("dialog", name="unmerge")
    dialog.get_by_role("link", name="All terms").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#term-unmerge")).to_be_in_viewport()
    expect(page.locator("#term-unmerge")).to_be_focused()
    expect(page.get_by_role("tab", name="Learn")).to_have_attribute("aria-selected", "true")
    entry = page.locator("#term-delta + dd")
    expect(entry.locator("code")).to_be_hidden()
    entry.locator("summary").click()
    expect(entry.locator("code")).to_have_text("delta = expert - base")


@pytest.mark.parametrize("page", [PHONE, DARK], indirect=True)
def test_an_explanation_lies_within_the_window_and_can_be_read_by_everybody(page):
    page.locator("#mixer .legend [data-term]").last.click()
    dialog = page.locator("#term")
    expect(dialog).to_be_visible()
    box, window = dialog.bounding_box(), page.viewport_size
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= window["width"]
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= window["height"]
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
    found = Axe().run(page, context="#term", options=options)
    assert found.response["violations"] == []
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Learn").click()
    page.locator(".glossary-fold > summary").click()
    found = Axe().run(page, context="#all-terms", options=options)
    assert found.response["violations"] == []
