"""The page's own laws: what is always in view, what never moves, and the keys."""

import re
import threading

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settled

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}}
_WIDTHS = ((1440, 900), (1280, 800), (1024, 768), (853, 640), (390, 844))
_PROJECTORS = (1280, 720), (390, 844)
_BOXES = """() => Object.fromEntries([...document.querySelectorAll(
  '#title, #headline, #brand > button, #jobs, .headline > span, #mixer .strip > *, #mixer .option, '
  + '#mix-actions button, #optimize, .tab-container button, #help button')]
.filter((e) => e.checkVisibility()).map((e, place) => {
  const box = e.getBoundingClientRect();
  const at = [box.x + scrollX, box.y + scrollY, box.height].map(Math.round);
  return [`${place} ${e.id || e.className}`, at.join(' ')];
}))"""


_CUT = """[...document.querySelectorAll('.headline .change')]
    .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.innerText)"""


@pytest.mark.parametrize("page", [{"viewport": {"width": w, "height": h}} for w, h in _WIDTHS],
                         indirect=True)  # fmt: skip
def test_nothing_moves_while_a_slider_is_dragged(page, session):
    session.edit("pin")
    before = page.evaluate(_BOXES)
    assert len(before) > 20
    for value in ("1.2", "0.05", "0.7"):
        page.locator("#mix-0").fill(value)
        assert page.evaluate(_BOXES) == before
        settled(page, session, lambda mix, value=value: mix.strips[0].coefficient == float(value))
        assert page.evaluate(_CUT) == []
        expect(page.locator("#change")).to_contain_text("the pinned mix")
        assert page.evaluate(_BOXES) == before
        assert page.evaluate("document.querySelector('.headline .change').scrollWidth <= "
                             "document.querySelector('.headline .change').clientWidth")  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.querySelector('#left').scrollWidth <= "
                         "document.querySelector('#left').clientWidth")  # fmt: skip


@pytest.mark.parametrize("page", [{"viewport": {"width": 1280, "height": 420}}], indirect=True)
def test_on_a_low_window_the_mixer_scrolls_below_the_top_and_not_sideways(page):
    left = page.locator("#left")
    wide, clip, tall, seen = left.evaluate(
        "(e) => [e.scrollWidth, e.clientWidth, e.scrollHeight, e.clientHeight]"
    )
    assert wide <= clip
    assert tall > seen
    page.locator("#optimize").scroll_into_view_if_needed()
    expect(page.locator("#optimize")).to_be_in_viewport()
    page.get_by_role("tab", name="Files").click()
    page.evaluate("window.scrollTo(0, 300)")
    below = page.locator("#top").evaluate("(e) => e.getBoundingClientRect().bottom")
    assert left.evaluate("(e) => e.getBoundingClientRect().top") >= below


@pytest.mark.parametrize("page", [{"viewport": {"width": 1280, "height": 800}}], indirect=True)
def test_the_change_keeps_its_place_when_the_words_beside_the_mean_get_fewer(page):
    place = "(e) => [e.getBoundingClientRect().x, e.getBoundingClientRect().y]"
    change = page.locator(".headline .change")
    before = change.evaluate(place)
    for words in ("", "± 1.4%, shipped, being checked"):
        page.locator(".headline .result").evaluate(
            "(e, x) => e.replaceChildren(e.querySelector('#mean'), x)", words
        )
        assert change.evaluate(place) == before


def test_no_label_shines_through_the_top(page):
    page.get_by_role("tab", name="New zoo").click()
    expect(page.get_by_label("Folders, searched")).to_be_visible()
    over = page.locator("#top").evaluate("(e) => +getComputedStyle(e).zIndex")
    labels = "[...document.querySelectorAll('.tabitem [data-testid=block-info]')]"
    found = page.evaluate(f"{labels}.map((e) => +getComputedStyle(e).zIndex || 0)")
    assert len(found) > 2
    assert max(found) < over


