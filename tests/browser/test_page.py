"""The page in a real browser, checked against what the engine computes."""

from pathlib import Path

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from studio.checkpoints.checkpoint import open_checkpoint
from studio.measure.bench import Bench
from studio.measure.change import mean_change
from studio.measure.metrics import mean_score
from studio.merge import open_merge
from studio.recipe import GroupedCoefficient, load_recipe
from studio.zoo import load_zoo
from tests.browser.conftest import at_rest, settled
from tests.scored import score

pytestmark = pytest.mark.browser
LIGHT, DARK = {"color_scheme": "light"}, {"color_scheme": "dark"}
PHONE = {"viewport": {"width": 390, "height": 844}}


def shown_mean(page) -> str:
    return page.inner_text("#mean")


def expected_mean(session) -> str:
    bench = Bench(load_zoo(session.zoo.folder), session.engine.device)
    return f"{mean_score(score(bench, bench.merge(session.snapshot().recipe))):.1%}"


def test_a_moved_slider_shows_the_engines_numbers_for_the_new_recipe(page, session):
    page.locator("#mix-0").fill("1.5")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 1.5)
    assert shown_mean(page) == expected_mean(session)


def test_the_keyboard_moves_a_slider_and_keeps_the_focus(page, session):
    before = session.mix.strips[1].coefficient
    page.focus("#mix-1")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".strip >> nth=1").locator("[type=number]")).to_have_value(
        f"{before + 0.01:.2f}"
    )
    settled(page, session, lambda m: m.strips[1].coefficient == pytest.approx(before + 0.01))
    assert page.evaluate("document.activeElement.id") == "mix-1"


def test_a_layer_of_one_task_has_a_slider_of_its_own(page, session):
    start = session.mix
    fold, number = page.get_by_label("Layers of color"), page.get_by_label("Coefficient of color")
    expect(page.locator("#mix-0-layers *")).to_have_count(0)
    fold.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "true")
    assert layers(page) == ["embeddings", "layer 0", "layer 1", "pooler"]
    facts = page.locator("#mix-0-layers .facts")
    expect(facts).to_contain_text("50 held-out, 30 validation")
    expect(facts.locator("code")).to_have_text(session.context.bench.deltas.checkpoints[0].digest)
    layer = page.get_by_label("layer 1 of color", exact=True)
    layer.fill("1.5")
    layer.press("ArrowLeft")
    settled(page, session, lambda mix: ("encoder.layer.1.*", 1.49) in mix.strips[0].groups)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "layer 1 of color"
    assert [x for _, x in session.mix.strips[0].groups].count(0.71) == 3
    assert shown_mean(page) == expected_mean(session)
    expect(number).to_have_value("0.905")  # (3 * 0.71 + 1.49) / 4
    expect(page.get_by_title("mean of 4 coefficients")).to_have_text("≈")
    page.get_by_role("tab", name="Files").click()
    expect(page.locator("#command-text")).to_contain_text("encoder.layer.1.*: 1.49")
    found = Axe().run(page, "#mixer", options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert [v["id"] for v in found.response["violations"]] == []
    undo = page.get_by_role("button", name="Undo")
    undo.click()
    settled(page, session, lambda mix: ("encoder.layer.1.*", 1.49) not in mix.strips[0].groups)
    if session.mix != start:  # the value and the key were two steps, so slow was the machine
        undo.click()
    settled(page, session, lambda mix: mix == start)
    expect(page.locator("#mix-0-layers")).to_be_visible()
    expect(layer).to_have_value("0.71")


def test_a_drag_of_a_task_through_zero_brings_the_ratios_of_its_groups_back(page, session):
    recipe = session.zoo.recipe("mdm_oc", 0.71)
    names = "encoder.layer.0.attention.self.query.weight", "*.bias"
    grouped = GroupedCoefficient(0.5, ((names[0], 0.2), (names[1], 0.6)))
    session.show_recipe(recipe.with_coefficients({"color": grouped}))
    page.set_viewport_size(PHONE["viewport"])
    page.reload(wait_until="domcontentloaded")
    page.get_by_label("Layers of color").click()
    assert layers(page) == ["*.bias", "query.weight", "all other tensors"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    slider = page.locator("#mix-0")
    expect(slider).to_have_value("0.4")
    box = slider.bounding_box()
    assert box
    middle, wide = box["y"] + box["height"] / 2, box["width"]
    page.mouse.move(box["x"] + 8 + (wide - 16) * 0.4 / 1.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] - 9, middle)
    settled(page, session, lambda mix: mix.strips[0].mean == 0)
    page.mouse.move(box["x"] + wide / 2, middle)
    page.mouse.up()
    settled(page, session, lambda mix: mix.strips[0].mean > 0.5)
    page.get_by_label("all other tensors of color", exact=True).fill("0.3")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.3)
    (_, low), (_, high) = session.mix.strips[0].groups
    assert high == pytest.approx(3 * low, rel=1e-5)
    assert session.mix.strips[0].groups == ((names[0], low), (names[1], high))


