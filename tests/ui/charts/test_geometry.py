"""Matrices, heat map, maps: numbers are the engine's, names are text, states have words."""

import csv
import io
from base64 import b64decode
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import torch

from studio.geometry.gram import Gram
from studio.geometry.maps import DeltaMap, draw_map, joint
from studio.geometry.orthogonal import identity, orthogonalize
from studio.session.background import Answer
from studio.session.geometry import Geometry
from studio.ui.charts import delta_maps as figures
from studio.ui.charts import grids, matrices
from studio.ui.charts import layer_heat as heat
from studio.ui.charts import pair_measures as measures
from studio.ui.charts.saves import file_name
from tests.geometry.test_conflict_report import tensor_report

EVIL = "=<img onerror='x'>&\""
NAMES = ("layer.0.a", "layer.0.b", "layer.1.a", "layer.1.b")
REPORTS = {name: tensor_report(10 * i, 100, 0.1 * i, 0.9) for i, name in enumerate(NAMES)}


def gram_of(n: int) -> Gram:
    generator = torch.Generator().manual_seed(0)
    parts = [torch.randn(n, 9, generator=generator).double() + 1 for _ in NAMES]
    return Gram(tuple(f"{EVIL}{i}" for i in range(n)), NAMES, torch.stack([x @ x.T for x in parts]))


def geometry(n=3, scope="model", residual: float | None = 1e-12) -> Geometry:
    gram = gram_of(n)
    basis = orthogonalize(gram, scope, "arrival", False) if n > 1 else identity(1)
    return Geometry(gram, gram.combined(basis.rows), residual, scope, False, (1.0,) * n)


@cache
def drawn(kind: str, n=3) -> DeltaMap:
    gram = gram_of(n)
    return draw_map(kind, joint(gram, orthogonalize(gram, "model", "arrival", False)), 0)


def studies(found: Geometry | None) -> SimpleNamespace:
    """What the worker's studies answer, without threads."""
    made = drawn("mds", len(found.before.tasks)) if found else None
    return SimpleNamespace(
        map=lambda *asked: Answer(made),
        report=lambda *asked: Answer(),
        leave_report=lambda page: None,
    )


