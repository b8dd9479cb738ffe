"""The Over time tab in a real browser: from the boxes to heat maps, curves and files."""

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from studio.session.sequence import STARTING
from tests.browser.conftest import at_rest

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture(autouse=True)
def afresh(session):
    """The boxes as a new browser finds them, and no run."""
    session.sequences.wish, session.sequences.shown = STARTING, None


def open_sequence(page: Page) -> None:
    tab = page.get_by_role("tab", name="Over time")
    if not tab.is_visible():  # a narrow page keeps some tabs in a menu
        page.get_by_label("More tabs").click()
        tab = page.get_by_role("button", name="Over time")
    tab.click()
    expect(page.locator("#sequence-cost")).to_be_visible()


def run(page: Page) -> None:
    page.get_by_role("button", name="Run the sequence").click()
    expect(page.locator("#job[data-phase=done]")).to_be_visible()
    expect(page.get_by_label("Save sequence as JSON")).to_be_visible()


def test_a_run_shows_the_numbers_that_it_measured_and_saves_them(page, session, jobs, tmp_path):
    open_sequence(page)
    page.locator("#sequence-rows input").fill("10")
    page.get_by_label("Shuffled orders").check()
    page.locator("#sequence-orders input").fill("2")
    expect(page.locator("#sequence-cost")).to_contain_text("2 orders: at most 13 models")
    expect(page.locator("#sequence-cost")).to_have_attribute("data-rows", "300")
    run(page)
    shown = session.sequences.shown
    assert (shown.plan.rows, len(shown.plan.orders), shown.done) == (10, 2, True)
    assert page.locator("[data-heat]").count() == 4
    last = next(s for s in shown.steps if s.label == "average" and s.t == 2)
    mean = sum(score.value for score in last.scores.values()) / 2
    expect(page.locator("tr[data-method=average]")).to_contain_text(f"{mean:.1%} ± 0.0")
    with page.expect_download() as saved:
        page.get_by_label("Save sequence as JSON").click()
    saved.value.save_as(tmp_path / "s.json")
    found = json.loads(Path(tmp_path / "s.json").read_text())
    assert found["methods"]["average"]["mean"]["acc"][1] == pytest.approx(mean)
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    open_sequence(page)
    expect(page.locator("[data-heat]")).to_have_count(4)
    expect(page.locator("#sequence-orders input")).to_have_value("2")


def test_what_cannot_be_run_is_said_at_once_and_at_the_start(page, jobs):
    open_sequence(page)
    page.get_by_label("Shuffled orders").check()
    page.locator("#sequence-orders input").fill("3")
    words = "3 orders were asked for; 2 tasks can arrive in 2 different orders"
    expect(page.locator("#sequence-cost")).to_contain_text(words)
    page.get_by_role("button", name="Run the sequence").click()
    expect(page.locator("#sequence-refusal [role=alert]")).to_contain_text(words)
    assert jobs.state is None


@pytest.mark.parametrize("page", [PHONE, {"color_scheme": "dark"}], indirect=True)
def test_the_tab_fits_a_phone_and_can_be_read_by_everybody(page, session, jobs):
    open_sequence(page)
    page.locator("#sequence-rows input").fill("5")
    run(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.response["violations"] == [], found.generate_report()