def layers(page) -> list[str]:
    """What the first task's fold-out lists."""
    return [each.inner_text() for each in page.locator("#mix-0-layers .group").all()]


def test_unticking_a_task_rebuilds_without_it_and_ticking_brings_it_back(page, session):
    page.get_by_label("Merge color").uncheck()
    expect(page.locator("#merged")).to_have_text("1")
    settled(page, session, lambda mix: not mix.strips[0].on)
    assert session.snapshot().recipe.names == ("animal",)
    assert shown_mean(page) == expected_mean(session)
    expect(page.locator(".accuracy tr[data-task=color]")).to_contain_text("unmerged")
    expect(page.locator(".strip[data-name=color]")).to_have_class("strip off")
    page.get_by_label("Merge color").check()
    expect(page.locator("#merged")).to_have_text("2")


def test_no_task_at_all_is_the_base(page, session):
    for name in ("color", "animal"):
        page.get_by_label(f"Merge {name}").uncheck()
    settled(page, session, lambda mix: not any(strip.on for strip in mix.strips))
    assert shown_mean(page) == expected_mean(session)
    page.get_by_role("tab", name="Why").click()
    for place in ("#matrices", "#map-words"):
        expect(page.locator(place)).to_contain_text(
            "Nothing is merged, so there is nothing to show"
        )
    expect(page.locator("#order-words")).to_have_count(0)


def test_buttons_undo_and_redo(page, session):
    start = session.mix
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Halve all").click()
    expect(page.locator(".strip >> nth=0").locator("[type=number]")).to_have_value("0.355")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".strip >> nth=0").locator("[type=number]")).to_have_value("0.71")
    assert session.mix == start
    page.get_by_role("button", name="Redo").click()
    expect(page.locator(".strip >> nth=0").locator("[type=number]")).to_have_value("0.355")
    page.get_by_role("button", name="More").first.click()
    page.get_by_role("button", name="Reset").click()
    expect(page.locator(".strip >> nth=0").locator("[type=number]")).to_have_value("0.71")


def test_a_method_brings_its_own_options_and_coefficients(page, session):
    page.get_by_label("Method").select_option("task_arithmetic")
    expect(page.locator("#mix-option-scale")).to_have_value("1")
    expect(page.locator(".strip >> nth=0").locator("[type=number]")).to_have_value("0.3")
    page.locator("#mix-option-scale").fill("0.5")
    page.locator("#mix-option-scale").press("Enter")
    settled(page, session, lambda mix: mix.options == {"scale": 0.5})


def test_quick_presses_of_undo_all_count(page, session):
    before = session.mix
    for _ in range(3):
        session.edit("halve")
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    press = "document.querySelector('#mix-undo').click()"
    page.evaluate(f"[0, 15, 30].forEach(ms => setTimeout(() => {press}, ms))")
    settled(page, session, lambda mix: mix == before)


