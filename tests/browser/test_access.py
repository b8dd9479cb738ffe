"""The page for those who use keys alone, read aloud, rest their eyes, carry a phone or print."""

import re
import shutil
import subprocess

import pytest
from playwright.sync_api import expect

from tests.browser.test_page import DARK, LIGHT, PHONE

pytestmark = pytest.mark.browser
CONTROLS = """() => {
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length;
  const all = [...document.querySelectorAll(
    'input, select, textarea, button, a[href], summary, [tabindex="0"]')];
  const controls = all.filter((e) => seen(e) && !e.disabled && e.tabIndex >= 0
    && !e.closest('[inert]') && e.type !== 'file');
  window.known = controls.filter((e) => e.type !== 'radio' || e.checked);
  window.known.forEach((e, i) => { e.dataset.place = i; });
  return window.known.map((e) => e.outerHTML.slice(0, 120));
}"""
FOCUSED = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const marked = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return [e === document.body ? null : (e.dataset.place ?? ''), marked, e.outerHTML.slice(0, 120)];
}"""


@pytest.mark.parametrize("tab", ["Results", "Why", "Files"])
def test_tab_reaches_every_control_in_the_order_of_the_page_with_a_visible_focus(page, tab):
    page.get_by_role("tab", name=tab).click()
    if tab == "Why":
        expect(page.locator("#plot .js-plotly-plot")).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    known, reached = page.evaluate(CONTROLS), []
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    for _ in range(len(known) + 12):
        page.keyboard.press("Tab")
        place, marked, markup = page.evaluate(FOCUSED)
        if place is None:
            break
        assert marked, f"no visible focus on {markup}"
        if place:
            reached.append(int(place))
    missed = [known[i] for i in set(range(len(known))) - set(reached)]
    assert missed == []
    assert reached == sorted(reached)


_RING = """() => {
  const rgb = (words) => (words.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (words) => rgb(words).slice(0, 3).map((x) => x / 255)
    .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
    .reduce((sum, x, k) => sum + x * [0.2126, 0.7152, 0.0722][k], 0.05);
  const ground = (e) => {
    const fill = getComputedStyle(e).backgroundColor, [, , , alpha = 1] = rgb(fill);
    return alpha === 1 || !e.parentElement ? fill : ground(e.parentElement);
  };
  const e = document.activeElement;
  const both = [getComputedStyle(e).outlineColor, ground(e.parentElement)].map(light);
  return Math.max(...both) / Math.min(...both);
}"""


@pytest.mark.parametrize("page", [LIGHT, DARK], indirect=True)
def test_the_focus_ring_stands_out_from_its_ground(page):
    page.keyboard.press("Tab")
    rings = list[float]()
    for control in ("#mix-method", "#mix-0", ".strip input[type=checkbox]", "#mix-undo", "#wall"):
        page.locator(control).first.focus()
        rings.append(page.evaluate(_RING))
    assert min(rings) >= 3, rings


def test_keys_alone_untick_a_task_take_it_back_and_keep_the_focus(page, session):
    page.get_by_label("Merge color").focus()
    page.keyboard.press("Space")
    expect(page.locator("#merged")).to_have_text("1")
    focused = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.id"
    assert page.evaluate(focused) == "Merge color"
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#merged")).to_have_text("2")
    page.get_by_label("Method").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#mix-option-scale")).to_have_value("1")
    page.get_by_role("tab", name="Results").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Why")).to_have_attribute("aria-selected", "true")


def test_one_place_says_what_has_changed(page):
    said = [each.inner_text().strip() for each in page.get_by_role("status").all()]
    assert [each[:13] for each in said if each] == ["Mean accuracy"]  # Gradio's own stays empty
    assert page.locator("output").count() == 0
    live = page.locator("[aria-live]:not([aria-live=off], [role=status])").all()
    assert all(not each.inner_text().strip() for each in live)


def test_who_asks_for_less_motion_sees_none(page):
    moving = page.evaluate(
        """() => [...document.querySelectorAll('*')].filter((e) => {
          const s = getComputedStyle(e);
          return s.transitionDuration.split(',').some((d) => parseFloat(d) > 0.001)
            || (s.animationName !== 'none' && parseFloat(s.animationDuration) > 0.001);
        }).map((e) => e.outerHTML.slice(0, 100))"""
    )
    assert moving == []


CUT_OFF = """() => [...document.querySelectorAll('table, svg, input, select, p, figure')]
.filter((e) => {
  if (!e.checkVisibility() || !e.closest('.contain')
      || e.closest('.scroll, #status')) return false;
  const box = e.getBoundingClientRect();
  return box.width && (box.right > document.documentElement.clientWidth + 1 || box.left < -1);
}).map((e) => e.outerHTML.slice(0, 100))"""


# What scrolls sideways without a word or a bar that says so.
HIDDEN_COLUMNS = """() => [...document.querySelectorAll('.contain *')].filter((e) => {
  const way = getComputedStyle(e).overflowX;
  return e.checkVisibility() && ['auto', 'scroll', 'hidden'].includes(way)
    && e.querySelector(':scope table') && e.scrollWidth > e.clientWidth + 1
    && ![...document.querySelectorAll('.more-columns')].some((x) => x.checkVisibility());
}).map((e) => e.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("page", [{}, PHONE], indirect=True)
def test_nothing_is_cut_off_at_the_side(page):
    wide = page.viewport_size["width"] > 1000
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        assert page.evaluate(CUT_OFF) == []
        assert not wide or page.evaluate(HIDDEN_COLUMNS) == [], tab.inner_text()


@pytest.mark.parametrize("page", [DARK], indirect=True)
def test_print_hides_the_controls_shows_all_numbers_and_is_light(page, tmp_path):
    page.emulate_media(media="print", color_scheme="dark")
    for role in ("button", "slider", "tab"):
        assert page.get_by_role(role).count() == 0
    for cell in page.locator("table.accuracy td, table.accuracy th, #mean").all():
        expect(cell).to_be_visible()
    for place in ("body", ".gradio-container"):
        fill = page.locator(place).first.evaluate("e => getComputedStyle(e).backgroundColor")
        assert fill == "rgb(255, 255, 255)"
    for place in ("h1", "#mean", "table.accuracy td.now"):
        ink = page.locator(place).first.evaluate("e => getComputedStyle(e).color")
        assert max(map(int, re.findall(r"\d+", ink)[:3])) < 90, (place, ink)
    file = tmp_path / "page.pdf"
    page.pdf(path=file, print_background=True)
    assert file.read_bytes().startswith(b"%PDF")
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True).stdout
        assert page.inner_text("#mean") in text
        assert "Cancel job" not in text
