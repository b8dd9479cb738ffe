"""What making a zoo takes: from sizes at first, then by what earlier ones took here."""

from pathlib import Path

import pytest
import torch

from studio.checkpoints.checkpoint import open_base
from studio.disk.cache import cache_key, keep
from studio.new_zoo.cost import MakeCost, Rows, Work, make_cost, note_make, rows_of, work_of
from studio.new_zoo.plan import ALL, NewTask
from studio.new_zoo.prepare import Prepared

CPU = torch.device("cpu")
SOME = [{"text": "x" * 392}]  # 98 tokens and two more
TASK = NewTask("a", Path("x"), "text-classification", {ALL: Path("x.csv")})


@pytest.fixture(autouse=True)
def nothing_known(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_two_operations_for_each_parameter_and_token_of_each_row_that_is_run(runs):
    base = open_base(runs / "base")
    count = sum(entry.numel for entry in base.weights.entries.values())
    rows = Rows({"held_out": 50, "validation": 20, "train": 30}, False, SOME)
    work = work_of(base, [(TASK, rows, 1000)], CPU)
    assert work.operations == 2 * count * (2 * (20 + 30)) * 100  # on the expert and on the base
    assert work.memory == 4 * count + 4 * 1000
    asked = Rows({"held_out": 50, "validation": 20}, True, SOME)
    own = NewTask("b", Path("x"), "causal-lm")
    assert work_of(base, [(own, asked, 0)], CPU).operations == 2 * count * 70 * 100
    none = work_of(base, [(own, Rows({}, False, ()), 1000)], CPU)
    assert (none.operations, none.memory) == (0.0, 4000)


def test_rows_say_how_many_they_are_and_how_long():
    row = {"text": "abcd", "label": "long name of a label"}
    made = rows_of(Prepared({"held_out": [row] * 60, "validation": [row]}, unanswered=True))
    assert (made.counts, made.unanswered) == ({"held_out": 60, "validation": 1}, True)
    assert [*made.some] == [{"text": "abcd"}] * 51


def test_a_guess_is_corrected_by_what_earlier_makes_took():
    work = Work(2e10, 0, 5, "cpu")
    assert make_cost(work) == MakeCost(3.0, 5, 0)  # two seconds, and one of operations
    for seconds in (6.0, 9.0, 300.0):
        note_make(work, seconds)
    assert make_cost(work) == MakeCost(9.0, 5, 3)
    assert make_cost(Work(2e10, 0, 5, "cuda")).makes == 0
    for _ in range(9):
        note_make(work, 3.0)
    assert make_cost(work) == MakeCost(3.0, 5, 8)


def test_what_was_damaged_is_as_good_as_nothing():
    keep(cache_key("seconds of making a zoo", "cpu"), b"{")
    assert make_cost(Work(0.0, 0, 0, "cpu")).makes == 0