def test_a_number_that_is_refused_is_told_and_the_field_shows_the_mix_again(page, session):
    page.locator(".more > summary").click()
    rank = page.locator("#mix-option-rank")
    rank.fill("4")
    rank.press("Enter")
    settled(page, session, lambda mix: mix.options["rank"] == 4)
    for wrong in ("0", "-5", "1.5"):
        rank.fill(wrong)
        rank.press("Enter")
        expect(page.locator("#trouble")).to_contain_text("rank")
        expect(rank).to_have_value("4")
    number = page.locator(".strip input[type=number]").first
    number.fill("2")
    number.press("Enter")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 2)
    for wrong in ("1e9", ""):
        number.fill(wrong)
        number.press("Enter")
        expect(number).to_have_value("2")
    assert (session.mix.strips[0].coefficient, session.mix.options["rank"]) == (2, 4)


def test_the_order_of_tasks_can_be_changed(page, session):
    page.get_by_label("Move animal earlier").click()
    expect(page.locator(".strip >> nth=0")).to_contain_text("animal")
    settled(page, session, lambda mix: mix.strips[0].name == "animal")
    page.locator(".more > summary").click()
    page.locator("#mix-option-order").select_option("symmetric")
    expect(page.get_by_label("Move color earlier")).to_be_hidden()


def test_geometry_shows_cosines_before_and_after_and_both_maps(page, session):
    page.get_by_role("tab", name="Why").click()
    geometry = session.snapshot().geometry
    before = float(geometry.before.cosine()[0, 1])
    expect(page.locator("#matrices .pairs")).to_contain_text(f"{abs(before):.3f}")
    assert float(page.inner_text("#residual")) < 1e-6
    expect(page.locator("#order-words")).to_have_text(session.snapshot().order)
    assert "with the two tasks swapped" in session.snapshot().order
    expect(page.locator("#plot .js-plotly-plot")).to_be_visible()
    expect(page.locator("#map-words")).to_contain_text("fitted together")
    page.get_by_label("MDS").check()
    expect(page.locator("#map-words")).to_contain_text("two axes hold")


def test_examples_change_with_a_move_and_a_text_of_ones_own_is_read(page, session):
    page.get_by_role("tab", name="Results").click()
    expect(page.locator("#rows tbody tr")).to_have_count(12)
    page.get_by_label("Merge color").uncheck()
    page.locator("#mix-1").fill("1.5")
    settled(page, session, lambda mix: mix.strips[1].coefficient == 1.5)
    rows, changed = session.examples.rows()
    expect(page.locator("#changed")).to_have_text(f"{changed:,}")
    assert changed > 0
    expect(page.locator("#rows tbody tr").first).to_contain_text(rows[0].now)
    page.get_by_label("Only rows changed by this move").check()
    expect(page.locator("#rows tr.moved")).to_have_count(min(changed, 12))
    page.get_by_label("A text of your own").fill("the big red cat runs")
    expect(page.locator("#readings tbody tr")).to_have_count(2)
    at_rest(page)
    now, pinned = session.examples.readings()
    for task in now:
        line = page.locator(f"#readings tr[data-task={task}]")
        expect(line).to_contain_text(f"{now[task].label} {now[task].probability:.0%}")
        expect(line).to_contain_text(f"{pinned[task].label} {pinned[task].probability:.0%}")


def test_the_change_since_the_pinned_mix_is_the_engines(page, session):
    page.locator("#mix-0").fill("1.5")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 1.5)
    now = session.snapshot()
    change = mean_change(now.changes)
    shown = page.locator("#change > span")
    assert float(shown.get_attribute("data-mean")) == pytest.approx(change.mean, abs=1e-6)
    assert float(shown.get_attribute("data-half")) == pytest.approx(change.half, abs=1e-6)
    expect(shown).to_contain_text(change.verdict)
    page.get_by_role("button", name="Pin").click()
    expect(page.locator("#change")).to_contain_text("this mix is pinned")


