"""A run of baselines on the tiny zoo: scores once more by hand, seeds, costs, refusals."""

from dataclasses import replace

import pytest
import torch

from studio.errors import BadRecipe, Cancelled
from studio.measure.supervision import descend, drawn
from studio.sequence.trained.course import open_course
from studio.sequence.trained.run import EVERY, JOINT, baselines_named, run_trained, trained_rows
from tests import adapted
from tests.conftest import refusal
from tests.sequence.trained.conftest import SHORT

TASKS = tuple(adapted.TASKS)


@pytest.fixture(scope="module")
def found(bench, plan):
    return list(run_trained(bench, plan, EVERY, SHORT))


def test_tasks_arrive_one_after_another_and_joint_training_sees_all_at_once(found):
    steps = [(each.step.label, each.step.t) for each in found]
    assert steps == [(n, t) for n in EVERY if n != JOINT for t in (1, 2, 3)] + [(JOINT, 3)]
    assert all([*each.step.scores] == [*TASKS] for each in found)
    assert all(score.n == 20 for each in found for score in each.step.scores.values())
    assert all(each.step.seconds > 0 and each.trained > 0 for each in found)
    kept = {each.step.label: each.kept for each in found}
    assert kept["sequential"] == kept["lwf"] == kept[JOINT] == 0
    assert kept["ewc"] == 3 * 2 * 4 * found[0].trained
    assert kept["agem"] == kept["replay"] > 0


def test_sequential_fine_tuning_is_what_torch_does_step_by_step(bench, plan, found):
    course = open_course(bench, TASKS, SHORT)
    learner = course.learner
    learner.reset(0)
    for t, task in enumerate(TASKS, 1):
        rows = {task: course.rows[task]}
        with learner.training():
            optimizer = torch.optim.AdamW(learner.values, lr=1e-2, weight_decay=0.0)
            for number in range(1, 7):
                optimizer.zero_grad()
                descend(learner.live, rows, drawn(rows, 6, number, 0), {task: 1.0}, 32)
                optimizer.step()
            evaluation = bench.evaluation(bench.heads(TASKS), "held_out", learner.live, 20)
            list(evaluation.run(learner.live))
        told = next(x for x in found if (x.step.label, x.step.t) == ("sequential", t))
        assert told.step.scores == evaluation.scores()


def test_baselines_agree_at_the_first_arrival_and_part_afterwards(found):
    one = [each.step.scores for each in found if each.step.t == 1]
    assert len(one) == 5
    assert all(scores == one[0] for scores in one)
    last = [str(each.step.scores) for each in found if each.step.t == 3]
    assert len({*last}) > 1


def test_the_same_seed_gives_the_same_scores(bench, plan, found):
    again = list(run_trained(bench, plan, ["replay"], SHORT))
    told = [each.step.scores for each in found if each.step.label == "replay"]
    assert [each.step.scores for each in again] == told


def test_what_a_run_takes_is_counted_first(bench, plan):
    once = 3 * 6 * 6
    counts = [trained_rows(bench, plan, [name], SHORT) for name in EVERY]
    assert counts == [once, once + 12, once + 108, once + 72, once + 72, once]
    assert trained_rows(bench, plan, EVERY, SHORT) == sum(counts)


def test_a_rate_that_diverges_ends_that_baseline_with_a_sentence(bench, plan):
    wild = replace(SHORT, adapter_rate=1e30)
    (one,) = run_trained(bench, plan, ["sequential"], wild)
    assert one.step.scores == {}
    assert one.step.refusal.startswith("sequential fine-tuning: the loss is")


def test_it_can_be_cancelled_and_says_how_long_it_will_take(bench, plan):
    said = []

    def report(share, words):
        said.append(words)
        if share > 0.3:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        list(run_trained(bench, plan, ["sequential"], SHORT, report))
    assert said[-1].startswith("sequential, order 1 of 1, ")
    assert said[-1].endswith(" s left")


def test_names_are_checked():
    assert baselines_named(["all"]) == EVERY
    assert baselines_named(["ewc", "joint", "ewc"]) == ("ewc", "joint")
    with pytest.raises(BadRecipe) as error:
        baselines_named(["gem"])
    assert refusal(error) == (
        "'gem' is no training-time baseline; there are sequential, ewc, lwf, agem, replay, joint, "
        "or all."
    )
    with pytest.raises(BadRecipe) as error:
        baselines_named([])
    assert refusal(error).startswith("None is named; there are sequential")
