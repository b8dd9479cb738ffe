"""The rows that baselines train on: training rows where every task has some."""

from dataclasses import replace

import torch

from studio.measure.bench import Bench
from studio.sequence.trained.course import TrainedPlan, open_course, split_words, training_split
from studio.zoo import load_zoo
from tests import adapted

TASKS = tuple(adapted.TASKS)


def test_training_rows_are_taken_where_every_task_has_some(bench):
    course = open_course(bench, TASKS, TrainedPlan(rows=50))
    assert course.split == "train"
    assert [len(each.rows) for each in course.rows.values()] == [50, 50, 50]
    assert (course.rate, course.plan.adapter_rate) == (1e-3, 1e-3)
    assert split_words(course.split) == "training rows"


def test_else_the_validation_rows_that_fitting_may_take(bench):
    first, *rest = bench.zoo.tasks
    bare = replace(first, data={k: v for k, v in first.data.items() if k != "train"})
    other = Bench(replace(bench.zoo, tasks=(bare, *rest)), torch.device("cpu"))
    split = training_split(other, TASKS)
    assert split == "measured validation"
    course = open_course(other, TASKS, TrainedPlan())
    assert [len(each.rows) for each in course.rows.values()] == [30, 30, 30]
    assert split_words(split) == "validation rows that fitting may take"


def test_whole_tensors_are_trained_at_a_lower_rate(tiny_zoo):
    bench = Bench(load_zoo(tiny_zoo), torch.device("cpu"))
    assert open_course(bench, ("color", "animal"), TrainedPlan()).rate == 5e-5
