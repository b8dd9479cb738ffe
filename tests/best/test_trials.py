"""What is tried at first, and what does well is grown into: recipes, no models."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from studio.best.trials import (
    NOT_MERGING,
    Growth,
    Trial,
    around,
    can_search,
    first_trials,
    next_trials,
)
from studio.methods import METHODS, method
from studio.methods.starting_points import STARTING_POINTS
from studio.recipe import RECALIBRATE, Recipe
from studio.search.plan import SearchPlan
from studio.zoo import Zoo, load_zoo


@pytest.fixture(scope="module")
def zoo(tiny_zoo) -> Zoo:
    return load_zoo(tiny_zoo)


@pytest.fixture(scope="module")
def first(zoo) -> Sequence[Trial]:
    return first_trials(zoo)


def resolved(trial: Trial) -> Recipe:
    assert trial.recipe
    return trial.recipe


GROWTH = Growth(SearchPlan(), resolved, heads=True)


def of(first: Sequence[Trial], words: str) -> Trial:
    return next(each for each in first if each.what == words)


def test_not_merging_is_tried_first_and_every_starting_point_at_its_scales(first):
    assert first[0] is NOT_MERGING
    assert len(first) == 1 + sum(len(point.scales) for point in STARTING_POINTS)
    assert len({each.key for each in first}) == len(first)
    for each in first[1:]:
        recipe = resolved(each)
        method(recipe.method, recipe.options)  # refuses nothing
    bases = {resolved(x).options.get("basis") for x in first if x.recipe and not x.rival}
    assert bases == {"vector", "subspace", "activation"}


def test_all_kinds_come_at_the_scale_they_start_at_before_any_comes_at_another(first):
    count = len(STARTING_POINTS)
    assert [each.scale for each in first[1 : count + 1]] == [1.0] * count


def test_a_scale_multiplies_the_option_or_the_coefficients(first):
    wide = of(first, "RegMean x 1.25")
    assert resolved(wide).options == {"scale": 1.25}
    vectors = of(first, "MDM-OC, vectors x 1.6")
    start = METHODS["mdm_oc"].starting_coefficient(2)
    assert [task.coefficient for task in resolved(vectors).tasks] == [start * 1.6] * 2


def test_around_a_trial_are_nearer_scales_and_other_strengths(first):
    found = [each.what for each in around(of(first, "MDM-OC, activations"))]
    assert found == [
        f"MDM-OC, activations, strength {each}" for each in ("0.1", "0.5", "1")
    ]  # its near scales were tried
    found = [each.what for each in around(of(first, "Iso-C x 1.6"))]
    assert found == ["Iso-C x 2", "Iso-C x 1.28"]
    assert not any(each.rival for each in around(of(first, "MDM-OC, vectors")))
    assert all(each.rival for each in around(of(first, "Iso-C")))


def test_the_next_round_holds_not_merging_the_best_of_each_kind_and_the_best_rival(first):
    ranked = [*(x for x in first if not x.rival and x.recipe), *(x for x in first if x.rival)]
    found = next_trials(0, [*ranked, NOT_MERGING], GROWTH)
    assert found[0] is NOT_MERGING
    assert len({each.kind for each in found if each.recipe}) == 6
    later = next_trials(2, [*ranked, NOT_MERGING], GROWTH)
    assert [each for each in later if each.rival] == [x for x in first if x.rival][:1]


def test_then_the_best_are_calibrated_and_their_coefficients_searched(first):
    ranked = [of(first, "Iso-C"), of(first, "MDM-OC, vectors"), of(first, "TIES"), NOT_MERGING]
    found = [each.what for each in next_trials(1, ranked, GROWTH)]
    assert found == [
        "Not merging", "Iso-C", "MDM-OC, vectors", "TIES", "Iso-C, calibrated",
        "Iso-C, calibrated, heads refitted", "MDM-OC, vectors, calibrated",
        "MDM-OC, vectors, calibrated, heads refitted", "MDM-OC, vectors, weights per task by Adam",
        "TIES, weights per task by Adam",
    ]  # fmt: skip


def test_a_searched_trial_is_searched_finer_and_then_finished(first):
    start = of(first, "MDM-OC, activations")
    (coarse,) = GROWTH.searched(start, "task")
    assert coarse.plan
    assert coarse.plan.granularity == "task"
    assert coarse.key != start.key
    assert GROWTH.searched(coarse, "task") == []
    (fine,) = GROWTH.searched(coarse, "tensor")
    assert fine.what == "MDM-OC, activations, weights per tensor by Adam"
    calibrated, refitted = GROWTH.finished(fine)
    assert calibrated.what == f"{fine.what}, calibrated"
    assert refitted.what == f"{fine.what}, calibrated, heads refitted"
    for finished in (calibrated, refitted):
        assert finished.plan is None
        assert not GROWTH.finished(finished)
        assert not can_search(finished)
    assert not any(each.rival for each in (coarse, fine, calibrated, refitted))


def test_where_no_head_can_be_refitted_none_is(first):
    start = of(first, "Iso-C")
    (calibrated,) = replace(GROWTH, heads=False).finished(start)
    assert calibrated.what == "Iso-C, calibrated"


def test_what_weighs_by_its_coefficients_is_not_searched_nor_is_anything_without_a_plan(first):
    assert not can_search(of(first, "Iso-C"))
    assert not can_search(NOT_MERGING)
    assert Growth(None, resolved).searched(of(first, "MDM-OC, vectors"), "task") == []


def test_running_statistics_are_measured_anew_where_there_are_some(first):
    start = of(first, "Iso-C")
    assert GROWTH.recalibrated(start) == []
    own = Growth(None, resolved, batch_norm=True)
    (made,) = own.recalibrated(start)
    assert resolved(made).batch_norm == RECALIBRATE
    assert made.what == "Iso-C, running statistics measured anew"
    assert own.recalibrated(made) == []
