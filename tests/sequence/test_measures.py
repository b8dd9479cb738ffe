"""ACC, BWT, FWT and gain after each arrival, by hand; spread over orders."""

from dataclasses import replace

import pytest

from studio.measure.intervals import Score
from studio.measure.metrics import means
from studio.recipe import Recipe, TaskEntry
from studio.sequence.measures import curve_names, mean_matrix, metrics_of, spread, tracks
from studio.sequence.orders import Order
from studio.sequence.plan import SequencePlan
from studio.sequence.run import Arrival, ReferenceScores
from studio.sequence.shape import Shape
from studio.tasks.metric import ACCURACY, LOSS

TASKS = ("a", "b", "c")
RECIPE = Recipe("base", tuple(TaskEntry(name, name) for name in TASKS), "average")


def scores(values, half: float = 0.1) -> dict[str, Score]:
    return {
        name: Score(value, 100, value - half, value + half, "wilson")
        for name, value in zip(TASKS, values, strict=True)
    }


FOUND = ReferenceScores(scores((0.2, 0.3, 0.4)), scores((0.9, 0.9, 0.9)), scores((0.5, 0.5, 0.5)))
ORDERS = (Order(("b", "a", "c")), Order(("a", "b", "c"), 4))


def step(t: int, values, order: int = 0, refusal: str = "") -> Arrival:
    found = {} if refusal else scores(values)
    shape = None if refusal else Shape(float(t), None, 0.1 * t)
    return Arrival("average", order, t, RECIPE, found, shape, 0.0, refusal)


STEPS = [step(1, (0.25, 0.8, 0.45)), step(2, (0.7, 0.6, 0.5)), step(3, (0.6, 0.5, 0.9))]


def plan() -> SequencePlan:
    return SequencePlan({"average": RECIPE}, ORDERS, None, dict.fromkeys(TASKS, 100), 600)


def test_transfers_follow_the_order_of_arrival():
    (track,) = tracks(plan(), FOUND, STEPS)
    # columns b, a, c
    assert track.matrix == ((0.8, 0.25, 0.45), (0.6, 0.7, 0.5), (0.5, 0.6, 0.9))
    assert track.curves["acc"] == pytest.approx((0.8, 0.65, 2.0 / 3))
    # forgotten of b: 0.6 - 0.8; then of b 0.5 - 0.8 and of a 0.6 - 0.7
    assert track.curves["bwt"][0] is None
    assert track.curves["bwt"][1:] == pytest.approx((-0.2, -0.2))
    # a before its arrival: 0.25 - 0.2; c before its: 0.5 - 0.4
    assert track.curves["fwt"][0] is None
    assert track.curves["fwt"][1:] == pytest.approx((0.05, 0.075))
    # gains over head-only 0.5, of the 0.4 that each expert gains
    assert track.curves["gain"] == pytest.approx((0.3 / 0.4, 0.3 / 0.8, 0.5 / 1.2))
    assert track.curves["distance"] == (1.0, 2.0, 3.0)


def test_a_single_tasks_gain_that_may_be_none_is_not_shown():
    unsure = ReferenceScores(FOUND.base, scores((0.55, 0.55, 0.55)), FOUND.head_only)
    (track,) = tracks(plan(), unsure, STEPS)
    assert track.curves["gain"][0] is None
    assert track.curves["gain"][1] is not None
    (track,) = tracks(plan(), ReferenceScores(FOUND.base, FOUND.experts, {}), STEPS)
    assert track.curves["gain"] == (None, None, None)


def test_spread_and_mean_over_orders_by_place_of_arrival():
    other = [step(1, (0.6, 0.1, 0.2), 1), step(2, (0, 0, 0), 1, "refused")]
    made = tracks(plan(), FOUND, STEPS + other)
    assert [track.refusal for track in made] == ["", "refused"]
    first, second = spread(made, "acc", 1), spread(made, "acc", 2)
    assert first is not None
    assert (first.mean, first.orders) == (pytest.approx(0.7), 2)
    assert first.deviation == pytest.approx(0.1 * 2**0.5)
    assert second is not None
    assert (second.deviation, second.orders) == (None, 1)
    assert spread(made, "bwt", 1) is None
    assert mean_matrix(made)[0] == pytest.approx([0.7, 0.175, 0.325])
    assert len(mean_matrix(made)) == 3


def test_a_mean_is_surer_than_each_of_its_tasks():
    (mean,) = means({name: scores((0.5, 0.5, 0.5))[name] for name in "ab"})
    assert mean.half == pytest.approx(0.1 / 2**0.5)


def mixed(values) -> dict[str, Score]:
    """Scores of which b's is a loss."""
    made = scores(values)
    return made | {"b": replace(made["b"], metric=LOSS)}


def test_transfers_are_formed_within_one_metric_and_a_loss_that_rises_is_forgetting():
    found = ReferenceScores(mixed((0.2, 3.0, 0.4)), mixed((0.9, 2.0, 0.9)), mixed((0.5, 2.9, 0.5)))
    steps = [
        replace(each, scores=mixed(values))
        for each, values in zip(
            STEPS, ((0.25, 2.1, 0.45), (0.7, 2.5, 0.5), (0.6, 2.4, 0.9)), strict=True
        )
    ]
    assert metrics_of(found) == (ACCURACY, LOSS)
    assert curve_names((LOSS,))[:3] == ("loss", "loss_bwt", "loss_fwt")
    (first,) = tracks(plan(), found, steps)  # b, a, c
    assert first.curves["loss"] == pytest.approx((2.1, 2.5, 2.4))
    assert first.curves["loss_bwt"] == (None, pytest.approx(-0.4), pytest.approx(-0.3))
    assert first.curves["loss_fwt"] == (None, None, None)
    assert first.curves["acc"] == (None, pytest.approx(0.7), pytest.approx(0.75))
    assert first.curves["bwt"] == (None, None, pytest.approx(-0.1))
    assert first.curves["fwt"] == (None, pytest.approx(0.05), pytest.approx(0.075))
    (second,) = tracks(plan(), found, [replace(each, order=1) for each in steps])  # a, b, c
    assert second.curves["loss_fwt"][1] == pytest.approx(3.0 - 2.1)
