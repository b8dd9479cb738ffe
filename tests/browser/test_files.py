"""The Files tab and the footer in a real browser."""

import json
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import StudioError
from studio.progress import Progress
from tests.browser.conftest import at_rest, settled

pytestmark = pytest.mark.browser
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
PHONE = {"viewport": {"width": 390, "height": 844}}


def open_files(page) -> None:
    page.get_by_role("tab", name="Files").click()
    expect(page.locator("#forecast")).to_be_visible()


def choose_dtype(page, name: str) -> None:
    page.get_by_label("Numbers are written as").click()
    page.get_by_role("option", name=name, exact=True).click()


def hold(progress: Progress) -> tuple[str, str]:
    """A job that goes on until it is cancelled."""
    while True:
        progress(0.4, "holding")
        time.sleep(0.02)


def test_a_dtype_shows_in_size_recipe_programs_and_export(page, session, jobs, tmp_path_factory):
    target = tmp_path_factory.getbasetemp() / "in-bfloat16"
    open_files(page)
    page.get_by_label("Export to a new folder").fill(str(target))
    whole = int(page.locator("#forecast-size").get_attribute("data-bytes"))
    choose_dtype(page, "bfloat16")
    settled(page, session, lambda mix: mix.dtype == "bfloat16")
    expect(page.locator("#forecast-size")).to_have_attribute("data-bytes", str(whole // 2))
    expect(page.locator("#python-text")).to_contain_text("dtype='bfloat16'")
    expect(page.locator("#command-text")).to_contain_text("dtype: bfloat16")
    page.get_by_role("button", name="Measure the rounding").click()
    expect(page.locator("#job")).to_contain_text("Rounding done: bfloat16 loses")
    said = page.locator("#job .words").inner_text().rstrip(".")
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator("#job")).to_contain_text("in-bfloat16: bfloat16 loses")
    record = json.loads((target / "merge.json").read_text())
    assert record["rounding"]["words"] == said
    assert {e.code for e in open_checkpoint(target).weights.entries.values()} == {"BF16"}
    page.get_by_role("button", name="More").first.click()
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_label("Numbers are written as")).to_have_value("as the base has them")


@pytest.mark.parametrize("page", [CLIPBOARD], indirect=True)
def test_programs_are_copied_by_keyboard_and_can_be_selected(page):
    open_files(page)
    for key, name in (("command", "Copy as a command"), ("python", "Copy as python")):
        button = page.get_by_role("button", name=name)
        button.focus()
        page.keyboard.press("Enter")
        expect(button.locator("xpath=following-sibling::*[@role='status']")).to_have_text("Copied.")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator(f"#{key}-text").evaluate("node => node.textContent")
    assert page.locator("#python-text").evaluate("n => getComputedStyle(n).userSelect") == "text"


def test_a_cancel_is_shown_at_once_and_a_failure_stays_until_dismissed(page, session, jobs):
    jobs.start("Holding <b>", hold, session.browser)
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#job")).to_have_attribute("data-phase", "running")
    expect(page.locator("#job")).to_contain_text("Holding <b>")
    page.get_by_role("button", name="Cancel job").click()
    expect(page.locator("#job")).to_have_attribute("data-phase", "cancelled")
    expect(page.locator("#job")).to_contain_text("nothing was written")

    def fail(progress: Progress) -> tuple[str, str]:
        raise StudioError("The disk is full: 5 bytes are free. Make room.")

    jobs.start("Failing", fail, session.browser)
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#job")).to_have_attribute("data-phase", "failed")
    expect(page.locator("#job")).to_contain_text("5 bytes are free")
    expect(page.locator("#job .advice")).to_contain_text("start it again")
    at_rest(page)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#job")).to_have_attribute("data-phase", "none")


def test_a_zoo_is_looked_at_before_it_is_opened_and_every_problem_has_its_name(
    page, session, jobs, tiny_copy
):
    for task in ("color", "animal"):
        for file in (tiny_copy / task).glob("*.safetensors"):
            file.write_bytes(file.read_bytes()[:100])
    open_files(page)
    page.get_by_label("Open another zoo").fill(str(tiny_copy))
    page.get_by_label("Open another zoo").press("Enter")
    expect(page.get_by_role("listbox")).to_have_count(0)  # it lies over the button while it closes
    page.get_by_role("button", name="Check this zoo").click()
    expect(page.locator("#preflight")).to_have_attribute("data-problems", "2")
    for task in ("color", "animal"):
        expect(page.locator("#preflight tr", has_text=task)).to_contain_text("no")
    expect(page.get_by_role("button", name="Open this zoo")).to_be_hidden()


def test_opening_a_good_zoo_loads_the_page_anew(page, session, jobs, tiny_copy):
    old = session.engine.path
    text = (tiny_copy / "zoo.yaml").read_text()
    (tiny_copy / "zoo.yaml").write_text(text.replace("Tiny <zoo>", "Other zoo"))
    try:
        open_files(page)
        page.get_by_label("Open another zoo").fill(str(tiny_copy))
        page.get_by_label("Open another zoo").press("Enter")
        expect(page.get_by_role("listbox")).to_have_count(
            0
        )  # it lies over the button while it closes
        page.get_by_role("button", name="Check this zoo").click()
        expect(page.locator("#preflight")).to_contain_text("Everything fits")
        expect(page.locator("#preflight")).to_contain_text("are free.")
        page.get_by_role("button", name="Open this zoo").click()
        expect(page.locator("#title")).to_contain_text("Other zoo")
        at_rest(page)
        assert session.zoo.name == "Other zoo"
    finally:
        session.engine.open(str(old))


def test_the_footer_shows_the_memory_in_use(page):
    expect(page.locator("#memory")).to_contain_text("of it deltas")


@pytest.mark.parametrize("page", [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE],
                         indirect=True)  # fmt: skip
def test_a_checked_zoo_has_no_accessibility_violation_and_fits_a_phone(page, session):
    open_files(page)
    page.get_by_label("Open another zoo").fill(str(session.zoo.folder))
    page.get_by_label("Open another zoo").press("Enter")
    expect(page.get_by_role("listbox")).to_have_count(0)  # it lies over the button while it closes
    page.get_by_role("button", name="Check this zoo").click()
    expect(page.locator("#preflight")).to_be_visible()
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    problems = [
        (v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found.response["violations"]
    ]
    assert problems == []
    if page.viewport_size["width"] == 390:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
