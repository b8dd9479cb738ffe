"""The sweep in a real browser: a curve, a map that can be saved, and a reload that finds it."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from studio.session.sweep import SweepWish
from tests.browser.conftest import settled
from tests.browser.test_geometry import saved

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}}


def choose(page, box: str, name: str):
    page.locator(f"{box} input").click()
    page.get_by_role("option", name=name, exact=True).click()


@pytest.mark.parametrize("page", [{"color_scheme": "dark"} | PHONE], indirect=True)
def test_a_curve_and_a_map_are_swept_and_found_again(page, session, jobs):
    session.sweeps.wish = SweepWish(levels=1, rows=6)
    page.reload(wait_until="domcontentloaded")
    page.get_by_role("tab", name="Improve").click()
    page.get_by_role("button", name="Sweep one or two numbers of the mix").click()
    expect(page.locator("#sweep-cost")).to_contain_text("from 0 to 2: at most 3 points x 12")
    page.locator("#axis-one-to input").fill("-1")
    expect(page.locator("#sweep-cost")).to_contain_text("from 0 to -1 is no range")
    choose(page, "#axis-one", "coefficient of color")
    expect(page.locator("#sweep-cost")).to_contain_text("coefficient of color from 0 to 1.5")
    page.get_by_role("button", name="Sweep", exact=True).click()
    expect(page.locator("#sweep-results [data-curve]")).to_have_count(2)
    expect(page.locator("#job")).to_have_attribute("data-phase", "done")
    expect(page.locator("#sweep-best")).to_have_text(session.sweeps.found.words)
    best = session.sweeps.found.best.place[0]
    page.get_by_role("button", name="Show the best point in the mixer").click()
    settled(page, session, lambda mix: mix.strips[0].coefficient == best)
    expect(page.get_by_role("button", name="Show the best point in the mixer")).to_be_hidden()
    choose(page, "#axis-two", "strength")
    page.get_by_role("button", name="Sweep", exact=True).click()
    expect(page.locator("#job")).to_have_attribute("data-phase", "done")
    expect(page.locator("#landscape-plot .js-plotly-plot")).to_be_visible()
    page.reload(wait_until="domcontentloaded")
    page.get_by_role("tab", name="Improve").click()
    expect(page.locator("#sweep-best")).to_have_text(session.sweeps.found.words)
    expect(page.locator("#landscape-plot .heatmaplayer image")).to_have_count(1)
    drawn = saved(page, "#sweep-notes [data-plot=svg]")
    assert ElementTree.fromstring(Path(drawn.path()).read_text()).tag.endswith("svg")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
