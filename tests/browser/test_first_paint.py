"""What a page shows before its programs have begun, and that nothing moves when they have."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import at_rest

pytestmark = pytest.mark.browser
_SIZES = [
    {"viewport": {"width": w, "height": h}, "color_scheme": scheme}
    for w, h, scheme in ((1440, 900, "light"), (1024, 768, "dark"), (390, 844, "light"))
]
_WATCHED = """window.shifted = 0;
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifted += each.value;
}).observe({ type: 'layout-shift', buffered: true });"""
# The picture's tree is closed to the page; here it is kept until it was measured.
_KEPT = """const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (how) {
  const tree = attach.call(this, how);
  if (this.id === 'first-paint') window.picture = tree;
  return tree;
};
const remove = Element.prototype.remove;
Element.prototype.remove = function () {
  if (this.id !== 'first-paint' || window.measured) remove.call(this);
};"""
_PLACES = """(root) => Object.fromEntries([
  '#title h1', '#title p', '#brand > button', '#help button', '#mean', '.headline .change',
  '#mix-method', '#mixer .about', '#mixer .option input', '.strip', '.strip .number input',
  '.strip .bar', '.strip .now', '.marks', '#mix-actions', '#mix-undo', '#mix-more-open', '#trouble',
  '#optimize', '.tab-container', '#rows table',
].map((place) => {
  const box = root.querySelector(place).getBoundingClientRect();
  return [place, [box.x, box.y, box.width, box.height].map(Math.round)];
}))"""


@pytest.mark.parametrize("page", _SIZES, indirect=True)
def test_next_to_nothing_shifts_while_the_page_loads(page):
    page.add_init_script(_WATCHED)
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    expect(page.locator("#first-paint")).to_have_count(0)
    expect(page.locator("table.examples")).to_be_visible()
    assert page.evaluate("window.shifted") < 0.1


@pytest.mark.parametrize("page", _SIZES, indirect=True)
def test_the_picture_stands_where_the_page_will(page):
    page.add_init_script(_KEPT)
    page.reload(wait_until="domcontentloaded")
    picture = page.evaluate(f"({_PLACES})(window.picture)")
    for place in ("#mix-0", "table.examples", "#stamp[data-busy='0']"):
        page.locator(place).first.wait_for(state="attached")
    expect(page.locator("gradio-app")).to_be_hidden()
    page.evaluate("window.measured = true; document.querySelector('#first-paint').remove()")
    found = page.evaluate(f"({_PLACES})(document)")
    for place, box in found.items():
        away = [abs(a - b) for a, b in zip(box, picture[place], strict=True)]
        assert max(away[:2]) <= 2, (place, box, picture[place])
        if place != "#rows table":  # on a phone its cells are laid out by Gradio
            assert max(away[2:]) <= 2, (place, box, picture[place])


def test_the_first_screen_is_full_without_any_program(page, session):
    page.add_init_script(_KEPT)
    page.route("**/assets/**", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#first-paint")).to_be_visible()
    now = session.snapshot()
    told = page.evaluate(
        "[...window.picture.querySelectorAll('.strip')].map((e) => "
        "[e.dataset.name, e.querySelector('.now').textContent, !!e.querySelector('.track i')])"
    )
    names = [strip.name for strip in now.mix.strips]
    assert told == [[name, now.scores[name].shown, True] for name in names]
    mean = page.evaluate("window.picture.querySelector('#mean').textContent")
    assert mean == f"{sum(s.value for s in now.scores.values()) / len(names):.1%}"
    assert page.evaluate("window.picture.querySelectorAll('table.examples tbody tr').length") > 0
    assert page.evaluate("document.querySelectorAll('.strip').length") == 0


def test_the_picture_follows_the_address(page, session):
    page.add_init_script(_KEPT)
    page.wait_for_function("location.hash.includes('tab=Results')")
    own = page.url
    page.goto("about:blank")
    page.goto(own.replace("tab=Results", "tab=Why"), wait_until="domcontentloaded")
    open_tab, rows = page.evaluate(
        "[window.picture.querySelector('.tab.selected').textContent, "
        "window.picture.querySelector('#rows')]"
    )
    assert (open_tab, rows) == ("Why", None)
    session.edit("halve")
    page.goto("about:blank")
    page.goto(own, wait_until="domcontentloaded")  # a link to a mix that is not the session's
    assert page.evaluate("window.picture === undefined")
    expect(page.locator(".strip .number input").first).to_have_value("0.71")
