"""The Learn tab in a real browser, the arrows' formulas beside Python's, and the lesson offline."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from studio.geometry.gram import Gram
from studio.geometry.orthogonal import orthogonalize
from studio.lesson.page import lesson_page, script
from studio.lesson.record import record_of
from studio.measure.outcomes import Measuring
from studio.session.planes import PlaneWish
from tests.browser.conftest import at_rest, settled

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}}
GRAMS = (
    [[4.0, 2.0], [2.0, 3.0]],
    [[9.0, -4.0, 1.0], [-4.0, 5.0, 0.5], [1.0, 0.5, 2.0]],
)


@pytest.fixture(autouse=True)
def afresh(session):
    """The tour as a new browser finds it."""
    session.learn.at, session.learn.expected = 1, {}
    session.learn.attack, session.learn.lesson = None, ""


def open_learn(page: Page) -> None:
    page.get_by_role("tab", name="Learn").click()
    expect(page.locator("#step-title")).to_be_visible()


def given(page: Page, key: str):
    found = page.locator("#learn-arrows .arrows-place").get_attribute(f"data-{key}")
    assert found
    return json.loads(found)


def close(found, wanted) -> None:
    assert torch.allclose(torch.tensor(found).double(), wanted.double(), atol=1e-9)


def by_python(gram: list, order: Any, strength: float):
    """Rows and shares as the studio's geometry has them."""
    n, places = len(gram), list(range(len(gram)))
    chosen = "symmetric" if order == "symmetric" else "arrival"
    places = places if chosen == "symmetric" else [int(each) for each in order]
    blocks = torch.tensor(gram, dtype=torch.float64)[places][:, places].unsqueeze(0)
    basis = orthogonalize(
        Gram(tuple(map(str, places)), ("w",), blocks), "model", chosen, False, strength
    )
    back = [places.index(i) for i in range(n)]
    return basis.rows[0][back][:, back], basis.shares[back]


def test_the_arrows_formulas_are_the_studios(profile):
    tab = profile.new_page()
    tab.goto("about:blank")
    for gram in GRAMS:
        n = len(gram)
        for order in (list(range(n)), list(reversed(range(n))), "symmetric"):
            for strength in (1.0, 0.3):
                asked = json.dumps([gram, order, strength])
                made = tab.evaluate(
                    f"() => {{ {script('orthogonal.js')}\nreturn components(...{asked}); }}"
                )
                rows, shares = by_python(gram, order, strength)
                close(made["rows"], rows)
                close(made["shares"], shares)
                inner = rows @ torch.tensor(gram, dtype=torch.float64) @ rows.T
                close(made["gram"], inner)
    tab.close()


def test_a_step_sets_the_mixer_asks_and_tells_what_the_try_has_shown(page, session):
    before = session.mix
    open_learn(page)
    page.locator("#learn-set").click()
    settled(page, session, lambda mix: mix.ticked == ("color",))
    expect(page.locator(".mixer .strip.pointed label")).to_have_text(["color"])
    expect(page.locator("#headline.pointed")).to_have_count(1)
    page.locator("#learn-question [data-number='1']").click()
    expect(page.locator("#learn-question [aria-pressed=true]")).to_have_count(1)
    boxes = "() => ['#learn-steps', '#learn-buttons', '#learn-question', '#learn-arrows']" \
        ".map((x) => document.querySelector(x).getBoundingClientRect().top)"  # fmt: skip
    places = page.evaluate(boxes)
    number = page.get_by_label("Coefficient of color", exact=True)
    number.fill("0")
    number.press("Enter")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0)
    found = page.locator("#learn-question .found")
    expect(found).to_contain_text("Right: As the base does")
    expect(found).to_contain_text(session.worker.results.base["color"].shown)
    assert page.evaluate(boxes) == places
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    settled(page, session, lambda mix: mix == before)
    page.get_by_role("tab", name="Results").click()
    expect(page.locator(".pointed")).to_have_count(0)


def test_an_address_opens_a_step_and_back_leads_to_the_one_before(page, session, url):
    page.goto("about:blank")
    page.goto(f"{url}#tab=Learn&step=3", wait_until="domcontentloaded")
    at_rest(page)
    expect(page.locator("#step-title")).to_contain_text("3. Interference")
    page.wait_for_function("location.hash.includes('step=3')")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#step-title")).to_contain_text("4.")
    page.wait_for_function("location.hash.includes('step=4')")
    page.go_back()
    expect(page.locator("#step-title")).to_contain_text("3. Interference")
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    expect(page.locator("#step-title")).to_contain_text("3. Interference")