def test_export_writes_what_the_page_shows_and_offers_a_download(page, session, tmp_path_factory):
    target = tmp_path_factory.getbasetemp() / "from-page"
    page.get_by_role("tab", name="Files").click()
    page.get_by_label("Export to a new folder").fill(str(target))
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator("#job")).to_have_attribute("data-phase", "done")
    written = load_recipe(target / "recipe.yaml")
    assert written.names == session.snapshot().recipe.names
    assert open_checkpoint(target).digest in (target / "README.md").read_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the export").click()
    assert download.value.suggested_filename == "from-page.zip"
    page.reload(wait_until="domcontentloaded")
    at_rest(page)
    expect(page.locator("#job")).to_have_attribute("data-phase", "done")
    page.get_by_role("tab", name="Files").click()
    page.get_by_label("Export to a new folder").fill(str(target))
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator("#refusal")).to_contain_text("exists already")


def test_the_downloaded_recipe_merges_from_anywhere(page, session, tmp_path):
    page.get_by_role("tab", name="Files").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download this recipe").click()
    file = tmp_path / "recipe.yaml"
    file.write_text(Path(download.value.path()).read_text())
    assert yaml.safe_load(file.read_text())["method"] == "mdm_oc"
    merge = open_merge(load_recipe(file))
    assert merge.deltas.tasks == ("color", "animal")
    digests = {
        n: c.digest for n, c in zip(merge.deltas.tasks, merge.deltas.checkpoints, strict=True)
    }
    assert merge.recipe == session.snapshot().recipe.with_digests(digests)


def test_a_path_outside_the_roots_is_refused_and_the_page_lives_on(page, session):
    page.get_by_role("tab", name="Files").click()
    page.get_by_label("Export to a new folder").fill("/etc/studio")
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator("#refusal")).to_contain_text("Restart it with --root")
    page.get_by_label("Open another zoo").fill("/etc")
    page.get_by_role("button", name="Check this zoo").click()
    expect(page.locator("#preflight")).to_contain_text("/etc is outside")
    assert session.zoo.name == "Tiny <zoo>"


def test_a_reload_finds_the_mix(page, session):
    page.locator("#mix-0").fill("0.33")
    settled(page, session, lambda mix: mix.strips[0].coefficient == 0.33)
    page.reload(wait_until="domcontentloaded")
    expect(page.locator(".strip >> nth=0").locator("[type=number]")).to_have_value("0.33")
    assert session.mix.strips[0].coefficient == 0.33


def test_names_are_text_not_markup(page):
    expect(page.locator("#title")).to_contain_text("Tiny <zoo>")
    assert page.locator("zoo").count() == 0


@pytest.mark.parametrize("page", [LIGHT, DARK], indirect=True)
def test_axe_finds_nothing_in_any_tab_best_practices_included(page):
    problems: dict[str, list] = {}
    for button in page.get_by_role("tab").all():
        button.click()
        expect(button).to_have_attribute("aria-selected", "true")
        tab = button.inner_text()
        if tab == "Why":
            expect(page.locator("#plot .js-plotly-plot")).to_be_visible()
        at_rest(page)
        found = Axe().run(page).response["violations"]
        problems[tab] = [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found]
    assert len(problems) == 8
    assert problems == {tab: [] for tab in problems}


_SCROLLED = "document.documentElement.scrollWidth"
_TOO_WIDE = """[...document.querySelectorAll('*')]
    .filter(each => each.offsetParent && each.getBoundingClientRect().right > innerWidth)
    .map(each => `${each.tagName}#${each.id}.${each.className}`).slice(0, 12)"""


@pytest.mark.parametrize("page", [PHONE, PHONE | DARK], indirect=True)
def test_a_phone_needs_no_sideways_scroll(page):
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        assert page.evaluate(_SCROLLED) <= 390, page.evaluate(_TOO_WIDE)