def test_each_task_s_score_stands_beside_its_slider(page, session):
    now = session.snapshot()
    for place, strip in enumerate(now.mix.strips):
        row = page.locator(".strip").nth(place)
        expect(row.locator(".now")).to_have_text(now.scores[strip.name].shown)
        expect(row.locator(".track i")).to_have_count(1)
    expect(page.locator("#mixer .legend")).to_contain_text("expert alone")


@pytest.mark.parametrize("page", [{}, PHONE], indirect=True)
def test_the_result_stays_in_view(page):
    page.get_by_role("tab", name="Files").click()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("#mean")).to_be_in_viewport()


def test_keys_undo_redo_and_flip_and_a_list_tells_of_them(page, session):
    start = session.mix
    page.locator("#mix-0").fill("0.2")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    page.locator("#mix-0").press("Control+z")
    settled(page, session, lambda mix: mix == start)
    page.locator("#mix-0").press("Control+y")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    flip = page.get_by_role("button", name="A|B")
    flip.hover()
    page.mouse.down()
    expect(page.locator("#change")).to_have_text("pinned mix")
    page.mouse.up()
    expect(page.locator("#change")).not_to_have_text("pinned mix")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("undo and redo")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.locator(".strip input[type=number]").first.dblclick()
    settled(page, session, lambda mix: mix.strips[0].coefficient != 0.2)


_APART = """() => {
  const parts = '#title h1, #title p, #jobs .job, #brand button:not(#skip)';
  const shown = [...document.querySelectorAll(parts)]
    .filter((e) => e.checkVisibility()).map((e) => [e, e.getBoundingClientRect()]);
  const over = (a, b) => a.x < b.right - 1 && b.x < a.right - 1 && a.y < b.bottom - 1
    && b.y < a.bottom - 1;
  return shown.flatMap(([e, a], place) => shown.slice(place + 1)
    .filter(([, b]) => over(a, b)).map(([f]) => `${e.textContent} | ${f.textContent}`));
}"""


@pytest.mark.parametrize("page", [{"viewport": {"width": w, "height": h}} for w, h in _WIDTHS[:-1]],
                         indirect=True)  # fmt: skip
def test_a_job_lies_over_nothing_in_the_header_and_moves_nothing_below(page, session, jobs):
    before = page.locator("#headline").bounding_box()
    assert page.evaluate(_APART) == []
    words = "Wrote /somewhere/quite/far/away/zoo-of-tickets-and-hotels. Nothing was left out."
    jobs.start("Write the new zoo", lambda progress: (words, ""), session.browser).join()
    expect(page.locator("#job")).to_have_attribute("data-phase", "done")
    expect(page.get_by_role("button", name="Dismiss")).to_be_visible()
    assert page.evaluate(_APART) == []
    assert page.locator("#job").evaluate("e => e.clientWidth") > 200
    assert page.locator("#headline").bounding_box() == before


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_on_a_phone_the_job_stays_in_view_and_its_button_touches_no_other(page, session, jobs):
    notes = ("10 rows stood in two splits.", "A head was fitted.")
    end = ("Wrote it.", "", "", *notes)
    jobs.start("Write the new zoo", lambda progress: end, session.browser).join()
    dismiss = page.get_by_role("button", name="Dismiss")
    expect(dismiss).to_be_visible()
    assert page.evaluate(_APART) == []
    found, ways = dismiss.bounding_box(), page.locator("#to-tabs").bounding_box()
    assert ways["y"] + ways["height"] <= found["y"]
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("#job")).to_be_in_viewport(ratio=1)
    expect(dismiss).to_be_in_viewport(ratio=1)
    expect(page.get_by_text(notes[0])).to_be_hidden()
    page.locator("#job-notes summary").click()
    expect(page.get_by_text(notes[0])).to_be_in_viewport()


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_on_a_phone_a_warning_below_the_result_scrolls_away(page):
    note = "<p class='note'>" + "This merge is worse. " * 9
    page.locator("#headline .headline").evaluate(
        "(e, note) => e.insertAdjacentHTML('afterend', note)", note
    )
    tall = page.locator(".note").first.evaluate("e => e.offsetHeight")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("#mean")).to_be_in_viewport()
    expect(page.locator(".note").first).not_to_be_in_viewport()
    assert tall > 60
    assert page.locator(".headline").evaluate("e => e.offsetHeight") < 100


