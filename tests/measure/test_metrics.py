import pytest

from studio.measure.intervals import Score
from studio.measure.metrics import (
    average_accuracy,
    backward_transfer,
    forward_transfer,
    gain_kept,
    unmerge_drop,
)


def test_metrics_worked_by_hand():
    steps = [[0.9, 0.1, 0.2], [0.8, 0.7, 0.3], [0.6, 0.6, 0.9]]
    assert average_accuracy(steps) == pytest.approx(0.7)
    assert backward_transfer(steps) == pytest.approx(((0.6 - 0.9) + (0.6 - 0.7)) / 2)
    assert forward_transfer(steps, [0.5, 0.3, 0.1]) == pytest.approx(
        ((0.1 - 0.3) + (0.3 - 0.1)) / 2
    )
    before, after = {"a": 0.9, "b": 0.8, "c": 0.7}, {"a": 0.1, "b": 0.6, "c": 0.8}
    assert unmerge_drop(before, after, "a") == (pytest.approx(0.05), pytest.approx(0.2))


def test_gain_kept_is_a_share_of_the_experts_gain():
    at = lambda *x: {k: Score(v, 100, 0, 1, "wilson") for k, v in zip("ab", x, strict=True)}  # noqa: E731
    assert gain_kept(at(0.7, 0.8), at(0.8, 0.9), at(0.5, 0.7)) == pytest.approx(0.6)
    assert gain_kept(at(0.7, 0.8), at(0.5, 0.7), at(0.5, 0.7)) is None
