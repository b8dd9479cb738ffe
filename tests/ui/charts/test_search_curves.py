"""Curves of a search: which there are, and that long ones are thinned."""

import pytest

from studio.ui.charts.search_curves import charts, first, looks, thinned
from tests.ui.views.test_search import run


@pytest.mark.parametrize(("length", "most"), [(1, 5), (5, 5), (7, 5), (1000, 40)])
def test_a_thinned_path_keeps_both_ends_and_at_most_so_many(length, most):
    kept = thinned(range(length), most)
    assert (kept[0], kept[-1]) == (0, length - 1)
    assert len(kept) == min(length, most)
    assert kept == sorted(set(kept))


def test_a_search_has_its_losses_its_accuracy_and_its_paths_and_an_earlier_one_is_dashed():
    alone, both = charts(run(), None, ""), charts(run(), run(), "earlier")
    assert list(alone) == list(both) == ["loss", "accuracy", "path"]
    assert all(series.style != "dashed" for chart, _ in alone.values() for series in chart.series)
    assert any(series.style == "dashed" for series in both["path"][0].series)
    assert all("earlier" in s.name for s in both["path"][0].series if s.style == "dashed")


def test_paths_begin_at_the_starting_point_that_the_search_went_on_from():
    found = run()
    assert first(found).value == min(each.value for each in found.steps if each.number == 0)
    assert all(step.checked is not None for step in looks(found))
