"""The first screen: what it may cost a reader, how it is read from afar, and ways through it."""

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import at_rest, settled

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}}
LAPTOP = {"viewport": {"width": 1440, "height": 900}}
_SHIFT = """window.shifts = 0;
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) window.shifts += each.value;
}).observe({ type: 'layout-shift' });"""
_ABOVE = """() => {
  const seen = (e) => {
    const box = e.getBoundingClientRect();
    return e.checkVisibility({ visibilityProperty: true }) && box.width > 1 && box.height > 1
      && box.top < innerHeight && box.bottom > 0;
  };
  let words = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: parent, textContent } = walker.currentNode;
    // texts and names that the zoo brings, and a warning of one that has a certificate
    const data = 'table.examples tbody, .strip, [data-returned]';
    if (!seen(parent) || parent.closest(`script, style, option, ${data}`)) continue;
    words += textContent.split(/\\s+/).filter((each) => /[A-Za-z]{2}/.test(each)).length;
  }
  const every = document.querySelectorAll('button, input, select, textarea, summary, a[href]');
  const controls = [...every].filter((e) => seen(e) && !e.closest('.strip'));
  const terms = controls.filter((e) => e.matches('[data-term]'));
  return [words, controls.length - terms.length, terms.length];
}"""


@pytest.mark.parametrize("page", [LAPTOP], indirect=True)
def test_nothing_shifts_while_a_slider_is_dragged(page, session):
    page.evaluate(_SHIFT)
    page.locator("#mix-0").fill("0.9")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.9)
    assert page.evaluate("window.shifts") < 0.1


@pytest.mark.parametrize("page", [LAPTOP], indirect=True)
def test_the_first_screen_has_few_words_and_few_controls(page):
    """All of the page's own: tabs, options, buttons, hints, captions and numbers with their units.

    Not counted is what the zoo brings, be it two tasks or fifty: names and texts, and of each task
    toggle, fold, slider, number and order. Words that open their explanation are words; how many
    there are is asserted, too.
    """
    expect(page.locator("table.examples")).to_be_visible()
    words, controls, terms = page.evaluate(_ABOVE)
    assert 100 < words <= 150
    assert 20 < controls <= 25, controls
    assert 5 < terms <= 10


def test_shift_and_alt_step_the_sliders_of_options_and_layers_too(page, session):
    option = page.locator("#mix-option-strength")
    option.press("Shift+ArrowLeft")
    settled(page, session, lambda mix: mix.options["strength"] == 0.9)
    option.press("Alt+ArrowRight")
    settled(page, session, lambda mix: mix.options["strength"] == 0.901)
    expect(option.locator("xpath=..").locator(".reading")).to_have_text("0.901")
    for _ in range(2):  # no further than its end
        option.press("Shift+ArrowRight")
    settled(page, session, lambda mix: mix.options["strength"] == 1)
    option.press("ArrowLeft")  # its own step again
    settled(page, session, lambda mix: mix.options["strength"] == 0.95)
    page.get_by_label("Layers of color").click()
    layer = page.get_by_label("layer 1 of color", exact=True)
    layer.press("Alt+ArrowUp")
    settled(page, session, lambda mix: ("encoder.layer.1.*", 0.711) in mix.strips[0].groups)
    layer.press("Shift+ArrowUp")
    settled(page, session, lambda mix: ("encoder.layer.1.*", 0.811) in mix.strips[0].groups)
    number = page.get_by_label("layer 1 of color, as a number")
    number.press("Alt+ArrowDown")
    settled(page, session, lambda mix: ("encoder.layer.1.*", 0.81) in mix.strips[0].groups)


def test_seldom_edits_lie_behind_more_which_keys_reach_and_leave(page, session):
    more, halve = (page.get_by_role("button", name=name) for name in ("More", "Halve all"))
    expect(halve).to_be_hidden()
    more.press("Enter")
    expect(halve).to_be_in_viewport(ratio=1)
    expect(more).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(halve).to_be_focused()
    page.keyboard.press("Enter")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.355)
    page.keyboard.press("Escape")
    expect(halve).to_be_hidden()
    more.click()
    more.click()
    expect(halve).to_be_hidden()


@pytest.mark.parametrize(
    "page",
    [{"viewport": {"width": w, "height": h}} for w, h in ((1280, 720), (1920, 1080))],
    indirect=True,
)
def test_a_wall_doubles_all_type_is_remembered_and_left_by_esc(page):
    def height() -> float:
        return page.evaluate(
            "document.querySelector('.strip label').getBoundingClientRect().height"
        )

    small = height()
    page.get_by_role("button", name="Wall").click()
    assert height() >= 1.9 * small
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    left, tabs = (
        page.locator(each).bounding_box() for each in ("#left", ".tab-container >> nth=0")
    )
    assert left["y"] + left["height"] <= tabs["y"]  # in one column
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    assert page.evaluate("document.documentElement.classList.contains('wall')")
    page.keyboard.press("Escape")
    assert not page.evaluate("document.documentElement.classList.contains('wall')")
    assert height() == small


def test_the_first_tab_key_offers_to_skip_to_the_tabs(page):
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Results")).to_be_focused()


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_a_phone_has_a_way_to_the_tabs_and_shows_answers_under_their_texts(page):
    way = page.locator("#to-tabs")
    expect(way).to_have_text("Results ↓")
    way.click()
    expect(page.get_by_role("tab", name="Results")).to_be_in_viewport()
    now = page.locator("table.examples td[data-label=now]").first
    box = now.bounding_box()
    assert box["x"] > 0
    assert box["x"] + box["width"] <= 390
    expect(way).to_have_text("Mixer ↑")
    way.click()
    expect(page.locator("#mix-method")).to_be_in_viewport()


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_nothing_unseen_lies_over_the_first_buttons_of_a_phone(page):
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.locator("[data-term]").first.click()
    page.get_by_role("dialog").get_by_role("button").last.click(trial=True)


def test_headings_are_in_order_in_every_tab(page):
    for tab in page.get_by_role("tab").all():
        tab.click()
        levels = page.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].filter((e) => e.checkVisibility())"
            ".map((e) => Number(e.tagName[1]))"
        )
        assert levels[:2] == [1, 2], tab.inner_text()
        assert all(b - a <= 1 for a, b in pairwise(levels)), tab.inner_text()


def test_a_reload_opens_the_tab_that_was_open(page):
    page.get_by_role("tab", name="Unmerge").click()
    page.wait_for_function("location.hash.includes('tab=Unmerge')")
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    expect(page.get_by_role("tab", name="Unmerge")).to_have_attribute("aria-selected", "true")


def test_another_zoo_is_opened_from_the_title(page, session, jobs, tiny_copy, monkeypatch):
    engine = session.engine
    old, text = engine.path, (tiny_copy / "zoo.yaml").read_text()
    (tiny_copy / "zoo.yaml").write_text(text.replace("Tiny <zoo>", "Other zoo"))
    monkeypatch.setattr(engine, "recent", lambda: [str(tiny_copy)])
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    try:
        page.get_by_label("Zoo", exact=True).select_option(tiny_copy.name)
        expect(page.locator("#zoo-choice option").first).to_have_text("Other zoo")
        at_rest(page)
        assert session.zoo.name == "Other zoo"
        expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    finally:
        engine.open(str(old))
