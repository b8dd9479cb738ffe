"""What a lesson knows of a zoo: angles of the deltas themselves, and who gains."""

import math
from dataclasses import replace

import pytest

from studio.lesson.facts import ZooFacts, facts_of
from studio.measure.intervals import Score
from studio.tasks.metric import LOSS


def score(value: float, metric=None) -> Score:
    made = Score(value, 100, value - 0.1, value + 0.1, "wilson")
    return replace(made, metric=metric) if metric else made


FACTS = ZooFacts(
    ("a", "b", "c"), {"a": 1.0, "b": 2.0, "c": 3.0},
    {("a", "b"): 0.5, ("a", "c"): -0.3, ("b", "c"): 0.01}, 10, ("a", "b", "c"),
    {"a": score(0.9), "b": score(0.95), "c": score(0.99)},
    {"a": score(0.5), "b": score(0.3), "c": score(0.1)}, 0.58,
)  # fmt: skip


def test_pairs_are_chosen_by_their_cosines():
    assert (FACTS.near, FACTS.apart, FACTS.against) == (("a", "b"), ("b", "c"), ("a", "c"))
    assert FACTS.cosine("b", "a") == 0.5
    assert FACTS.angle("a", "b") == pytest.approx(60.0)


def test_the_strongest_is_one_that_others_come_after():
    assert FACTS.strong == "b"  # c gains more, and its subtraction would leave nothing
    assert replace(FACTS, base={}).strong == ""


def test_a_loss_gains_by_falling():
    facts = replace(FACTS, experts={"a": score(1.0, LOSS)}, base={"a": score(4.0, LOSS)})
    assert facts.gain("a") == 0.75


def test_pairs_without_rows_count_only_where_none_has_them():
    assert replace(FACTS, scored=("a", "c")).near == ("a", "c")
    assert replace(FACTS, scored=()).near == ("a", "b")
    alone = replace(FACTS, tasks=("a",), cosines={})
    assert (alone.near, alone.first) == (None, "a")


def test_lengths_and_angles_are_those_of_the_deltas(bench):
    assert bench.gram.tasks == ("color", "animal")
    facts = facts_of(bench, {}, {}, bench.gram.tasks)
    assert facts is not None
    total = bench.gram.total()
    assert facts.lengths["color"] == math.sqrt(total[0, 0])
    cosine = float(total[0, 1] / (total[0, 0] * total[1, 1]).sqrt())
    assert facts.cosine("color", "animal") == pytest.approx(cosine, abs=1e-15)
    shapes = (bench.base.weights.entries[name].shape for name in bench.gram.names)
    assert facts.numbers == sum(math.prod(shape) for shape in shapes)
    assert facts_of(bench, {}, {}, ()) is None