class Cells(HTMLParser):
    """Table cells and the addresses of links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.links: dict[str, str] = {}
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        if tag == "td":
            self.cells.append("")
        if tag == "a":
            content = b64decode((given["href"] or "").partition("base64,")[2]).decode()
            self.links[given["download"] or ""] = content

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "td":
            self.cells[-1] += data

    def handle_endtag(self, tag):
        if tag == "td":
            self.tags.append("")


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_matrices_show_rounded_cosines_of_the_place_asked_for():
    found = geometry()
    whole = matrices.matrices(found, "model", None, "Norm", {})
    assert f">{float(found.before.cosine()[0, 1]):.2f}</text>" in whole
    assert "-0.00" not in whole
    assert "<img" not in whole
    assert matrices.places(found, "layer") == ["layer.0", "layer.1"]
    layer = matrices.matrices(found, "layer", "layer.1", "Norm", {})
    assert "Cosine before in layer.1" in layer
    assert layer != matrices.matrices(found, "layer", "layer.0", "Norm", {})


@pytest.mark.parametrize("scope", ["layer", "tensor"])
def test_after_is_orthogonal_within_the_scope_of_the_method(scope):
    found = geometry(3, scope)
    for place in matrices.places(found, scope):
        cells = Cells(matrices.matrices(found, scope, place, "Cosine after", {})).cells
        after = [float(x) for x in cells[9:]]  # the second figure's table
        assert after == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    whole = Cells(matrices.matrices(found, "model", None, "Cosine after", {})).cells
    assert found.after is not None
    assert float(whole[10]) == round(float(found.after.cosine()[0, 1]), 4)


def test_a_residual_that_is_not_measured_yet_is_not_claimed():
    early = matrices.matrices(geometry(residual=None), "model", None, "Norm", {})
    assert "id='residual'" not in early
    assert "by algebra" in early


def test_matrices_have_words_for_nothing_and_for_one_task():
    assert "Measuring" in matrices.matrices(None, "model", None, "Norm", {})
    one = matrices.matrices(geometry(1), "model", None, "Norm", {})
    assert "nothing to be orthogonal to" in one


def test_matrices_of_signs_and_overlaps_are_those_of_the_place():
    found = replace(geometry(2), before=gram_of(2))
    signs = matrices.matrices(found, "tensor", "layer.1.a", "Sign conflict", REPORTS)
    assert ">20.0%</text>" in signs
    both = matrices.matrices(found, "tensor", "layer.1.a", "Row overlap", REPORTS)
    assert "Column overlap in layer.1.a: mean over pairs <b>0.20</b>, by chance 0.10" in both
    assert ">0.20</text>" in both
    assert ">0.90</text>" in both
    assert matrices.matrices(found, "model", None, "Row overlap", {}) == ""


def test_a_saved_matrix_stands_alone_and_its_table_runs_nothing():
    found = geometry()
    links = Cells(matrices.matrices(found, "model", None, "Norm", {})).links
    svg, text = links["cosine-before.svg"], links["cosine-before.csv"]
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "currentColor" not in svg
    assert "var(" not in svg
    assert not [x for x in root.iter() if x.tag.endswith(("script", "img", "image"))]
    rows = table(text)
    assert rows[0][1] == f"'{EVIL}0"
    assert float(rows[1][2]) == float(found.before.cosine()[0, 1])


@pytest.mark.parametrize(
    ("measure", "which"), [("Cosine before", "before"), ("Cosine after", "after")]
)
def test_the_heat_map_has_a_row_per_layer_and_a_column_per_pair(measure, which):
    found = geometry()
    shown = Cells(heat.heat(found, "model", None, measure, Answer()))
    labels, grouped = getattr(found, which).grouped("layer")
    expected = []
    for block in grouped:
        norms = block.diagonal().sqrt()
        expected += [float(block[i, j] / norms[i] / norms[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert [float(x) for x in shown.cells] == pytest.approx(expected, abs=0.0051)
    rows = table(next(text for name, text in shown.links.items() if name.endswith("csv")))
    assert [row[0] for row in rows[1:]] == list(labels)
    assert rows[0][1].startswith("'=")
    assert "img" not in shown.tags


def test_a_chosen_layer_opens_into_its_tensors_and_there_is_a_way_back():
    found = geometry()
    shown = heat.heat(found, "layer", "layer.1", "Norm", Answer())
    norms = found.before.blocks.diagonal(dim1=-2, dim2=-1).sqrt()[2:]
    assert Cells(shown).cells == [f"{x:.3g}" for x in norms.flatten().tolist()]
    assert "data-scope='model'" in shown
    assert "data-scope='tensor' data-place='layer.1.a'" in shown
    one = heat.heat(found, "tensor", "layer.1.b", "Norm", Answer())
    assert "data-scope='layer' data-place='layer.1'" in one
    assert one.count("aria-current") == 1


def test_overlap_stands_beside_what_random_subspaces_give():
    found = geometry(2)
    shown = Cells(heat.heat(found, "layer", "layer.0", "Row overlap", Answer(REPORTS)))
    assert shown.cells == ["0.90", "0.20", "0.90", "0.20"]
    bare = {name: tensor_report(1, 2, None) for name in NAMES}
    assert Cells(heat.heat(found, "model", None, "Row overlap", Answer(bare))).cells == ["–"] * 4


def test_more_than_six_tasks_have_a_column_each_with_the_mean_over_their_pairs():
    found = geometry(8)
    shown = Cells(heat.heat(found, "model", None, "Cosine before", Answer()))
    assert len(shown.cells) == 2 * 8
    cosines = found.before.grouped("layer")[1][0]
    norms = cosines.diagonal().sqrt()
    expected = float((cosines[0] / norms[0] / norms).abs()[1:].mean())
    assert float(shown.cells[0]) == pytest.approx(expected, abs=0.0051)


def test_the_heat_map_has_words_for_every_state():
    assert heat.heat(None, "model", None, "Norm", Answer()) == ""
    assert "need two tasks" in heat.heat(geometry(1), "model", None, "Cosine before", Answer())
    assert Cells(heat.heat(geometry(1), "model", None, "Norm", Answer())).cells
    waiting = Answer(share=0.34, words="sign conflict in <x>")
    shown = heat.heat(geometry(), "model", None, "Sign conflict", waiting)
    assert "34%" in shown
    assert "<x>" not in shown
    refused = heat.heat(geometry(), "model", None, "Sign conflict", Answer(refusal="<no>"))
    assert "&lt;no&gt;" in refused
    gone = heat.heat(geometry(), "layer", "layer.9", "Norm", Answer())  # of another mix
    assert "Whole model" in gone


def test_numbers_are_readable_on_every_color():
    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return sum(w * x for w, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True)) + 0.05

    for step in range(-20, 21):
        color = grids.diverging(step / 20, 1.0)
        pair = sorted((luminance(color), luminance(grids.ink_on(color))))
        assert pair[1] / pair[0] >= 4.5


def test_a_negative_that_rounds_to_zero_has_no_sign():
    assert measures.COSINE_BEFORE.text(-0.001) == "0.00"
    assert measures.COSINE_BEFORE.text(-0.01) == "-0.01"


@pytest.mark.parametrize("kind", ["tsne", "pca", "mds"])
@pytest.mark.parametrize("random", [False, True])
def test_a_map_draws_every_task_before_and_after_under_one_legend(kind, random):
    found = drawn(kind)
    figure = figures.figure(found)
    traces: tuple = tuple(figure.data)  # type: ignore[assignment]
    assert len(traces) == 6
    assert sum(bool(trace.showlegend) for trace in traces) == 3
    points = sum(len(trace.x) for trace in traces)
    assert points == 2 * len(found.tasks) == (6 if kind == "mds" else 24)
    assert all("<img" not in trace.hovertemplate for trace in traces)
    words = figures.words(found, random)
    assert "does <b>not</b> show" in words
    assert ("not this zoo" in words) == random
    rows = table(next(iter(Cells(figures.saves(found, random)).links.values())))
    assert len(rows) == 1 + points
    assert rows[1][1] == f"'{EVIL}0"


def test_figures_of_a_map_are_said_or_said_to_be_undefined():
    found = drawn("tsne")
    assert found.quality.trustworthiness is not None
    assert f"Trustworthiness {found.quality.trustworthiness:.2f}" in figures.words(found, False)
    assert "in the picture" in figures.words(found, False)
    whole = figures.words(drawn("mds", 2), False)
    assert "Trustworthiness is not defined" in whole
    assert "each task is one point" in whole


def test_mds_keeps_the_distances_that_two_axes_can_hold():
    gram = Gram(("a", "b"), ("x",), torch.tensor([[[4.0, 2.0], [2.0, 9.0]]]).double())
    found = draw_map("mds", joint(gram, identity(2)), 0)
    gap = ((found.before[0] - found.before[1]) ** 2).sum() ** 0.5
    assert gap == pytest.approx(3.0)  # sqrt(4 + 9 - 2 * 2)


def test_file_names_hold_nothing_but_letters_digits_and_hyphens():
    assert file_name("Cosine before in ../<x>") == "cosine-before-in-x"
    assert file_name("…") == "figure"
