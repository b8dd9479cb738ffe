"""Landscapes: scores of the recipes themselves, nothing twice, holes, and what is beyond noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from studio.errors import BadData, BadRecipe, Cancelled
from studio.measure.bench import Bench
from studio.measure.outcomes import Measuring
from studio.recipe import Recipe, TaskEntry
from studio.sweep import landscape as module
from studio.sweep.axis import Axis, parse_axis
from studio.sweep.landscape import Landscape, SweepPoint, landscape, order, sweep_cost
from studio.zoo import load_zoo
from tests.conftest import refusal
from tests.outcomes import outcome


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


@pytest.fixture(scope="module")
def recipe(bench):
    return bench.zoo.recipe("task_arithmetic", 0.4)


@pytest.fixture(scope="module")
def swept(bench, recipe):
    axes = [parse_axis(recipe, "coefficient.color=0:1"), parse_axis(recipe, "coefficients=0:2")]
    return list(landscape(bench, recipe, axes, 1, 12))


def test_it_grows_by_a_point_from_coarse_to_fine(swept):
    assert [len(each.points) for each in swept] == list(range(10))
    assert [each.level for each in swept] == [0] * 9 + [1]
    assert [each.done for each in swept] == [False] * 9 + [True]
    assert [p.place for p in swept[-1].points] == order(swept[-1].axes, 1)


def test_every_value_is_the_score_of_its_recipe(bench, recipe, swept):
    found = swept[-1]
    assert found.here.place == (0.4, 1.0)
    for color, factor in ((0.0, 0.0), (0.5, 2.0)):
        point = found.at(color, factor)
        by_hand = recipe.with_coefficients({"color": color, "animal": 0.4 * factor})
        evaluation = bench.evaluation(bench.heads(bench.scored()), "validation", rows=12)
        bench.live.wear(bench.merge(by_hand))
        list(evaluation.run(bench.live))
        assert point.outcome.scores == evaluation.scores()
        assert point.means[0].value == np.mean([s.value for s in evaluation.scores().values()])
    assert point.rows == 24


def test_nothing_is_measured_twice(bench, recipe, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    axes = [parse_axis(recipe, "scale=0:1")]
    assert [place for (place,) in order(axes, 3)] == [
        0, 0.5, 1, 0.25, 0.75, 0.125, 0.375, 0.625, 0.875,
    ]  # fmt: skip
    asked = []

    def measured(self, merge, heads, split, most, timed):
        asked.append(merge.recipe.options)
        return before(self, merge, heads, split, most, timed)

    before = Measuring._measured
    monkeypatch.setattr(Measuring, "_measured", measured)
    *_, coarse = landscape(bench, recipe, axes, 1, 2)
    assert asked == [{}, {"scale": 0.0}, {"scale": 0.5}]  # the present recipe is scale 1
    *_, fine = landscape(bench, recipe, axes, 2, 2)
    assert asked[3:] == [{"scale": 0.25}, {"scale": 0.75}]
    assert [each.place for each in fine.points[:3]] == [each.place for each in coarse.points]


def test_a_point_that_is_refused_is_a_hole_with_its_sentence(bench, recipe, monkeypatch):
    def merged(self, made, split, most):
        if made.options.get("scale") == 1.0:
            raise BadRecipe("It cannot be merged.")
        return outcome({"color": np.array([1, 0])})

    monkeypatch.setattr(Measuring, "merged", merged)
    *_, found = landscape(bench, recipe, [parse_axis(recipe, "scale=0:2")], 1, 2)
    assert [point.refusal for point in found.points] == ["", "It cannot be merged.", ""]
    assert found.done
    assert [point.place for point in found.known] == [(0,), (2.0,)]
    assert found.best is found.points[0]


def test_a_cancel_is_no_hole(bench, recipe):
    def stop(share, words):
        if share > 0.3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        list(landscape(bench, recipe, [Axis("scale", 0.1, 0.3)], 1, 2, stop))


def made(*rights: list[int], here: list[int]) -> Landscape:
    """A sweep of one task on the rows given."""
    axis = Axis("strength", 0.0, 1.0)
    points = tuple(
        SweepPoint((value,), outcome({"red": np.array(right)}))
        for value, right in zip((0.0, 0.5, 1.0), rights, strict=True)
    )
    present = SweepPoint((0.9,), outcome({"red": np.array(here)}))
    return Landscape(Recipe("/b", (TaskEntry("red", "/r"),)), (axis,), 1, present, points)


def test_of_equal_points_the_nearest_to_the_present_is_the_best():
    found = made([1, 1, 0], [1, 0, 0], [0, 1, 1], here=[1, 0, 0])
    assert found.best is found.points[2]


def test_the_best_of_many_needs_a_wider_interval_than_one():
    # 9 of 40 rows got better, 1 worse: mean 8/40; Agresti and Min: variance
    # (10 + 1 - 64 / 42) / 42^2, half 1.96 sqrt of it = 0.1437; of three, 2.394 in the place of 1.96
    here = [0] * 9 + [1] * 31
    best = [1] * 9 + [0] + [1] * 30
    found = made([0] * 40, best, [0] * 40, here=here)
    assert found.gain is not None
    assert found.gain.mean == pytest.approx(0.2)
    assert found.gain.half == pytest.approx(0.1437, abs=1e-4)
    assert found.widened == pytest.approx(0.1437 * 2.39398 / 1.95996, abs=1e-4)
    assert found.beyond_noise
    assert "+20.0 ± 14.4 points against the present recipe, paired. That is beyond" in found.words
    assert "widened for the best of 3" in found.words
    assert "expect less of it on others" in found.words
    one = made([0] * 40, [1] * 40, [0] * 40, here=[0] * 5 + [1] * 35)
    assert one.gain is not None
    assert one.gain.verdict == "better"
    assert not one.beyond_noise  # 0.125, between 0.1085 and 0.1325
    assert "cannot tell them apart" in one.words


def test_a_sweep_that_finds_nothing_better_says_so():
    found = made([0, 0], [1, 0], [0, 0], here=[1, 1])
    assert "No point of the sweep is better than the present recipe." in found.words
    refused = replace(found, here=SweepPoint((0.9,), None, "No."))
    assert refused.gain is None
    assert "cannot be merged: No." in refused.words


def test_the_cost_counts_every_point_once(bench, recipe):
    axes = [parse_axis(recipe, "coefficients"), parse_axis(recipe, "scale=0:2")]
    found = sweep_cost(bench, recipe, axes, 2, 20)
    assert (found.points, found.rows) == (25, 40)
    assert found.words == "25 points x 40 validation rows = 1,000 row evaluations"


@pytest.mark.parametrize(
    ("names", "levels", "rows", "words"),
    [
        ([], 1, 2, "one axis or two that differ; these are none"),
        (["scale=0:1", "scale=0:2"], 1, 2, "these are scale, scale"),
        (["scale", "coefficients", "coefficient.color"], 1, 2, "one axis or two"),
        (["scale"], 0, 2, "0 levels were asked for; give 1 to 6"),
        (["scale"], 7, 2, "7 levels were asked for"),
        (["scale"], 1, 0, "0 rows per task were asked for; give at least 1"),
    ],
)
def test_what_makes_no_sweep_is_refused(bench, recipe, names, levels, rows, words):
    axes = [parse_axis(recipe, name) for name in names]
    with pytest.raises(BadRecipe) as error:
        next(landscape(bench, recipe, axes, levels, rows))
    assert words in refusal(error)


def test_other_checkpoints_and_tasks_without_rows_are_refused(bench, recipe, monkeypatch):
    axes = [parse_axis(recipe, "scale")]
    other = replace(recipe, tasks=(replace(recipe.tasks[0], checkpoint="/other"),))
    with pytest.raises(BadRecipe, match=r"task 'color' is /other, which is not the zoo"):
        sweep_cost(bench, other, axes)
    with pytest.raises(BadRecipe, match="base is /other"):
        sweep_cost(bench, replace(recipe, base="/other"), axes)
    monkeypatch.setattr(module, "searched_split", lambda _: "train")
    with pytest.raises(BadData, match="these have none: color, animal"):
        sweep_cost(bench, recipe, axes)
