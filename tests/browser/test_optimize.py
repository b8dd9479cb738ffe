"""The Optimize panel in a real browser: sliders that move, a pause, a reload, what it was worth."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from studio.search.plan import SearchPlan
from studio.session import search, search_job
from studio.session.search import Searches
from studio.session.session import Session
from tests.browser.conftest import at_rest, settled
from tests.search.test_verdict import made as found_better
from tests.session.test_search import Gate

pytestmark = pytest.mark.browser
NARROW_DARK = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
FOLD = "Optimize the coefficients"


@pytest.fixture
def gate(session: Session, jobs, monkeypatch) -> Gate:
    """No run yet, a mix that can be bettered, and steps that are made as the test lets them."""
    made = Gate()
    monkeypatch.setattr(search_job, "optimize", made.optimize)
    monkeypatch.setattr(search, "_OFTEN", 0.0)
    monkeypatch.setattr(search_job, "verdict", lambda *about: found_better(0.5, 0.6))
    return made


@pytest.fixture
def ready(page: Page, session: Session) -> Page:
    session.searches = Searches(session.context)
    session.searches.wish = SearchPlan(budget=6, rows=24)
    value = session.mixer_value()
    for row, coefficient in zip(value["rows"], (0.3, 0.0), strict=True):
        row["coefficient"] = coefficient
    session.move(value)
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    page.get_by_role("button", name=FOLD).click()
    return page


def sliders(page: Page, wanted: Callable[[], list[float]]) -> None:
    for place, value in enumerate(wanted()):
        number = page.locator(f".strip >> nth={place}").locator("[type=number]")
        expect(number).to_have_value(f"{value:g}")


def test_sliders_walk_a_reload_finds_the_paused_run_and_the_end_says_what_it_was_worth(
    gate, ready, session
):
    page, before = ready, session.mix
    expect(page.locator("#optimize-cost")).to_contain_text("6 steps, each on 16 rows")
    page.locator("#optimize-budget input").fill("50")
    expect(page.locator("#optimize-cost")).to_contain_text("50 steps")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".mixer .locked")).to_be_visible()
    expect(page.get_by_role("tab", name="Improve")).to_have_attribute("aria-selected", "true")
    gate.let(4)
    expect(page.locator("#search-state")).to_have_attribute("data-number", "2")
    found = session.searches
    sliders(page, lambda: [round(x, 4) for x in found.shown.run.steps[-1].point])
    expect(page.locator("#mix-0")).to_be_disabled()
    expect(page.locator("#mix-equal")).to_be_disabled()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    gate.let(1)
    expect(page.locator("#job")).to_contain_text("paused at 3 of 50 steps")
    assert session.mix == before
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#optimize-budget input")).to_have_value("50")
    page.get_by_role("tab", name="Improve").click()
    expect(page.locator("#search-state")).to_contain_text("Paused at 3 of 50 steps")
    expect(page.locator(".mixer .locked")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    gate.let(2)
    expect(page.locator("#search-state")).to_have_attribute("data-number", "5")
    page.get_by_role("button", name="Stop and keep best").click()
    gate.let(99)
    expect(page.locator("#job")).to_have_attribute("data-phase", "done")
    for gain in found.shown.gains:
        expect(page.locator("#gains")).to_contain_text(gain.words)
    sliders(page, lambda: list(found.shown.run.best.point))
    expect(page.locator(".mixer .locked")).to_be_hidden()
    expect(page.locator("#optimize-state")).to_contain_text("What was found is in the mixer")
    page.get_by_role("button", name="Back", exact=True).click()
    settled(page, session, lambda mix: mix == before)
    for place in ("#optimize-state", "#coefficients"):
        expect(page.locator(place)).to_contain_text("Your mix from before the search is in")
        expect(page.locator(place)).not_to_contain_text("What was found is in the mixer")
    page.get_by_role("button", name="Show what was found in the mixer").click()
    settled(page, session, lambda mix: mix == found.shown.found)
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("button", name="Back", exact=True)).to_be_hidden()
    assert session.mix == found.shown.found
    for _ in range(2):
        page.get_by_role("button", name="Undo").click()
    sliders(page, lambda: list(found.shown.run.best.point))
    page.get_by_role("button", name="Undo").click()
    settled(page, session, lambda mix: mix == before)


@pytest.mark.parametrize("page", [{}, NARROW_DARK], indirect=True)
def test_two_runs_are_laid_over_each_other_and_can_be_read_by_everybody(
    jobs, ready, session, monkeypatch
):
    monkeypatch.setattr(search_job, "verdict", lambda *about: found_better(0.5, 0.6))
    page = ready
    found = session.searches
    for count in (1, 2):
        page.get_by_role("button", name="Start").click()
        while len(found.runs) < count or found.shown.phase != "ended":
            page.wait_for_timeout(50)
        expect(page.locator("#gains")).to_contain_text("Held out")
        expect(page.locator("#job")).to_have_attribute("data-phase", "done")
        session.edit("undo")
        at_rest(page)
    names = [each.name for each in session.searches.runs]
    assert names == ["Adam, per task, 6 steps, seed 0", "Adam, per task, 6 steps, seed 0 (2)"]
    expect(page.locator("#coefficients h3")).to_have_text(names[1])
    page.get_by_label("Lay over an earlier run").click()
    page.get_by_role("option", name=names[0]).click()
    expect(page.locator("[data-curve=path] [stroke-dasharray]")).to_have_count(2)
    page.locator("#optimize").get_by_role("button", name="More").click()
    expect(page.get_by_label("Balance of the tasks")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    access = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert access.response["violations"] == [], access.generate_report()
    page.locator("#optimize-budget input").fill("0")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#optimize-refusal [role=alert]")).to_contain_text("budget 0: give a whole")
