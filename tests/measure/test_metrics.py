import pytest

from studio.measure.intervals import Score
from studio.measure.metrics import (
    average_score,
    backward_transfer,
    forward_transfer,
    gain_kept,
    marked,
    mean_score,
    means,
    means_over,
    means_words,
    scores_json,
    unmerge_drop,
    worth,
)
from studio.tasks.metric import ACCURACY, AGREEMENT, LOSS, Metric


def at(*values: float, metric: Metric = ACCURACY) -> dict[str, Score]:
    made = (Score(value, 100, value - 0.1, value + 0.1, "wilson", metric) for value in values)
    return dict(zip("abc", made, strict=False))


def test_metrics_worked_by_hand():
    steps = [[0.9, 0.1, 0.2], [0.8, 0.7, 0.3], [0.6, 0.6, 0.9]]
    assert average_score(steps, (0, 1, 2)) == pytest.approx(0.7)
    assert backward_transfer(steps, (0, 1, 2)) == pytest.approx(((0.6 - 0.9) + (0.6 - 0.7)) / 2)
    assert forward_transfer(steps, [0.5, 0.3, 0.1], (0, 1, 2)) == pytest.approx(
        ((0.1 - 0.3) + (0.3 - 0.1)) / 2
    )
    before, after = at(0.9, 0.8, 0.7), at(0.1, 0.6, 0.8)
    assert unmerge_drop(before, after, "a") == pytest.approx({"b": 0.2, "c": -0.1})


def test_gain_kept_is_a_share_of_the_experts_gain():
    assert gain_kept(at(0.7, 0.8), at(0.8, 0.9), at(0.5, 0.7)) == pytest.approx(0.6)
    assert gain_kept(at(0.7, 0.8), at(0.5, 0.7), at(0.5, 0.7)) is None


def test_a_loss_that_falls_is_a_gain_and_one_that_rises_is_forgotten():
    assert gain_kept(
        at(2.5, 2.0, metric=LOSS), at(2.0, 1.8, metric=LOSS), at(3.0, 2.4, metric=LOSS)
    ) == pytest.approx((0.5 + 0.4) / (1.0 + 0.6))
    assert gain_kept(at(2.5, metric=LOSS), at(3.0, metric=LOSS), at(2.9, metric=LOSS)) is None
    before, after = at(2.0, 3.0, metric=LOSS), at(9.0, 3.2, metric=LOSS)
    assert unmerge_drop(before, after, "a") == pytest.approx({"b": 0.2})


def test_means_are_formed_within_one_metric_and_each_is_called_by_its_name():
    mixed = at(0.5, 0.7) | {"c": at(2.0, metric=LOSS)["a"], "d": at(3.0, metric=LOSS)["a"]}
    first, second = means(mixed)
    assert (first.metric, first.value, first.n, first.tasks) == (ACCURACY, 0.6, 200, 2)
    assert first.half == pytest.approx(0.1 / 2**0.5)
    assert (second.metric, second.value, second.tasks) == (LOSS, 2.5, 2)
    assert (first.perplexity, second.perplexity) == (None, pytest.approx(12.1825, abs=1e-4))
    assert means_words(mixed) == "mean accuracy 60.0%, mean loss 2.500"
    plain = scores_json(mixed)
    assert plain["mean"] is None
    assert plain["means"]["loss"] == {"mean": 2.5, "half": second.half}
    assert plain["tasks"]["c"]["loss"] == 2.0
    assert scores_json(at(2.0, 3.0, metric=LOSS))["mean"] == 2.5
    with pytest.raises(ValueError, match="too many"):
        mean_score(mixed)


def test_a_model_is_chosen_by_its_mean_or_by_points_and_percent_where_there_are_both():
    assert worth(at(0.5, 0.7)) == pytest.approx(0.6)
    assert worth(at(2.0, 3.0, metric=LOSS)) == -2.5
    old, acc, loss = (
        {"a": at(x)["a"], "b": at(y, metric=LOSS)["a"]}
        for x, y in ((0.5, 2.0), (0.51, 2.0), (0.5, 1.98))
    )
    assert worth(acc) - worth(old) == pytest.approx(worth(loss) - worth(old), rel=0.01)


def test_a_mean_of_agreement_with_something_else_is_told_task_by_task():
    agreed = at(0.5, metric=AGREEMENT)
    assert means_over(at(0.1, 0.2)) == means_over(agreed) == ""
    mixed = {"a": at(0.5)["a"], "b": at(0.5)["a"], "c": agreed["a"]}
    assert means_over(mixed) == "mean of accuracy (2 tasks) and agreement (1 task)"
    assert means_over(mixed | {"d": at(1.0, metric=LOSS)["a"]}).endswith("and loss (1 task)")
    assert means_over({"a": at(0.5)["a"], "b": at(1.0, metric=LOSS)["a"]}) == ""
    assert [marked("x", each) for each in (ACCURACY, AGREEMENT)] == ["x", "x (agreement)"]