@pytest.mark.parametrize(
    "page", [PHONE, {"viewport": {"width": 780, "height": 640}}], indirect=True
)
def test_a_table_of_losses_fits_a_narrow_window(page):
    page.get_by_text("All numbers").click()
    expect(page.locator("table.accuracy")).to_be_visible()
    page.evaluate("""document.querySelectorAll('table.accuracy tbody tr').forEach((row) => {
      row.querySelector('.now').innerHTML =
        "7.876<br><span class='quiet'>perplexity 2,630, 3.541 bits per byte</span>";
      row.querySelector('.since').innerHTML = '▼ +2.928 ± 0.127';
    })""")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("page", [{}, PHONE], indirect=True)
def test_header_buttons_lead_to_their_tabs(page):
    ways = [("Make a zoo", "New zoo"), ("Export the model", "Files")]
    if page.viewport_size != PHONE["viewport"]:  # a phone has no room, and Learn is a tab as well
        ways.append(("Tour", "Learn"))
    for button, tab in ways:
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tab", name=tab)).to_be_in_viewport()


def test_the_address_brings_back_the_mix_the_tab_and_the_pinned_mix(page, session, url):
    session.edit("reset")
    session.edit("pin")
    start = session.mix
    page.get_by_role("tab", name="Why").click()
    page.locator("#mix-0").fill("0.2")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    page.wait_for_function("location.hash.includes('pinned=') && location.hash.includes('tab=Why')")
    link = page.evaluate("location.href")
    assert "zoo" not in link.partition("#")[2]  # no name and no path of it
    page.go_back()
    settled(page, session, lambda mix: mix == start)
    page.go_forward()
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    session.edit("reset")
    session.edit("pin")
    page.goto("about:blank")
    page.goto(link, wait_until="domcontentloaded")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.2)
    assert session.mixer.pinned.strips[0].coefficient == start.strips[0].coefficient
    expect(page.get_by_role("tab", name="Why")).to_have_attribute("aria-selected", "true")
    page.goto("about:blank")
    page.goto(f"{url}#mix=broken", wait_until="domcontentloaded")
    expect(page.locator("#trouble")).to_contain_text("The link is cut off")
    session.edit("reset")
    session.edit("pin")


@pytest.mark.parametrize("page", [{"viewport": {"width": w, "height": h}} for w, h in _PROJECTORS],
                         indirect=True)  # fmt: skip
def test_a_pressed_button_becomes_the_progress_and_show_leads_back_to_it(
    page, session, jobs, monkeypatch
):
    go = threading.Event()

    def work(progress):
        progress(0.37, "computing without it")
        go.wait(60)
        return "Checked.", ""

    checks = lambda: session.context.jobs.start("Checks", work)  # noqa: E731
    monkeypatch.setattr(session.evidence, "start_checks", checks)
    page.locator(".strip input[type=checkbox]").first.uncheck()
    settled(page, session, lambda mix: not mix.strips[0].on)
    page.get_by_role("tab", name="Unmerge").click()
    button = page.locator("#run-checks")
    expect(button).to_be_enabled()
    button.scroll_into_view_if_needed()
    size = button.bounding_box()
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    expect(button).to_have_attribute("data-told", re.compile("^37%"))
    if page.viewport_size != PHONE["viewport"]:  # which shows the button's own progress alone
        expect(page.locator("#job progress")).to_be_in_viewport()
        expect(page.get_by_role("button", name="Cancel job")).to_be_in_viewport()
    assert button.bounding_box() == size
    page.get_by_role("tab", name="Why").click()
    go.set()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("tab", name="Unmerge")).to_have_attribute("aria-selected", "true")
    expect(button).to_be_in_viewport()
    expect(button).not_to_have_attribute("aria-busy", "true")