def test_real_deltas_are_put_in_and_turned_by_keys(page, session):
    open_learn(page)
    page.get_by_role("button", name="Put these real deltas in").click()
    gram = session.worker.bench.gram.total()
    close(given(page, "gram"), gram)
    rows, shares = by_python(gram.tolist(), [0, 1], 1.0)
    close(given(page, "rows"), rows)
    close(given(page, "shares"), shares)
    arrows = page.locator("#learn-arrows")
    arrows.get_by_label("Order").select_option("1,0")
    close(given(page, "rows"), by_python(gram.tolist(), [1, 0], 1.0)[0])
    arrows.get_by_label("Taken out").focus()
    page.keyboard.press("Home")
    close(given(page, "rows"), torch.eye(2))
    tip = page.locator("#learn-arrows [data-tip='1']")
    tip.scroll_into_view_if_needed()
    box = tip.bounding_box()
    assert box
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 30, middle[1] + 20, steps=3)
    page.mouse.up()
    pulled = given(page, "gram")
    assert pulled[0][0] == pytest.approx(float(gram[0, 0]))
    assert pulled[1][1] != pytest.approx(float(gram[1, 1]))
    assert pulled[0][1] < float(gram[0, 1])
    arrows.get_by_label("Arrows", exact=True).select_option("3")
    assert len(given(page, "gram")) == 3


def test_a_preset_is_a_link_to_a_mix_of_this_zoo(page, session):
    open_learn(page)
    page.locator("#learn-presets a", has_text="A licence withdrawn").click()
    settled(page, session, lambda mix: len(mix.ticked) == 1)
    assert len(session.mixer.pinned.ticked) == 2
    expect(page.locator("#step-title")).to_be_visible()


@pytest.mark.parametrize("page", [PHONE, {"color_scheme": "dark"}], indirect=True)
def test_the_tab_fits_a_phone_and_can_be_read_by_everybody(page):
    open_learn(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "best-practice"]})
    learn = [
        each["id"]
        for each in found.response["violations"]
        if any("learn" in str(node) or "arrows" in str(node) for node in each["nodes"])
    ]
    assert learn == [], found.generate_report()


def test_the_lesson_opens_offline_with_the_studios_scores(profile, session, tmp_path):
    bench = session.context.own_bench()
    file = tmp_path / "lesson.html"
    file.write_text(lesson_page(record_of(bench, rows=20)), encoding="utf-8")
    context = profile.browser.new_context(offline=True)
    tab, asked, errors = context.new_page(), [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    tab.goto(file.as_uri())
    for name, value in (("Coefficient of all", 4), ("Taken out", 2)):
        tab.locator("#grid").get_by_label(name).fill(str(value))
    recipe = replace(bench.zoo.recipe(coefficient=0.8), options={"strength": 1.0})
    heads = bench.heads(bench.scored())
    own = Measuring(bench).of(bench.merge(recipe), heads, "held_out", 20).scores
    for task, score in own.items():
        bar = tab.locator(f"#grid [data-task={task}]")
        assert float(bar.get_attribute("data-value") or "nan") == score.value
        expect(bar).to_contain_text(score.shown)
    tab.get_by_label("How it leaves").select_option("rebuilt")
    expect(tab.locator("#removed")).to_contain_text("Left in the weights: nothing.")
    assert tab.locator("#attack [data-kind=never]").count() == 1
    tab.locator(".questions summary").first.click()
    expect(tab.locator(".questions details[open] p").first).to_contain_text("cosine")
    violations = Axe().run(tab, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
    assert [each["id"] for each in violations] == []
    assert asked == [file.as_uri()]
    assert errors == []
    context.close()


def test_a_made_lesson_is_saved_from_the_page(page, session, tmp_path):
    session.learn.lesson = "<!doctype html>a lesson"
    session.learn.version += 1
    open_learn(page)
    with page.expect_download() as saved:
        page.locator("#save-lesson").click()
    saved.value.save_as(tmp_path / "lesson.html")
    assert (tmp_path / "lesson.html").read_bytes() == b"<!doctype html>a lesson"
    assert base64.b64encode(b"<!doctype html>a lesson").decode() in (
        page.locator("#save-lesson").get_attribute("href") or ""
    )


@pytest.mark.parametrize("page", [{}, PHONE, {"color_scheme": "dark"}], indirect=True)
def test_the_landscape_is_measured_and_shows_the_mix(page, session, jobs):
    session.planes.wish, session.planes.found = PlaneWish(("", ""), 2, 8), None
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    open_learn(page)
    expect(page.locator("#plane-takes")).to_contain_text("29 models on 16 validation rows each")
    page.locator("#start-plane").click()
    expect(page.locator("svg.plane .cell")).to_have_count(25)
    expect(page.locator("#plane-map .saves")).to_be_visible()
    mix = page.locator("svg.plane .point").last
    before = mix.get_attribute("transform")
    session.edit("halve")
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    open_learn(page)
    expect(mix).to_be_attached()
    assert mix.get_attribute("transform") != before
    drawn = session.planes.drawn("test", None)
    assert drawn.mix
    page.get_by_label("Second task", exact=True).last.check()
    expect(page.locator("#plane-map figcaption")).to_contain_text("accuracy of animal")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save Plane of color and animal as CSV").click()
    lines = saved.value.path().read_text().splitlines()
    assert lines[0].startswith("what,x,y,amount of color,amount of animal,length outside,mean")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    found = Axe().run(page, context="#plane-map", options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.response["violations"] == []
