"""A plane of two deltas: true angles, places that undo amounts, and what lies beside."""

import math

import pytest
import torch

from studio.errors import BadRecipe
from studio.geometry.plane import Spot, plane_of

TOTAL = torch.tensor([[4.0, 3.0], [3.0, 9.0]], dtype=torch.float64)  # lengths 2 and 3, 60 degrees


def test_lengths_and_the_angle_are_those_of_the_deltas():
    plane = plane_of(("a", "b"), TOTAL)
    assert plane.at(1, 0) == Spot(2.0, 0.0)
    other = plane.at(0, 1)
    assert (other.x, other.y) == pytest.approx((1.5, 3 * math.sin(math.pi / 3)))
    both = plane.at(1, 1)
    assert both.x**2 + both.y**2 == pytest.approx(4 + 9 + 2 * 3)  # the squared length of the sum
    assert plane.amounts(both.x, both.y) == pytest.approx((1.0, 1.0))
    there = plane.at(*plane.amounts(-0.7, 0.3))
    assert (there.x, there.y) == pytest.approx((-0.7, 0.3))


def test_a_change_is_projected_at_right_angles_and_the_rest_lies_beside():
    drawn = torch.Generator().manual_seed(3)
    one, other, change = torch.randn(3, 40, generator=drawn, dtype=torch.float64)
    deltas = torch.stack([one, other])
    plane = plane_of(("a", "b"), deltas @ deltas.T)
    spot = plane.spot(float(change @ one), float(change @ other), float(change @ change))
    amounts = torch.linalg.lstsq(deltas.T, change.unsqueeze(1)).solution.squeeze(1)
    on_plane = amounts @ deltas
    assert plane.amounts(spot.x, spot.y) == pytest.approx(tuple(amounts.tolist()))
    assert math.hypot(spot.x, spot.y) == pytest.approx(float(on_plane.norm()))
    assert spot.outside == pytest.approx(float((change - on_plane).norm()))
    assert spot.share == pytest.approx(float((change - on_plane).norm() / change.norm()))
    assert Spot(0.0, 0.0).share == 0.0


def test_one_line_is_no_plane_and_neither_is_a_point():
    line = torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=torch.float64)
    with pytest.raises(BadRecipe, match=r"'a' and 'b' point the same way \(cosine 1.000000\)"):
        plane_of(("a", "b"), line)
    none = torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    with pytest.raises(BadRecipe, match="'b' changes nothing"):
        plane_of(("a", "b"), none)
