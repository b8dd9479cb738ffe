"""Matrices, heat map, maps: numbers are the engine's, names are text, states have words."""

import csv
import io
from base64 import b64decode
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from studio.geometry.gram import Gram
from studio.geometry.maps import DeltaMap, draw_map, joint
from studio.geometry.orthogonal import identity, orthogonalize
from studio.geometry.pairs import cosines
from studio.geometry.quality import Structure
from studio.session.background import Answer
from studio.session.geometry import Geometry
from studio.ui.charts import delta_maps as figures
from studio.ui.charts import grids, matrices, trail_map
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
        tensor=lambda *asked: Answer(),
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


def square(html: str, n: int) -> tuple[list[float], list[float]]:
    """Numbers above the diagonal of a square, and below it, of the pairs in their order."""
    cells = Cells(html).cells[1:]  # the first is the corner
    rows = [cells[n * i : n * i + n] for i in range(n)]
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    return [float(rows[i][j]) for i, j in pairs], [float(rows[j][i]) for i, j in pairs]


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_matrices_show_rounded_cosines_of_the_place_asked_for():
    found = geometry()
    whole = matrices.matrices(found, "model", None, "Norm", {})
    assert f">{float(found.before.cosine()[0, 1]):.2f}</td>" in whole
    assert "-0.00" not in whole
    assert "<img" not in whole
    assert matrices.places(found, "layer") == ["layer.0", "layer.1"]
    layer = matrices.matrices(found, "layer", "layer.1", "Norm", {})
    assert "Cosines of the pairs in layer.1" in layer
    assert layer != matrices.matrices(found, "layer", "layer.0", "Norm", {})


@pytest.mark.parametrize("scope", ["layer", "tensor"])
def test_after_is_orthogonal_within_the_scope_of_the_method(scope):
    found = geometry(3, scope)
    for place in matrices.places(found, scope):
        above, _ = square(matrices.matrices(found, scope, place, "Cosine after", {}), 3)
        assert above == [0, 0, 0]
    above, below = square(matrices.matrices(found, "model", None, "Cosine after", {}), 3)
    assert found.after is not None
    before, after = found.before.cosine(), found.after.cosine()
    pairs = ((0, 1), (0, 2), (1, 2))
    assert above == pytest.approx([float(after[pair]) for pair in pairs], abs=0.0051)
    assert below == pytest.approx([float(before[pair]) for pair in pairs], abs=0.0051)


def test_a_residual_that_is_not_measured_yet_is_not_claimed():
    early = matrices.residual_words(geometry(residual=None))
    assert "id='residual'" not in early
    assert "by algebra" in early


def test_matrices_have_words_for_nothing_and_for_one_task():
    assert "Measuring" in matrices.matrices(None, "model", None, "Norm", {})
    one = matrices.matrices(geometry(1), "model", None, "Norm", {})
    assert "nothing to be orthogonal to" in one


def test_matrices_of_signs_and_overlaps_are_those_of_the_place():
    found = replace(geometry(2), before=gram_of(2))
    signs = matrices.matrices(found, "tensor", "layer.1.a", "Sign conflict", REPORTS)
    assert ">20.0%</td>" in signs
    assert signs.count("data-pair='0-1'") == 1  # one number, one half of the square
    both = matrices.matrices(found, "tensor", "layer.1.a", "Row overlap", REPORTS)
    assert "column overlap: mean over pairs <b>0.20</b>, by chance 0.10" in both
    assert "row overlap: mean over pairs <b>0.90</b>" in both
    assert square(both, 2) == ([0.9], [0.2])
    assert matrices.matrices(found, "model", None, "Row overlap", {}) == ""


def test_a_saved_matrix_stands_alone_and_its_table_runs_nothing():
    found = geometry()
    links = Cells(matrices.matrices(found, "model", None, "Norm", {})).links
    svg, text = links["cosines-of-the-pairs.svg"], links["cosines-of-the-pairs.csv"]
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "currentColor" not in svg
    assert "var(" not in svg
    assert not [x for x in root.iter() if x.tag.endswith(("script", "img", "image"))]
    rows = table(text)
    assert found.after is not None
    assert rows[0] == ["task", "other", "before", "after"]
    assert rows[1][:2] == [f"'{EVIL}0", f"'{EVIL}1"]
    assert float(rows[1][2]) == float(found.before.cosine()[0, 1])
    assert float(rows[1][3]) == float(found.after.cosine()[0, 1])


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


def test_of_many_pairs_the_five_that_stand_out_have_columns_and_the_file_has_all():
    found = geometry(8)
    shown = Cells(heat.heat(found, "model", None, "Cosine before", Answer()))
    assert len(shown.cells) == 2 * 6
    pairs = [(i, j) for i in range(8) for j in range(i + 1, 8)]
    values = cosines(found.before, "layer").values.abs()
    largest = sorted(pairs, key=lambda pair: -float(values[:, pair[0], pair[1]].max()))
    rest = [float(values[0, i, j]) for i, j in largest[5:]]
    assert float(shown.cells[5]) == pytest.approx(sum(rest) / len(rest), abs=0.0051)
    rows = table(next(text for name, text in shown.links.items() if name.endswith("csv")))
    assert len(rows[0]) == 1 + len(pairs)


