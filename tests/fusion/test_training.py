"""The training of a fusion: it learns, it is seeded, it is stopped by rows of its own."""

from dataclasses import replace

import pytest
import torch

from studio.errors import BadData, Cancelled, StudioError
from studio.fusion.fusion import make_fusion
from studio.fusion.training import FusionPlan, fusion_rows, train_fusion
from studio.measure.supervision import mean_losses
from studio.tasks.row_parts import CHOOSING, MEASURED
from tests import adapted
from tests.conftest import refusal

TASKS = tuple(adapted.TASKS)
SHORT = FusionPlan(budget=10, batch=6, every=2, rate=1e-2)


def trained(bench, plan=SHORT, tasks=TASKS):
    fusion = make_fusion(bench, tasks, plan.seed)
    return fusion, train_fusion(bench, fusion, plan)


def test_training_lowers_the_loss_on_rows_that_it_was_not_fitted_on(bench):
    fusion, found = trained(bench)
    _, checked = fusion_rows(bench, TASKS, SHORT)
    bench.live.wear(None)
    with fusion.attached(bench.live):
        losses = mean_losses(bench.live, checked, 32)
    assert sum(losses.values()) / 3 == pytest.approx(found.last)
    assert found.last < 0.9 * found.first
    assert 0 < found.best <= found.steps == 10
    assert found.rows == 10 * 6 * 3


def test_the_rows_that_are_fitted_on_decide_nothing(bench):
    fitted, checked = fusion_rows(bench, TASKS, SHORT)
    for name in TASKS:
        kind = bench.tasks[name].kind
        texts = [
            {kind.shown(row) for row in bench.tasks[name].rows(split)}
            for split in (MEASURED, CHOOSING)
        ]
        assert [len(each[name].rows) for each in (fitted, checked)] == [30, 15]
        assert not texts[0] & texts[1]


def test_the_same_seed_trains_the_same_and_another_one_another(bench):
    one, two = (trained(bench)[0].state_dict() for _ in range(2))
    other = trained(bench, replace(SHORT, seed=1))[0].state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_adapters_and_base_stay_as_they_were(bench):
    bench.live.wear(None)
    weights = {name: each.clone() for name, each in bench.live.whole.state_dict().items()}
    fusion = make_fusion(bench, TASKS)
    before = {name: each.clone() for name, each in fusion.state_dict().items()}
    train_fusion(bench, fusion, SHORT)
    now = bench.live.whole.state_dict()
    assert all(torch.equal(weights[name], now[name]) for name in weights)
    moved = {n.split(".")[-1] for n, x in fusion.state_dict().items() if not x.equal(before[n])}
    assert moved == {"query", "key", "value"}
    assert all(each.requires_grad for each in bench.live.whole.parameters())


def test_regularization_keeps_values_nearer_to_the_identity(bench):
    free, _ = trained(bench, replace(SHORT, regularization=0.0))
    kept, _ = trained(bench, replace(SHORT, regularization=10.0))
    assert kept.penalty().item() < 0.5 * free.penalty().item()


def test_a_rate_that_only_harms_keeps_the_start_and_ends_early(bench):
    fusion, found = trained(bench, replace(SHORT, budget=40, rate=5.0, patience=3))
    start = make_fusion(bench, TASKS).state_dict()
    assert (found.best, found.steps, found.last) == (0, 6, found.first)
    assert all(torch.equal(x, start[name]) for name, x in fusion.state_dict().items())


def test_a_loss_that_is_not_finite_is_refused(bench):
    with pytest.raises(StudioError) as error:
        trained(bench, replace(SHORT, rate=1e30))
    assert "AdapterFusion: the loss is" in refusal(error)


def test_it_can_be_cancelled_and_says_how_long_it_will_take(bench):
    said = []

    def report(share, words):
        said.append(words)
        if share > 0.2:
            raise Cancelled("Cancelled.")

    fusion = make_fusion(bench, TASKS)
    with pytest.raises(Cancelled):
        train_fusion(bench, fusion, SHORT, report)
    assert said[-1].startswith("AdapterFusion, step 3 of 10, at most ")
    assert said[-1].endswith(" s left")


def test_too_few_rows_are_refused_with_their_number(bench):
    task = bench.tasks["tint"]
    task._rows["validation"] = task.rows("validation")[:1]
    with pytest.raises(BadData) as error:
        fusion_rows(bench, TASKS, SHORT)
    assert refusal(error).startswith(
        "'tint' has 1 validation rows; AdapterFusion is fitted on some"
    )
