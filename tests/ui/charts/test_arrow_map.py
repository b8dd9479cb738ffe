"""The picture of arrows: to scale, names apart, tasks to be found by their numbers."""

from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest

from studio.geometry.arrows import arrows
from studio.ui.charts.arrow_map import arrow_map, names_of, pixels
from tests.ui.charts.test_geometry import EVIL, Cells, geometry, table


def test_lengths_in_the_picture_are_those_of_the_arrows():
    found = geometry(3)
    made = arrows(found.before, found.after, None)
    before, after, base = pixels(made)
    shown = np.concatenate([before, after]) - np.array(base)
    assert made.after is not None
    true = np.concatenate([made.before, made.after])
    unit = float(np.linalg.norm(shown[0]) / np.linalg.norm(true[0]))
    assert shown * [1, -1] == pytest.approx(unit * true, abs=1e-6)


def test_names_do_not_lie_over_one_another():
    found = geometry(8)
    made = arrows(found.before, found.after, None)
    assert not any(a.over(b) for a, b in combinations(names_of(made), 2))


def test_the_figure_says_how_much_it_keeps_runs_nothing_and_can_be_saved():
    found = geometry(3)
    made = arrows(found.before, found.after, None)
    shown = arrow_map(made)
    assert f"keeps <b>{made.share:.0%}</b>" in shown
    assert [f"data-task='{i}'" in shown for i in range(4)] == [True, True, True, False]
    assert "<img" not in shown
    links = Cells(shown).links
    assert ElementTree.fromstring(links["tasks-as-arrows.svg"]).tag.endswith("svg")
    rows = table(links["tasks-as-arrows.csv"])
    assert len(rows) == 1 + 6
    assert rows[1][:2] == ["before", f"'{EVIL}0"]


def test_a_picture_that_keeps_all_distances_is_not_said_to_fail_at_it():
    made = replace(arrows(geometry(2).before, None, None), share=0.99995)
    assert "all distances between them are true" in arrow_map(made)
    assert "cannot" not in arrow_map(made)
    assert "cannot hold them all" in arrow_map(replace(made, share=0.9998))


def test_a_method_without_parts_per_task_has_no_arrows_after():
    found = geometry(2)
    shown = arrow_map(arrows(found.before, None, None))
    assert "class='trail'" not in shown
    assert "pale before" not in shown
