import numpy as np
import pytest

from studio.measure.intervals import Score, cluster_bootstrap, score, wilson


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
    low, high = cluster_bootstrap(correct, groups)
    alone = wilson(int(correct.sum()), len(correct))
    assert (high - low) / (alone[1] - alone[0]) == pytest.approx(8**0.5, rel=0.15)


def test_groups_of_one_row_give_nearly_wilson():
    correct = np.random.default_rng(0).integers(0, 2, 400)
    np.testing.assert_allclose(
        cluster_bootstrap(correct, np.arange(400)), wilson(int(correct.sum()), 400), atol=0.01
    )


def test_rows_that_are_all_right_still_have_an_interval():
    found = score(np.ones(30), np.repeat(np.arange(10), 3))
    assert found == Score(1.0, 30, *wilson(10, 10), "wilson")
    assert score(np.array([1, 0, 1, 1]), None).interval == "wilson"
