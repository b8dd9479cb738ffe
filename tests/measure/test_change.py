from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from studio.measure.change import Change, carried_scores, changes, mean_change, paired_change
from studio.measure.evaluate import UNKNOWN
from studio.measure.intervals import NORMAL, score


def evaluation(correct, groups=None) -> Any:
    """What an evaluation offers, with given right and wrong rows."""
    correct = np.array(correct)
    seen = correct != UNKNOWN
    own = None if groups is None else groups[seen]
    return SimpleNamespace(
        parts={"a": SimpleNamespace(answers=correct, groups=groups)},
        correct=lambda name: correct,
        scores=lambda: {"a": score(correct[seen], own)} if seen.any() else {},
    )


def test_agresti_and_min_worked_by_hand():
    found = paired_change(np.array([1.0] * 9 + [-1.0] * 3 + [0.0] * 88), None)
    assert found.mean == pytest.approx(0.06)
    assert found.n == 100
    assert found.half == pytest.approx(NORMAL * (13 - 36 / 102) ** 0.5 / 102)
    assert found.verdict == "cannot tell"


def test_no_changed_row_is_not_certainty():
    still = paired_change(np.zeros(50), None)
    assert still.mean == 0
    assert 0.03 < still.half < 0.06
    assert paired_change(np.ones(1), np.array(["a"])).half > 0


def test_the_interval_covers_the_truth_in_95_of_100_cases():
    generator = np.random.default_rng(3)
    drawn = generator.choice([1.0, -1.0, 0.0], p=[0.10, 0.06, 0.84], size=(3000, 150))
    found = [paired_change(row, None) for row in drawn]
    assert 0.93 < np.mean([abs(each.mean - 0.04) <= each.half for each in found]) < 0.975


def test_rows_that_change_together_widen_the_interval():
    generator = np.random.default_rng(4)
    groups = np.repeat(np.arange(60), 5)
    truth, covered = 0.0, []
    for _ in range(1000):
        together = np.repeat(generator.choice([1.0, -1.0, 0.0], p=[0.2, 0.2, 0.6], size=60), 5)
        found = paired_change(together, groups)
        covered.append(abs(found.mean - truth) <= found.half)
    assert 0.92 < np.mean(covered) < 0.98
    assert found.half > 1.8 * paired_change(together, None).half


def test_verdicts():
    assert Change(0.05, 0.04, 9).verdict == "better"
    assert Change(-0.05, 0.04, 9).verdict == "worse"
    assert Change(0.0, 0.0, 9).verdict == "cannot tell"


def test_only_rows_that_both_have_seen_count():
    old = evaluation([1, 0, UNKNOWN, 1])
    new = evaluation([1, 1, 1, UNKNOWN])
    assert changes(new, old)["a"] == paired_change(np.array([0.0, 1.0]), None)
    assert changes(evaluation([UNKNOWN] * 4), old) == {}


def test_the_mean_over_tasks_adds_variances():
    found = mean_change({"a": Change(0.1, 0.03, 10), "b": Change(-0.3, 0.04, 20)})
    assert found.mean == pytest.approx(-0.1)
    assert (found.half, found.n) == (pytest.approx(0.025), 30)


def test_few_rows_carry_the_last_full_pass_along():
    generator = np.random.default_rng(5)
    before = generator.integers(0, 2, 1000)
    after = before.copy()
    after[generator.permutation(1000)[:80]] = 1
    errors, plain, covered = [], [], []
    for _ in range(200):
        seen = generator.permutation(1000)[:100]
        now = np.full(1000, UNKNOWN)
        now[seen] = after[seen]
        found = carried_scores(evaluation(before), evaluation(now))["a"]
        errors.append(found.accuracy - after.mean())
        plain.append(after[seen].mean() - after.mean())
        covered.append(found.low <= after.mean() <= found.high)
    assert np.std(errors) < 0.6 * np.std(plain)
    assert np.mean(covered) > 0.95
    assert (found.n, found.interval) == (100, "paired")


def test_a_task_that_is_refreshed_whole_has_its_own_score():
    before, after = evaluation([1, 0, 1, 0]), evaluation([1, 1, 1, 0])
    assert carried_scores(before, after) == after.scores()
