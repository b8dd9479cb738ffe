"""The heat maps of a sequence: a column has its task's metric, and darker is better."""

import re
from dataclasses import replace

from studio.sequence.measures import tracks
from studio.sequence.orders import Order
from studio.sequence.run import ReferenceScores
from studio.tasks.metric import LOSS
from studio.ui.charts import grids
from studio.ui.views import sequence
from studio.ui.views.sequence_heat import heats
from tests.ui.snapshots import unlinked
from tests.ui.views.test_sequence import EVIL, GIVEN, TASKS, run, step


def in_nats(found: dict) -> dict:
    """Scores of which the first task's is a loss."""
    return found | ({"red": replace(found["red"], metric=LOSS)} if found else {})


def shown(orders=GIVEN):
    steps = [step("average", 1, 2.0, 0.35), step("average", 2, 2.5, 0.7)]
    steps = [replace(each, scores=in_nats(each.scores)) for each in steps]
    made = run(*steps, orders=orders)
    own = made.found
    found = ReferenceScores(in_nats(own.base), in_nats(own.experts), in_nats(own.head_only))
    return replace(made, found=found)


def test_a_loss_is_written_as_such_and_darker_where_it_is_lower():
    view = shown()
    drawn = heats(view, ["average"], tracks(view.plan, view.found, view.steps))
    assert "<h3>Accuracy or loss on every task" in drawn
    assert "after 1: 2.000" in drawn
    assert "after 2: 70.0%" in drawn
    assert EVIL not in drawn
    low, high = grids.rising(0.5, 0.5), grids.rising(0.0, 0.5)
    colors = re.findall(r"fill='(rgb[^']*|#[0-9a-f]{6})'", drawn)
    assert {low, high} <= set(colors)
    assert colors.index(low) < colors.index(high)  # the first arrival is the better one


def test_places_of_arrival_that_mix_metrics_have_no_mean():
    view = shown((Order(TASKS), Order(tuple(reversed(TASKS)), 1)))
    drawn = heats(view, ["average"], tracks(view.plan, view.found, view.steps))
    assert "no mean matrix" in drawn
    assert "<svg" not in drawn


def test_means_and_transfers_stand_within_each_metric():
    drawn = unlinked(sequence.results(shown()))
    heads = re.findall(r"<th scope='col'>([^<]*)</th>", drawn)
    assert heads[1:7] == [
        "average at the end (ACC), accuracy",
        "gained or lost since arrival (BWT), accuracy, points",
        "help in advance (FWT), accuracy, points", "average at the end (ACC), loss",
        "gained or lost since arrival (BWT), loss, nats", "help in advance (FWT), loss, nats",
    ]  # fmt: skip
    assert "2.500 <span class='quiet'>± 0.100" in drawn
    assert ">-0.500</td>" in drawn
    assert "data-curve='loss_bwt'" in drawn
