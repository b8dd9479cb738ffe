"""A state of sums in a real browser: begun, filled, emptied, and read by everybody."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from studio.sequence.sums import open_sums
from tests.browser.test_sequence import PHONE, open_sequence

pytestmark = pytest.mark.browser


def press(page: Page, name: str, words: str) -> None:
    page.locator("#state-form").get_by_role("button", name=name, exact=True).click()
    expect(page.locator("#state-shown")).to_contain_text(words)


def opened(page: Page, path: str) -> None:
    open_sequence(page)
    page.get_by_role("button", name="A file that tasks can leave again").click()
    page.locator("#state-path textarea, #state-path input").fill(path)


def test_a_task_comes_and_leaves_and_is_seen(page, jobs, tmp_path):
    path = tmp_path / "s.safetensors"
    opened(page, str(path))
    press(page, "Begin it", "no task so far")
    empty = path.read_bytes()
    press(page, "Add", "'color' came with weight")
    assert [task.name for task in open_sums(path).tasks] == ["color"]
    expect(page.locator("#state-shown table tbody tr")).to_have_count(1)
    found = Axe().run(page, "#state-form")
    assert found.violations_count == 0, found.generate_report()
    press(page, "Remove", "the bits of a state that never had it")
    assert path.read_bytes() == empty


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_it_fits_a_phone(page, jobs, tmp_path):
    opened(page, str(tmp_path / "p.safetensors"))
    press(page, "Begin it", "no task so far")
    press(page, "Add", "'color' came with weight")
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
