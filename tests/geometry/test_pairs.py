"""Measures by place: against the Gram's own cosines, and sums and means by hand."""

import pytest
import torch

from studio.geometry.conflict_report import by_layer, report
from studio.geometry.gram import Gram, gram
from studio.geometry.pairs import conflicts, cosines, overlaps
from tests.geometry.test_conflict_report import FOUND

TASKS = ("red", "green")


def test_cosines_of_a_place_are_those_of_its_vectors_and_a_zero_delta_has_none():
    x = torch.tensor([[3.0, 4.0], [4.0, 3.0], [0.0, 0.0]]).double()
    found = cosines(Gram(("a", "b", "c"), ("l.0.x", "l.1.x"), torch.stack([x @ x.T] * 2)), "layer")
    assert found.places == ("l.0", "l.1")
    assert float(found.at("l.1")[0, 1]) == pytest.approx(24 / 25)
    assert bool(found.at("l.0")[:, 2].isnan().all())


def test_signs_are_counted_over_a_place_and_overlaps_averaged_over_its_matrices():
    signs = conflicts(FOUND, TASKS, "layer")
    assert float(signs.at("layer.0")[0, 1]) == pytest.approx(18 / 120)
    assert signs.expected.tolist() == [0.5, 0.5]
    rows = overlaps(FOUND, TASKS, "layer", "rows")
    assert float(rows.at("layer.0")[0, 1]) == pytest.approx(0.6)
    assert float(rows.expected[0]) == pytest.approx(0.2)
    assert bool(rows.at("layer.1").isnan().all())
    assert bool(rows.expected[1].isnan())
    assert rows.only(("layer.1",)).places == ("layer.1",)


def test_layers_agree_with_the_report_of_the_command_line(deltas):
    found = report(deltas)
    layers = by_layer(found)
    i, j = torch.tril_indices(3, 3, offset=-1)
    for side in ("columns", "rows"):
        pairs = overlaps(found, deltas.tasks, "layer", side)
        for place in pairs.places:
            if layers[place]["matrices"] == 1:  # else a mean of means
                mean = float(pairs.at(place)[i, j].nanmean())
                assert mean == pytest.approx(layers[place][side])
    signs = conflicts(found, deltas.tasks, "layer")
    means = [float(signs.at(place)[i, j].nanmean()) for place in signs.places]
    assert means == pytest.approx([layers[place]["sign_conflict"] for place in signs.places])


@pytest.mark.parametrize("scope", ["model", "layer", "tensor"])
def test_cosines_are_those_of_vectors_laid_end_to_end(deltas, zoo_folder, scope):
    from tests.conftest import dense_deltas

    dense = dense_deltas(zoo_folder)
    found = cosines(gram(deltas), scope)
    for place in found.places:
        names = [n for n in deltas.names if place in ("model", n) or n.startswith(f"{place}.")]
        x, y = (torch.cat([dense[task][n].flatten() for n in names]) for task in ("red", "green"))
        expected = float(torch.dot(x, y) / x.norm() / y.norm())
        assert float(found.at(place)[0, 1]) == pytest.approx(expected, abs=1e-6)