def test_colors_of_the_layers_are_on_the_scale_of_the_squares():
    def cell(cosine: float) -> str:
        block = torch.tensor([[1.0, cosine], [cosine, 1.0]]).double()
        gram = Gram(("a", "b"), ("layer.0.a",), block[None])
        found = Geometry(gram, gram, 0.0, "model", False, (1.0, 1.0))
        return heat.heat(found, "model", None, "Cosine before", Answer())

    assert "--share:7%" in cell(0.07)  # the largest number of its table, and still pale
    assert "--share:100%" in cell(1.0)
    whole = geometry(2)
    squared = (whole.before.total().diagonal()[0]).sqrt()
    norms = whole.before.grouped("layer")[1][:, 0, 0].sqrt() / squared
    shown = heat.heat(whole, "model", None, "Norm", Answer())
    assert all(f"--share:{100 * float(x):.0f}%" in shown for x in norms)


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


@pytest.mark.parametrize("kind", ["tsne", "pca"])
@pytest.mark.parametrize("random", [False, True])
def test_a_map_draws_every_task_before_and_after_under_one_legend(kind, random):
    found = drawn(kind)
    figure = figures.figure(found)
    traces: tuple = tuple(figure.data)  # type: ignore[assignment]
    assert len(traces) == 6
    assert sum(bool(trace.showlegend) for trace in traces) == 3
    points = sum(len(trace.x) for trace in traces)
    assert points == 2 * len(found.tasks) == 24
    assert all("<img" not in trace.hovertemplate for trace in traces)
    named = [each.text for each in figure.layout.annotations]  # type: ignore[attr-defined]
    assert len(named) == 2 + 2 * 3  # the titles, and each task at its points
    assert not any("<img" in text for text in named)
    axes = figure.layout.xaxis.title.text, figure.layout.yaxis.title.text  # type: ignore
    assert all(axes)
    words = figures.words(found, random)
    assert "does <b>not</b> show" in words
    assert ("not this zoo" in words) == random
    rows = table(next(iter(Cells(figures.saves(found, random)).links.values())))
    assert len(rows) == 1 + points
    assert rows[1][1] == f"'{EVIL}0"


def test_names_of_a_map_stand_at_points_of_their_tasks_and_off_one_another():
    found = drawn("tsne")
    chosen = figures.named_points(found, found.before)
    assert list(chosen) == list(dict.fromkeys(found.tasks))
    for task, point in chosen.items():
        own = found.before[[i for i, name in enumerate(found.tasks) if name == task]]
        assert point.tolist() in own.tolist()
    line = np.stack([np.arange(4.0), np.zeros(4)], 1)
    two = replace(found, tasks=("a", "a", "b", "b"))
    apart = figures.named_points(two, line[[0, 1, 0, 3]])
    assert (apart["a"].tolist(), apart["b"].tolist()) == ([0, 0], [3, 0])


def test_the_map_of_whole_tasks_is_one_picture_with_the_way_from_before_to_after():
    found = drawn("mds")
    shown = figures.trails(found, False)
    assert shown.count("class='ring'") == shown.count("class='dot'") == 3
    assert "<img" not in shown
    links = Cells(shown).links
    assert ElementTree.fromstring(links["mds-map.svg"]).tag.endswith("svg")
    assert len(table(links["mds-map.csv"])) == 1 + 6


def test_no_marker_hides_another():
    here, away = np.zeros((3, 2)), np.array([[0.0, 0], [0, 0], [3, 1]])
    found = replace(drawn("mds"), before=here, after=away)
    made = trail_map.marks(found)
    assert len({radius for _, _, radius in made[:3]}) == 3  # three rings in one place
    assert made[3][2] != made[4][2]
    assert len(set(made)) == 6


def test_the_sentence_on_structure_is_decided_by_its_numbers():
    found = drawn("tsne")
    alike = figures.structure_words(replace(found, structure=Structure(0.21, 0.2, 0.18)))
    assert alike.startswith("No structure here: before and after look alike (")
    assert "21% are of the same task before and 20% after; in random directions 18% are" in alike
    both = figures.structure_words(replace(found, structure=Structure(0.62, 0.6, 0.2)))
    assert both.startswith("There is structure, the same before and after")
    less = figures.structure_words(replace(found, structure=Structure(0.62, 0.3, 0.2)))
    assert "less of it after" in less
    assert "compared with nothing" in figures.structure_words(found)
    assert "No structure" in figures.words(replace(found, structure=Structure(0, 0, 0)), False)


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
