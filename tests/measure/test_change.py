from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from studio.measure.change import (
    Change,
    carried_scores,
    change_words,
    changes,
    loss_change,
    mean_change,
    mean_changes,
    paired_change,
)
from studio.measure.evaluate import UNKNOWN
from studio.measure.intervals import NORMAL
from studio.measure.marks import Marks
from studio.tasks.metric import BOTH, LOSS


def evaluation(correct, groups=None) -> Any:
    """What an evaluation offers, with given right and wrong rows."""
    correct = np.array(correct)
    return of_marks(Marks(np.where(correct == UNKNOWN, np.nan, correct)), groups)


def losses(nats, units=None, groups=None) -> Any:
    """The same of documents of so many nats; NaN where one was not run."""
    nats = np.array(nats, float)
    units = np.ones(len(nats)) if units is None else np.array(units, float)
    return of_marks(Marks(nats, LOSS, units, 4 * units), groups)


def of_marks(marks: Marks, groups) -> Any:
    own = None if groups is None else groups[marks.seen]
    return SimpleNamespace(
        parts={"a": SimpleNamespace(answers=marks.values, groups=groups)},
        marks=lambda name: marks,
        scores=lambda: {"a": marks.at(marks.seen).score(own)} if marks.seen.any() else {},
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
        errors.append(found.value - after.mean())
        plain.append(after[seen].mean() - after.mean())
        covered.append(found.low <= after.mean() <= found.high)
    assert np.std(errors) < 0.6 * np.std(plain)
    assert np.mean(covered) > 0.95
    assert (found.n, found.interval) == (100, "paired")


def test_a_task_that_is_refreshed_whole_has_its_own_score():
    before, after = evaluation([1, 0, 1, 0]), evaluation([1, 1, 1, 0])
    assert carried_scores(before, after) == after.scores()


def test_a_loss_changes_by_the_ratio_of_sums_worked_by_hand():
    found = changes(losses([4, 9, 1], [2, 3, 1]), losses([6, 9, 2], [2, 3, 1]))["a"]
    assert (found.mean, found.n, found.metric, found.old) == (-0.5, 3, LOSS, 17 / 6)
    # differences -2, 0, -1 less -0.5 for each unit: -1, 1.5, -0.5
    assert found.half == pytest.approx(NORMAL * ((1 + 2.25 + 0.25) / 36 * 3 / 2) ** 0.5)
    assert losses([4, 9, 1], [2, 3, 1]).marks("a").score(None).value == pytest.approx(14 / 6)


def test_a_loss_that_falls_is_better_and_one_document_tells_nothing():
    assert Change(-0.05, 0.04, 9, LOSS).verdict == "better"
    assert Change(0.05, 0.04, 9, LOSS).verdict == "worse"
    assert Change(-0.05, 0.06, 9, LOSS).verdict == "cannot tell"
    assert changes(losses([1.0]), losses([2.0]))["a"].verdict == "cannot tell"
    still = changes(losses([1.0, 2.0]), losses([1.0, 2.0]))["a"]
    assert (still.mean, still.half, still.verdict) == (0, 0, "cannot tell")
    assert Change(-0.05, 0.04, 9, LOSS, 2.0).plain() == {
        "mean": -0.05, "half": 0.04, "n": 9, "verdict": "better", "metric": "loss",
    }  # fmt: skip


def test_the_interval_of_a_loss_covers_the_truth_in_95_of_100_cases_in_groups_too():
    generator, covered, alone = np.random.default_rng(6), [], []
    groups = np.repeat(np.arange(60), 4)
    for _ in range(1000):
        units = generator.integers(1, 40, 240).astype(float)
        rates = 0.1 + np.repeat(generator.normal(0, 0.3, 60), 4) + generator.normal(0, 0.1, 240)
        found = loss_change(rates * units, units, groups, 2.0)
        covered.append(abs(found.mean - 0.1) <= found.half)
        alone.append(loss_change(rates * units, units, None, 2.0).half / found.half)
    assert 0.92 < np.mean(covered) < 0.98
    assert np.mean(alone) < 0.75


def test_changes_of_several_metrics_are_shown_apart_and_joined_as_points_and_percent():
    each = {"a": Change(0.02, 0.01, 10), "b": Change(-0.06, 0.03, 20, LOSS, 3.0)}
    first, second = mean_changes(each)
    assert (first, second) == (each["a"], each["b"])
    assert change_words(each) == "accuracy +2.0 ± 1.0 points and loss -0.060 ± 0.030 nats per token"
    assert change_words({"b": each["b"]}) == "-0.060 ± 0.030 nats per token"
    joined = mean_change(each)
    assert (joined.metric, joined.n, joined.verdict) == (BOTH, 30, "better")
    assert (joined.mean, joined.half) == (pytest.approx(0.02), pytest.approx(0.01 / 2**0.5))


def test_few_documents_carry_the_loss_of_the_last_full_pass_along():
    generator = np.random.default_rng(7)
    units = generator.integers(5, 50, 400).astype(float)
    before = units * generator.gamma(9, 1 / 3, 400)
    after = before - units * generator.normal(0.1, 0.05, 400)
    truth, errors, plain = after.sum() / units.sum(), [], []
    for _ in range(100):
        seen = generator.permutation(400)[:40]
        now = np.full(400, np.nan)
        now[seen] = after[seen]
        found = carried_scores(losses(before, units), losses(now, units))["a"]
        errors.append(found.value - truth)
        plain.append(after[seen].sum() / units[seen].sum() - truth)
    assert np.std(errors) < 0.2 * np.std(plain)
    assert (found.n, found.interval, found.metric) == (40, "paired", LOSS)
    assert found.bits_per_byte == pytest.approx(found.value / np.log(2) / 4)
