"""The table of what was merged and what was trained, after all tasks."""

import pytest

from studio.sequence.measures import tracks
from studio.sequence.run import Arrival, run
from studio.sequence.trained.course import TrainedPlan
from studio.sequence.trained.report import cost_words, trained_json, trained_lines
from studio.sequence.trained.run import TrainedArrival, run_trained
from tests.sequence.trained.conftest import SHORT


@pytest.fixture(scope="module")
def made(bench, plan):
    found, steps = run(bench, plan)
    trained = list(run_trained(bench, plan, ["sequential", "ewc", "joint"], SHORT))
    return found, tracks(plan, found, list(steps)), trained


def test_each_row_has_the_numbers_of_its_last_arrival(plan, made):
    found, merged, trained = made
    shown = list(trained_lines(plan, found, trained, merged))
    table = {line.split()[0]: line.split() for line in shown[shown.index(
        "After all 3 tasks, merged and trained") + 2 : -1]}  # fmt: skip
    assert list(table) == ["task_arithmetic", "sequential", "ewc", "joint"]
    ends = {each.step.label: each.step.scores for each in trained}
    for label in ("sequential", "ewc"):
        first = [x.step.scores for x in trained if x.step.label == label]
        acc = sum(score.value for score in ends[label].values()) / 3
        own = [(first[2][n].value - first[i][n].value) for i, n in enumerate(plan.tasks[:2])]
        told = [float(cell) for cell in table[label][1:3]]
        assert told == pytest.approx([acc, sum(own) / 2], abs=1e-4)
    joint = sum(score.value for score in ends["joint"].values()) / 3
    assert float(table["joint"][1]) == pytest.approx(joint, abs=1e-4)
    assert table["joint"][2:4] == ["-", "-"]
    assert float(table["task_arithmetic"][1]) == pytest.approx(merged[0].curves["acc"][2], abs=1e-4)
    kept = max(each.kept for each in trained if each.step.label == "ewc")
    assert f"{kept / 1e6:.3f}" in table["ewc"]


def test_the_matrix_of_a_baseline_stands_above(plan, made):
    found, merged, trained = made
    shown = "\n".join(trained_lines(plan, found, trained, merged))
    assert "ewc, trained (keeps the model, and per task its parameters and their" in shown
    assert "distance to base" in shown


def test_a_refusal_is_a_line(plan, made):
    found, merged, _ = made
    lines = []
    for label in ("lwf", "joint"):
        step = Arrival(label, 0, 1, None, {}, None, 0.0, f"No {label}.")
        lines += trained_lines(plan, found, [TrainedArrival(step, 0, 0, 5)], merged)
    assert "  ended after 0 tasks: No lwf." in lines
    assert "  joint: No joint." in lines


def test_json_has_every_arrival_and_curve(plan, made):
    found, _, trained = made
    told = trained_json(plan, found, trained, SHORT, "train")
    assert told["plan"]["steps"] == 6
    assert [each["t"] for each in told["baselines"]["ewc"]["arrivals"]] == [1, 2, 3]
    assert len(told["baselines"]["ewc"]["curves"][0]["acc"]) == 3
    assert told["baselines"]["joint"]["curves"] is None
    arrival = told["baselines"]["joint"]["arrivals"][0]
    assert arrival["tasks"]["color"]["n"] == 20


def test_the_cost_is_a_sentence_with_its_numbers():
    said = cost_words(12345, "measured validation", "one LoRA adapter", TrainedPlan())
    assert "60 steps of 16 rows at every arrival" in said
    assert "1,000 different validation rows that fitting may take per task" in said
    assert "AdamW at 0.001 on one LoRA adapter" in said
    assert "at most 12,345 row evaluations" in said
    whole = cost_words(1, "train", "the tensors that the experts change", TrainedPlan())
    assert "AdamW at 5e-05 on the tensors" in whole
