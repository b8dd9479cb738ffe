"""The comparison and the ranked table in a real browser: rows, sorting, the mixer, phones."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import settled

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}}
_WIDTHS = ((1440, 900), (1280, 800), (1024, 768), (853, 640), (390, 844))
_CUT = """() => [...document.querySelectorAll('#ranking .ranked th, #ranking .ranked td')]
.filter((cell) => cell.checkVisibility()).filter((cell) => {
  const box = cell.getBoundingClientRect();
  const around = document.querySelector('#ranking').getBoundingClientRect();
  return box.right > around.right + 1 || cell.scrollWidth > cell.clientWidth + 1;
}).map((cell) => `${cell.className}: ${cell.textContent}`)"""


def compared(page):
    page.get_by_role("tab", name="Improve").click()
    page.get_by_role("button", name="Choose the methods yourself").click()
    page.get_by_role("button", name="None", exact=True).click()
    expect(page.locator("#compare-budget")).to_contain_text("Name at least one method")
    for title in ("Average", "TIES"):
        page.get_by_label(title, exact=True).check()
    expect(page.locator("#budget")).to_contain_text("2 methods x 1 scale x 60")
    page.get_by_role("button", name="Compare these").click()
    expect(page.locator("#proposal")).to_be_visible()
    expect(page.locator("#job")).to_have_attribute("data-phase", "done")


def rows(page) -> list[str | None]:
    return [
        row.get_attribute("data-method") for row in page.locator("table.compare tbody tr").all()
    ]


@pytest.mark.parametrize(
    "page", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True
)
def test_methods_are_compared_ranked_sorted_and_sent_to_the_mixer(page, session, jobs):
    compared(page)
    ranked = page.locator("#ranking tbody tr")
    expect(ranked).to_have_count(len(session.rankings.ranking.rows))
    for row in session.rankings.ranking.rows:
        expect(ranked.filter(has_text=row.tried.what).first).to_contain_text(row.means[0].shown)
    expect(page.locator("#ranking-next")).not_to_be_empty()
    for width, height in _WIDTHS:  # no column is cut, and what matters is there
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(_CUT) == []
        expect(page.locator("#ranking").get_by_role("button", name="Use TIES")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="The last comparison in full").click()
    table = session.comparisons.table
    expect(page.locator("table.compare tbody tr")).to_have_count(3)
    assert {*rows(page)} == {"your mix", "average", "ties"}
    assert rows(page) == [each.row.name for each in table.standings]
    expect(page.locator(".more-columns")).to_be_visible()  # its columns do not fit, and it says so
    page.get_by_role("button", name="s to merge").click()
    quickest = sorted(table.standings, key=lambda each: each.outcome.seconds)
    assert rows(page) == [each.row.name for each in quickest]
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()
    page.locator("#ranking").get_by_role("button", name="Use TIES").click()
    settled(page, session, lambda mix: mix.method == "ties")
    page.get_by_role("button", name="Undo").click()
    settled(page, session, lambda mix: mix.method == "mdm_oc")
    page.reload(wait_until="domcontentloaded")
    page.get_by_role("tab", name="Improve").click()
    expect(ranked.filter(has_text="TIES").first).to_be_visible()
    expect(page.locator("#ranking tbody tr")).to_have_count(len(session.rankings.ranking.rows))


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_every_tab_is_reached_on_a_phone(page):
    tabs = page.get_by_role("tab")
    names = tabs.all_inner_texts()
    assert "Improve" in names
    for tab in tabs.all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
