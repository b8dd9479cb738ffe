"""What was found is compared by scores, on rows that it was not fitted on."""

from dataclasses import replace

import numpy as np
import pytest

from studio.measure.bench import Bench
from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.search import rows as split
from studio.search.plan import SearchPlan
from studio.search.rows import chosen_rows, judging_rows
from studio.search.run import Run, optimize
from studio.search.verdict import Verdict, verdict
from studio.tasks.metric import AGREEMENT
from tests.search.test_rows import write

PLAN = SearchPlan(budget=1, rows=16, batch=2)


def made(before: float, after: float, half: float = 0.02, **more) -> Verdict:
    one, two = (Score(x, 100, x - 0.1, x + 0.1, "wilson") for x in (before, after))
    change = Change(after - before, half, 100)
    return Verdict({"a": one}, {"a": two}, {"a": change}, **({"fresh": True} | more))


def test_rows_that_a_search_leaves_alone_judge_it_and_no_group_is_on_both_sides(bench, monkeypatch):
    monkeypatch.setattr(split, "_FRESH", 6)
    tasks = [bench.tasks[name] for name in ("color", "animal")]
    rows, fresh = judging_rows(tasks, 8)
    assert fresh
    for task in tasks:
        seen = chosen_rows(bench, task.name, 8, True)
        taken = {*seen.fit.tolist(), *seen.check.tolist()}
        assert not taken & set(rows[task.name].tolist())
        groups = np.array([row.group for row in task.rows("validation")])
        if groups[0] is not None:
            assert not {*groups[[*taken]]} & {*groups[rows[task.name]]}
    assert len(rows["color"]) == 22


def test_where_few_are_left_alone_those_that_decide_judge_with_them(bench):
    rows, fresh = judging_rows([bench.tasks["color"]], 20)
    seen = chosen_rows(bench, "color", 20, True)
    assert not fresh
    assert len(rows["color"]) == 15  # 5 decide, 10 are left
    assert not set(seen.fit.tolist()) & set(rows["color"].tolist())
    assert set(seen.check.tolist()) < set(rows["color"].tolist())


@pytest.fixture(scope="module")
def run(bench) -> Run:
    *_, last = optimize(bench, bench.zoo.recipe("task_arithmetic", 0.1), PLAN)
    return last


def test_scores_are_those_of_both_recipes_on_these_rows_alone(bench, run):
    found = verdict(bench, run)
    assert found is not None
    rows, fresh = judging_rows([bench.tasks[name] for name in run.before.names], PLAN.rows)
    assert found.fresh == fresh
    for recipe, scores in ((run.before, found.before), (run.recipe(), found.after)):
        bench.live.wear(bench.merge(recipe))
        evaluation = bench.evaluation(bench.heads(run.before.names), "validation")
        list(evaluation.run(bench.live))
        for name, chosen in rows.items():
            right = evaluation.marks(name).values[chosen]
            assert (scores[name].value, scores[name].n) == (right.mean(), len(chosen))
    changes = {name: found.after[name].value - found.before[name].value for name in rows}
    assert found.change.mean == pytest.approx(sum(changes.values()) / 2)
    assert found.better == (found.change.mean > 0)


def test_without_labels_nothing_is_compared(run, tiny_copy):
    bare: Bench = write(tiny_copy, "color", lambda rows: [{"text": x["text"]} for x in rows])
    assert verdict(bare, run) is None


def test_the_sentence_names_both_numbers_the_rows_and_whether_they_tell():
    assert made(0.648, 0.639).words() == (
        "Nothing better was found: your mix has 64.8%, the best found 63.9% on 100 validation rows "
        "that it had not seen (-0.9 ± 2.0 points, paired)"
    )
    assert not made(0.5, 0.5).better
    worth = made(0.5, 0.6, fresh=False)
    assert worth.better
    assert worth.words("mine.yaml") == (
        "Something better was found: mine.yaml has 50.0%, the best found 60.0% on 100 validation "
        "rows that it was not fitted on, but that chose it (+10.0 ± 2.0 points, paired)"
    )
    assert "paired; these rows cannot tell them apart)" in made(0.5, 0.51).words()
    assert made(0.5, 0.6).plain()["better"] is True


def test_of_accuracy_and_agreement_it_is_said_that_both_are_in_the_mean():
    one = made(0.5, 0.6)
    agreed = replace(one.before["a"], metric=AGREEMENT)
    change = replace(one.each["a"], metric=AGREEMENT, mean=-0.3)
    both = Verdict(
        {**one.before, "b": agreed}, {**one.after, "b": agreed}, {**one.each, "b": change}, True
    )
    assert not both.better
    words = both.words()
    assert "your mix has mean accuracy 50.0% and mean agreement 50.0%" in words
    assert "what counts is the mean of accuracy (1 task) and agreement (1 task)" in words
