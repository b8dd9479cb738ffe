from dataclasses import replace

import numpy as np
import pytest

from studio.measure.intervals import (
    Score,
    Share,
    loss_score,
    ratio_bootstrap,
    score,
    share,
    wilson,
)
from studio.tasks.metric import LOSS


def test_wilson_values_worked_by_hand():
    z2 = 1.959963984540054**2
    low, high = wilson(8, 10)
    center, half = (0.8 + z2 / 20) / (1 + z2 / 10), (high - low) / 2
    assert (low + high) / 2 == pytest.approx(center)
    assert half == pytest.approx(((0.16 * 10 * z2 + z2 * z2 / 4) ** 0.5) / (10 + z2))
    assert wilson(0, 10) == (0.0, pytest.approx(z2 / (10 + z2)))
    assert wilson(10, 10) == (pytest.approx(10 / (10 + z2)), pytest.approx(1.0))


def test_wilson_covers_the_truth_in_95_of_100_cases():
    right = np.random.default_rng(1).binomial(60, 0.3, 4000)
    covered = np.mean([low <= 0.3 <= high for low, high in (wilson(int(x), 60) for x in right)])
    assert 0.93 < covered < 0.97


def test_groups_widen_the_interval_when_their_rows_agree():
    generator = np.random.default_rng(0)
    correct = np.repeat(generator.integers(0, 2, 50), 8)  # 8 equal rows per group
    groups = np.repeat(np.arange(50), 8)
    low, high = ratio_bootstrap(correct, np.ones(len(correct)), groups)
    alone = wilson(int(correct.sum()), len(correct))
    assert (high - low) / (alone[1] - alone[0]) == pytest.approx(8**0.5, rel=0.15)


def test_groups_of_one_row_give_nearly_wilson():
    correct = np.random.default_rng(0).integers(0, 2, 400)
    np.testing.assert_allclose(
        ratio_bootstrap(correct, np.ones(400), np.arange(400)),
        wilson(int(correct.sum()), 400),
        atol=0.01,
    )


def test_rows_that_are_all_right_still_have_an_interval():
    found = score(np.ones(30), np.repeat(np.arange(10), 3))
    assert found == Score(1.0, 30, *wilson(10, 10), "wilson")
    assert score(np.array([1, 0, 1, 1]), None).interval == "wilson"


def test_a_loss_is_nats_by_tokens_and_bits_by_bytes_worked_by_hand():
    found = loss_score(np.array([4.0, 8.0]), np.array([2.0, 2.0]), np.array([5.0, 7.0]), None)
    assert (found.value, found.n, found.metric, found.interval) == (3.0, 2, LOSS, "bootstrap")
    assert found.bits_per_byte == pytest.approx(12 / np.log(2) / 12)
    assert found.perplexity == pytest.approx(np.exp(3))
    assert (found.low, found.high) == (2.0, 4.0)
    assert list(found.plain()) == ["loss", "bits_per_byte", "n", "low", "high", "interval"]
    assert list(score(np.ones(3), None).plain()) == ["accuracy", "n", "low", "high", "interval"]


def test_the_bootstrap_of_a_loss_covers_the_truth_and_groups_widen_it():
    generator, covered, wider = np.random.default_rng(2), [], []
    groups = np.repeat(np.arange(60), 4)
    for _ in range(150):
        units = generator.integers(1, 40, 240).astype(float)
        rates = 3 + np.repeat(generator.normal(0, 0.5, 60), 4)
        low, high = ratio_bootstrap(rates * units, units, groups)
        covered.append(low <= 3 <= high)
        alone = ratio_bootstrap(rates * units, units, np.arange(240))
        wider.append((high - low) / (alone[1] - alone[0]))
    assert 0.88 < np.mean(covered) <= 1
    assert np.mean(wider) > 1.5


def test_one_document_or_one_group_shows_no_spread_and_says_so():
    one = loss_score(np.array([4.0]), np.array([2.0]), np.array([5.0]), None)
    assert (one.low, one.value, one.high, one.interval) == (0.0, 2.0, 4.0, "one document")
    both = np.array([4.0, 4.0]), np.array([2.0, 1.0]), np.array([5.0, 5.0]), np.array(["a", "a"])
    assert loss_score(*both).interval == "one document"


def test_which_end_is_better_depends_on_the_metric():
    loss = Score(2.0, 9, 1.8, 2.3, "bootstrap", LOSS)
    assert (loss.best, loss.worst) == (1.8, 2.3)
    assert loss.better_than(2.4)
    assert not loss.better_than(2.2)
    assert loss.worse_than(1.7)
    assert not loss.worse_than(1.9)
    share = Score(0.5, 9, 0.4, 0.6, "wilson")
    assert (share.best, share.worst, share.better_than(0.3)) == (0.6, 0.4, True)
    assert (loss.shown, loss.span) == ("2.000", "1.800 to 2.300")
    assert (share.shown, share.span) == ("50.0%", "40.0% to 60.0%")


def test_a_share_beside_a_score_is_one_sum_by_another_worked_by_hand():
    sums = np.array([[2.0, 2.0], [0.0, 1.0], [0.0, 0.0], [2.0, 2.0]])
    found = share("entity F1", sums, np.array(["a", "a", "b", "c"]))
    assert found is not None
    assert (found.name, found.value, found.interval) == ("entity F1", 4 / 5, "cluster-bootstrap")
    # a draw of the groups (2, 3), (0, 0) and (2, 2) is from 2/3 to 1, or holds nothing to divide by
    assert (found.low, found.high) == (2 / 3, 1.0)


def test_a_share_without_groups_of_questions_that_count_once_is_wilson_s():
    found = share("by length", np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]]), None)
    assert found is not None
    assert (found.value, found.low, found.high) == (0.75, *wilson(3, 4))
    assert found.interval == "wilson"
    assert found.shown == "by length 75.0% (30.1% to 95.4%)"


def test_a_share_of_nothing_is_none_and_one_of_everything_has_an_interval():
    assert share("entity F1", np.zeros((3, 2)), np.arange(3)) is None
    groups = np.array([0, 0, 1, 2])
    found = share("entity F1", np.array([[2.0, 2.0], [0, 0], [0, 0], [2.0, 2.0]]), groups)
    assert found is not None  # of the two groups that hold any
    assert (found.value, found.low, found.high) == (1.0, *wilson(2, 2))


def test_what_stands_beside_a_score_is_in_its_json_and_its_words():
    besides = (Share("entity F1", 0.5, 0.25, 0.75, "cluster-bootstrap"),)
    found = replace(score(np.ones(3), None), besides=besides)
    assert found.plain()["besides"] == {
        "entity F1": {"value": 0.5, "low": 0.25, "high": 0.75, "interval": "cluster-bootstrap"}
    }
    assert found.more == "entity F1 50.0% (25.0% to 75.0%)"
    assert score(np.ones(3), None).more == ""
