"""The Why tab in a real browser: its numbers are the engine's, its figures can be saved."""

import csv
from pathlib import Path
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Download, expect

from studio.geometry.conflict_report import report
from studio.geometry.pairs import conflicts, cosines, overlaps
from studio.merge import open_merge
from tests.browser.conftest import at_rest, settled

pytestmark = pytest.mark.browser
LIGHT, DARK = {"color_scheme": "light"}, {"color_scheme": "dark"}
PHONE = {"viewport": {"width": 390, "height": 844}}


def open_tab(page):
    page.get_by_role("tab", name="Why").click()
    expect(page.locator("#matrices figure").first).to_be_visible()
    expect(page.locator("#plot .js-plotly-plot .main-svg").first).to_be_visible()


def heat_cells(page) -> list[str]:
    return page.locator("table.heat td").all_inner_texts()


def saved(page, selector: str) -> Download:
    page.evaluate(
        "document.querySelectorAll('details.save').forEach((fold) => { fold.open = true; })"
    )
    with page.expect_download() as download:
        page.locator(selector).first.click()
    return download.value


def test_the_heat_map_shows_every_layer_and_opens_by_keyboard_into_tensors(page, session):
    open_tab(page)
    geometry = session.snapshot().geometry
    labels, grouped = geometry.before.grouped("layer")
    norms = grouped.diagonal(dim1=-2, dim2=-1).sqrt()
    expected = grouped[:, 0, 1] / norms[:, 0] / norms[:, 1]
    shown = [float(x) if x != "–" else float("nan") for x in heat_cells(page)]
    assert shown == pytest.approx(expected.tolist(), abs=0.0051, nan_ok=True)
    page.get_by_label("Norm", exact=True).check()
    expect(page.locator("table.heat caption")).to_have_text("Norm by layer")
    row = page.locator("table.heat th button", has_text=labels[1])
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("table.heat caption")).to_have_text("Norm by tensor")
    tensors = [n for n in geometry.before.names if n.startswith(labels[1] + ".")]
    values = {n: geometry.before.blocks[i] for i, n in enumerate(geometry.before.names)}
    texts = [f"{float(x):.3g}" for n in tensors for x in values[n].diagonal().sqrt()]
    assert heat_cells(page) == texts
    expect(page.locator("#heat .trail")).to_contain_text(labels[1])
    assert page.evaluate("document.activeElement.dataset.scope") == "model"  # the way back
    page.keyboard.press("Enter")
    expect(page.locator("table.heat caption")).to_have_text("Norm by layer")


def test_signs_and_overlaps_are_measured_when_asked_for(page, session):
    open_tab(page)
    recipe = session.snapshot().recipe
    found = report(open_merge(recipe).deltas)
    page.get_by_label("Sign conflict").check()
    expect(page.locator("table.heat caption")).to_have_text("Sign conflict by layer")
    signs = conflicts(found, recipe.names, "layer").values[:, 0, 1].tolist()
    assert heat_cells(page) == ["–" if x != x else f"{x:.1%}" for x in signs]
    page.get_by_label("Column overlap").check()
    expect(page.locator("table.heat caption")).to_have_text("Column overlap by layer")
    pairs = overlaps(found, recipe.names, "layer", "columns")
    rows = zip(pairs.values[:, 0, 1].tolist(), pairs.expected.tolist(), strict=True)
    texts = ["–" if x != x else f"{x:.2f}" for row in rows for x in row]
    assert heat_cells(page) == texts
    expect(page.locator("#heat .pairs figcaption")).to_contain_text("row overlap")


def test_a_moved_strength_moves_the_matrix_in_a_scope_of_layers(page, session):
    page.locator(".more > summary").click()
    page.locator("#mix-option-scope").select_option("layer")
    settled(page, session, lambda mix: mix.options["scope"] == "layer")
    open_tab(page)
    place = session.snapshot().geometry.before.grouped("layer")[0][1]
    page.locator("table.heat th button", has_text=place).click()
    expect(page.locator("#heat .pairs figcaption")).to_contain_text(f"in {place}")
    page.locator("#mix-option-strength").fill("0.5")
    settled(page, session, lambda mix: mix.options["strength"] == 0.5)
    now = session.snapshot()
    labels, grouped = now.geometry.after.grouped("layer")
    block = grouped[labels.index(place)]
    value = abs(float(block[0, 1] / (block[0, 0] * block[1, 1]).sqrt()))
    shown = f"{value:.3f}" if value >= 5e-4 else "below 0.001"
    caption = page.locator("#heat .pairs figcaption")
    expect(caption).to_contain_text(f"above the diagonal after: largest between two tasks {shown}")


