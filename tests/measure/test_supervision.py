"""Rows that a model is trained by: seeded rounds, and losses against those of single rows."""

from itertools import chain

import pytest
import torch

from studio.errors import BadData
from studio.measure.bench import Bench
from studio.measure.supervision import (
    asked,
    descend,
    drawn,
    frozen,
    mean_losses,
    passes,
    row_losses,
    shares,
    supervision,
)
from studio.zoo import load_zoo
from tests.conftest import refusal

NAMES = ("color", "animal")


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


@pytest.fixture(scope="module")
def rows(bench):
    return {name: supervision(bench.live, bench.tasks[name], "validation", 12) for name in NAMES}


def single(bench, rows, row) -> float:
    """The cross-entropy of one row, by the model and head themselves."""
    name, at = row
    task, live = bench.tasks[name], bench.live
    batch = live.batch(task.kind, [rows[name].part.items[at]])
    scores = task.kind.scores(
        task.spec, task.head, live.states(batch.inputs), batch, torch.tensor([0])
    )
    return float(-scores[0].log_softmax(-1)[rows[name].part.answers[at]])


def test_every_row_is_used_once_before_any_is_used_again(rows):
    steps = [drawn(rows, 4, number, 0) for number in range(1, 7)]
    assert all([name for name, _ in step] == ["color"] * 4 + ["animal"] * 4 for step in steps)
    for name in NAMES:
        used = [row for step in steps for task, row in step if task == name]
        assert sorted(used[:12]) == sorted(used[12:]) == sorted(rows[name].rows.tolist())
        assert used[:12] != used[12:]
    assert drawn(rows, 4, 2, 0) == steps[1]
    assert drawn(rows, 4, 2, 1) != steps[1]


def test_losses_are_those_of_single_rows_and_the_weights_add_them_up(bench, rows):
    bench.live.wear(None)
    chosen = drawn(rows, 5, 1, 0)
    alone = {row: single(bench, rows, row) for row in chosen}
    for each in passes(rows, chosen, 4):
        assert len(each) <= 4
        found = row_losses(rows, each, *asked(bench.live, rows, each))
        for name, losses in found.items():
            own = [alone[row] for row in each if row[0] == name]
            assert losses.tolist() == pytest.approx(own, abs=1e-5)
    assert sorted(chain(*passes(rows, chosen, 4))) == sorted(chosen)
    assert shares(rows, chosen) == {"color": 5.0, "animal": 5.0}
    means = {n: sum(x for (task, _), x in alone.items() if task == n) / 5 for n in NAMES}
    with frozen(bench.live.whole):
        weight = dict(bench.live.whole.named_parameters())["encoder.layer.1.output.dense.weight"]
        weight.requires_grad_(True)
        told = descend(bench.live, rows, chosen, {"color": 0.75, "animal": 0.25}, 3)
        assert weight.grad is not None
        weight.grad = None
    assert told == pytest.approx(0.75 * means["color"] + 0.25 * means["animal"], abs=1e-5)
    whole = mean_losses(bench.live, rows, 5)
    for name in NAMES:
        each = [single(bench, rows, (name, row)) for row in rows[name].rows.tolist()]
        assert whole[name] == pytest.approx(sum(each) / len(each), abs=1e-5)


def test_gradients_do_not_depend_on_how_many_rows_run_at_once(bench, rows):
    chosen, found = drawn(rows, 5, 1, 0), []
    for at_once in (2, 32):
        with frozen(bench.live.whole):
            weight = bench.live.whole.get_parameter("encoder.layer.0.output.dense.weight")
            weight.requires_grad_(True)
            descend(bench.live, rows, chosen, dict.fromkeys(NAMES, 0.5), at_once)
            found.append(weight.grad)
            weight.grad = None
    assert torch.allclose(*found, atol=1e-6)
    assert found[0].abs().max() > 1e-3


def test_a_task_without_such_rows_is_refused(bench):
    with pytest.raises(BadData) as error:
        supervision(bench.live, bench.tasks["color"], "train", 9)
    assert refusal(error) == "'color' has no train rows, so it cannot be scored on them."
