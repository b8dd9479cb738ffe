"""Where merges stand on a plane: as a least-squares fit of their written weights says it, too."""

from dataclasses import replace

import pytest
import torch

from studio.geometry.plane import Spot
from studio.measure.bench import Bench
from studio.merge import merged_pieces
from studio.methods import SUM
from studio.search.plan import SearchPlan
from studio.search.run import optimize
from studio.sweep.plane_map import plane_in
from studio.sweep.plane_paths import (
    by_algebra,
    meeting,
    orthogonal_path,
    search_path,
    sum_path,
)
from studio.zoo import load_zoo

PAIR = ("color", "animal")


@pytest.fixture(scope="module")
def bench(tiny_zoo) -> Bench:
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


def change(bench, merge) -> torch.Tensor:
    """The merge's change of the base, all tensors one after another."""
    parts = []
    for name in bench.deltas.names:
        merged = torch.cat([piece.double().clone() for piece in merged_pieces(merge, name)])
        parts.append(merged - merge.base.tensor(name).double().view(-1))
    return torch.cat(parts)


def fitted(bench, merge) -> tuple[float, float, float]:
    """Amounts of both deltas and the length of what is left, from the weights alone."""
    deltas = torch.stack([change(bench, bench.expert(name)) for name in PAIR])
    own = change(bench, merge)
    amounts = torch.linalg.lstsq(deltas.T, own.unsqueeze(1)).solution.squeeze(1)
    return (*amounts.tolist(), float((own - amounts @ deltas).norm()))


RECIPES = [SUM, "mdm_oc", "ties", "dare", "magmax"]


@pytest.mark.parametrize("name", RECIPES)
def test_the_place_of_a_merge_is_that_of_its_weights(bench, name):
    plane = plane_in(bench, PAIR)
    options = {"scope": "tensor"} if name == "mdm_oc" else {}
    recipe = replace(bench.zoo.recipe(name, 0.8), options=options)
    merge = bench.merge(recipe)
    assert by_algebra(bench, recipe) is (name in (SUM, "mdm_oc"))
    spot = meeting(bench, plane, merge).spot(plane, merge)
    first, second, outside = fitted(bench, merge)
    assert plane.amounts(spot.x, spot.y) == pytest.approx((first, second), abs=1e-5)
    assert spot.outside == pytest.approx(outside, rel=1e-3, abs=1e-4)


def test_a_sum_lies_on_the_plane_and_parts_of_tensors_lie_beside_it(bench):
    plane = plane_in(bench, PAIR)
    path = sum_path(plane)
    whole = plane.at(1.0, 1.0)
    assert (path[0], path[-1]) == (Spot(0.0, 0.0), whole)
    assert path[2].x == pytest.approx(whole.x / 2)
    ties = bench.merge(bench.zoo.recipe("ties", 1.0))
    assert meeting(bench, plane, ties).spot(plane, ties).share > 0.01


def test_the_orthogonal_path_turns_at_a_right_angle(bench):
    plane = plane_in(bench, PAIR)
    base, corner, end = orthogonal_path(bench, plane, {"scope": "model"})
    first = plane.at(1.0, 0.0)
    assert (base, corner.y) == (Spot(0.0, 0.0), pytest.approx(0.0, abs=1e-9))
    assert corner.x == pytest.approx(first.x)
    assert end.x == pytest.approx(corner.x)  # straight up: nothing along the first any more
    assert end.y == pytest.approx(plane.at(0.0, 1.0).y)
    assert end.outside == pytest.approx(0.0, abs=1e-6 * end.y)
    layered = orthogonal_path(bench, plane, {"scope": "tensor"})[-1]
    assert layered.outside > 0


@pytest.mark.parametrize("method", ["mdm_oc", "ties"])
def test_a_search_is_a_path_from_its_start_to_its_end(bench, method):
    recipe = bench.zoo.recipe(method, 0.6)
    plan = SearchPlan(optimizer="cma", budget=18, rows=8)
    run = [*optimize(bench, recipe, plan)][-1]
    plane = plane_in(bench, PAIR)
    path = search_path(bench, plane, run)
    last = bench.merge(run.recipe(run.steps[-1].point))
    assert path[-1] == meeting(bench, plane, last).spot(plane, last)
    assert len(path) == len([step for step in run.steps if step.number]) + 1
    assert search_path(bench, plane, replace(run, steps=())) == ()
