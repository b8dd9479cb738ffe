"""The two matrices of disturbed inputs: numbers, words, ranks, and names that run nothing."""

import re
from dataclasses import replace

import torch

from studio.geometry.gram import Gram
from studio.measure.change import Change
from studio.measure.input_disturbance import InputDisturbance
from studio.measure.interference import Interference
from studio.recipe import Recipe
from studio.ui.charts.input_matrices import TAUGHT, input_matrices

EVIL = "<img src=x onerror=1>"
TASKS = ("a", EVIL, "c")
BEFORE = torch.tensor([[1.0, 0.9, 0.1], [0.2, 1.0, 0.3], [0.5, 0.4, 1.0]]).double()
LOST = {(TASKS[j], TASKS[i]): float(BEFORE[i, j]) for i in range(3) for j in range(3) if i != j}


def gram() -> Gram:
    block = torch.tensor([[[1.0, 0.1, 0.6], [0.1, 1.0, 0.2], [0.6, 0.2, 1.0]]]).double()
    return Gram(TASKS, ("w",), block)


def found(**changes) -> Interference:
    changed = {pair: Change(-x / 10, 0.01, 100) for pair, x in LOST.items()}
    inputs = InputDisturbance(TASKS, BEFORE, BEFORE / 4, 3)
    return replace(Interference(Recipe("/b", ()), changed, inputs), **changes)


def test_both_matrices_their_sentences_and_the_ranks_are_shown():
    html = input_matrices(found(), gram(), gram())
    assert html.count("<table") == 2
    assert "before, a moves " in html
    assert "(0.90 of its own change)" in html
    assert "most (0.22)." in html
    assert TAUGHT in html
    assert "(Spearman, 6 pairs)" in html
    assert "inputs <b>+1.00</b>" in html
    assert re.search(r"cosines <b>[+−]0\.\d\d</b>", html)
    assert "<img" not in html
    assert "CSV" in html


def test_without_components_there_is_one_matrix_and_it_is_said():
    alone = replace(found(), inputs=InputDisturbance(TASKS, BEFORE, None, 3))
    html = input_matrices(alone, gram(), None)
    assert html.count("<table") == 1
    assert "no part per task, so there is no after" in html


def test_why_there_are_none_is_said_and_too_few_pairs_are_no_correlation():
    refused = found(inputs=None, refusal=f"{EVIL} has no rows.")
    html = input_matrices(refused, gram(), gram())
    assert "has no rows." in html
    assert "<img" not in html
    assert input_matrices(found(inputs=None), gram(), gram()) == ""
    two = InputDisturbance(TASKS[:2], BEFORE[:2, :2], None, 3)
    few = Gram(TASKS[:2], ("w",), gram().blocks[:, :2, :2])
    assert "Too few pairs" in input_matrices(found(inputs=two, changes={}), few, None)


def test_a_task_without_a_number_has_a_dash():
    nothing = BEFORE.clone()
    nothing[:, 1] = float("nan")
    html = input_matrices(found(inputs=InputDisturbance(TASKS, nothing, None, 3)), gram(), None)
    assert html.count(">–</td>") == 3