def test_a_pair_is_shown_where_one_points_taps_or_walks_and_nothing_moves_for_it(page, session):
    open_tab(page)
    geometry = session.snapshot().geometry
    before, after = (
        round(float(x.cosine()[0, 1]), 4) + 0.0 for x in (geometry.before, geometry.after)
    )
    expect(page.locator("#why-lead")).to_contain_text("color and animal")
    slot = page.locator("#pair")
    expect(slot.locator(".who")).to_have_text(
        f"color and animal: cosine {before:.2f} before, {after:.2f} after"
    )
    layers = cosines(geometry.before, "layer").values[:, 0, 1]
    expect(slot.locator(".blocks span")).to_have_count(int((~layers.isnan()).sum()))
    cells = page.locator("#matrices .square [data-pair]")
    where = "(box) => [box.offsetTop, box.offsetLeft, box.offsetWidth, box.offsetHeight]"
    place = slot.evaluate(where)
    cells.first.hover()
    cells.last.click()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#matrices .square td.on")).to_have_count(2)
    assert slot.evaluate(where) == place
    assert page.locator("#matrices .square [tabindex='0']").count() == 1


def test_who_disturbs_whom_is_measured_as_a_job_and_shown_at_the_pair(page, session, jobs):
    open_tab(page)
    expect(page.locator("#pair")).to_contain_text("not measured yet")
    page.locator("#disturb").click()
    expect(page.locator("#pair li")).to_have_count(2)
    found = session.disturbances.of(session.snapshot().recipe)
    for line, pair in enumerate((("color", "animal"), ("animal", "color"))):
        expect(page.locator("#pair li").nth(line)).to_contain_text(found.changes[pair].words)
    expect(page.locator("#disturbing")).to_contain_text("Measured for this mix")


def test_a_tensor_opens_into_its_singular_values_and_entries(page, session):
    open_tab(page)
    labels = session.snapshot().geometry.before.grouped("layer")[0]
    page.locator("table.heat th button", has_text=labels[1]).click()
    expect(page.locator("table.heat caption")).to_contain_text("by tensor")
    page.locator("table.heat th button").first.click()
    expect(page.locator("#tensor figure").first).to_be_visible()
    expect(page.locator("#tensor")).to_contain_text("Entries of")


def test_each_map_has_its_figures_and_a_control(page, session):
    open_tab(page)
    expect(page.locator("#trust")).to_contain_text("Trustworthiness")
    expect(page.locator("#apart")).to_contain_text("in the picture")
    page.get_by_label("PCA").check()
    expect(page.locator("#map-words")).to_contain_text("of the variance")
    page.get_by_label("Random deltas of equal norms").check()
    expect(page.locator("#map-words")).to_contain_text("not this zoo")
    found = session.worker.studies.map("test", session.snapshot().recipe, "pca", True).made
    expect(page.locator("#map-words")).to_contain_text(found.note)
    page.get_by_label("MDS").check()
    expect(page.locator("#apart")).to_contain_text("each task is one point")


def test_every_figure_is_saved_as_svg_png_and_csv(page, session):
    open_tab(page)
    for box in ("#matrices", "#heat"):
        svg = Path(saved(page, f"{box} [data-svg]").path()).read_text()
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert Path(saved(page, f"{box} [data-png]").path()).read_bytes()[:4] == b"\x89PNG"
    download = saved(page, "#matrices .pairs a[download$=csv]")
    assert download.suggested_filename == "cosines-of-the-pairs.csv"
    rows = list(csv.reader(Path(download.path()).read_text().splitlines()))
    cosine = float(session.snapshot().geometry.before.cosine()[0, 1])
    assert rows[0] == ["task", "other", "before", "after"]
    assert float(rows[1][2]) == pytest.approx(cosine, rel=1e-12)
    drawn = saved(page, "#map-words [data-plot=svg]")
    assert drawn.suggested_filename == "t-sne-map.svg"
    assert ElementTree.parse(drawn.path()).getroot().tag.endswith("svg")
    assert Path(saved(page, "#map-words [data-plot=png]").path()).read_bytes()[:4] == b"\x89PNG"
    points = Path(saved(page, "#map-words a[download$=csv]").path()).read_text().splitlines()
    assert points[0] == "when,task,place,x,y"


def test_one_task_has_words_in_place_of_pairs(page, session):
    page.get_by_label("Merge color").uncheck()
    settled(page, session, lambda mix: not mix.strips[0].on)
    page.get_by_role("tab", name="Why").click()
    expect(page.locator("#matrices")).to_contain_text("nothing to be orthogonal to")
    expect(page.locator("#heat")).to_contain_text("Pairs of tasks need two tasks")
    page.get_by_label("Norm", exact=True).check()
    expect(page.locator("table.heat")).to_be_visible()
    expect(page.locator("#apart")).to_contain_text("one task is merged")


@pytest.mark.parametrize("page", [LIGHT | PHONE, DARK], indirect=True)
def test_overlaps_of_a_layer_are_accessible_and_fit_a_phone(page):
    open_tab(page)
    page.get_by_label("Row overlap").check()
    expect(page.locator("table.heat caption")).to_contain_text("Row overlap")
    page.locator("table.heat th button").nth(1).click()
    expect(page.locator("table.heat caption")).to_contain_text("by tensor")
    at_rest(page)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    problems = [
        (v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found.response["violations"]
    ]
    assert problems == []
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
