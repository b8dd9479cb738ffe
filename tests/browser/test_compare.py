"""The Compare tab in a real browser: rows, sorting, the mixer, and every tab on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import settled

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}}


def compared(page):
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="None", exact=True).click()
    expect(page.locator("#compare-budget")).to_contain_text("Name at least one method")
    for title in ("Average", "TIES"):
        page.get_by_label(title, exact=True).check()
    expect(page.locator("#budget")).to_contain_text("2 methods x 1 scale x 60")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#proposal")).to_be_visible()
    expect(page.locator("#job")).to_have_attribute("data-phase", "done")


def rows(page) -> list[str | None]:
    return [
        row.get_attribute("data-method") for row in page.locator("table.compare tbody tr").all()
    ]


@pytest.mark.parametrize(
    "page", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True
)
def test_methods_are_compared_sorted_and_sent_to_the_mixer(page, session, jobs):
    compared(page)
    assert rows(page) == ["average", "ties"]
    page.get_by_role("button", name="s to merge").click()
    table = session.comparisons.table
    quickest = sorted(table.standings, key=lambda each: each.outcome.seconds)
    assert rows(page) == [each.row.name for each in quickest]
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("button", name="ties to the mixer").click()
    settled(page, session, lambda mix: mix.method == "ties")
    page.get_by_role("button", name="Undo").click()
    settled(page, session, lambda mix: mix.method == "mdm_oc")
    page.reload(wait_until="domcontentloaded")
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("table.compare tbody tr")).to_have_count(2)


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_every_tab_is_reached_on_a_phone(page):
    tabs = page.get_by_role("tab")
    names = tabs.all_inner_texts()
    assert "Compare" in names
    for tab in tabs.all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
