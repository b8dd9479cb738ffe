"""AdapterFusion's row and removals, each number once more by hand."""

from dataclasses import replace

import pytest
import torch

from studio.compare import compare
from studio.compare import fusion_row as rows
from studio.compare.unmerge_drop import drops_json, line
from studio.errors import BadData, BadRecipe
from studio.fusion.fusion import make_fusion
from studio.fusion.training import FusionPlan, train_fusion
from studio.measure.bench import Bench
from studio.measure.change import change_of, mean_change
from studio.zoo import load_zoo
from tests import adapted
from tests.conftest import refusal

PLAN = FusionPlan(budget=4, batch=4, every=2, rate=1e-2)
TASKS = tuple(adapted.TASKS)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = adapted.build(tmp_path_factory.mktemp("fused"))
    return Bench(load_zoo(folder), torch.device("cpu"))


@pytest.fixture(scope="module")
def made(bench):
    *_, table = compare(bench, ["task_arithmetic", "average"])
    return (table, *rows.fusion_row(bench, table, PLAN))


def scored(bench, fusion):
    evaluation = bench.evaluation(bench.heads(TASKS), "held_out")
    bench.live.wear(None)
    with fusion.attached(bench.live):
        list(evaluation.run(bench.live))
    return evaluation


def test_the_row_is_that_of_a_fusion_trained_apart(bench, made):
    table, row, fusion = made
    again = make_fusion(bench, TASKS)
    told = train_fusion(bench, again, PLAN)
    assert (row.training.best, row.training.last) == (told.best, told.last)
    after = scored(bench, again)
    assert row.outcome.scores == after.scores()
    experts = {n: change_of(after.marks(n), table.references.experts.marks[n], None) for n in TASKS}
    assert row.expert == mean_change(experts)
    assert row.rival is not None
    assert row.rival[0] == table.standings[0].row.name
    assert row.numbers == fusion.trained
    assert row.latency > 0


def test_its_price_says_rows_adapters_numbers_and_latency(made):
    _, row, _ = made
    said = replace(row, latency=1.2345, base=10 * row.numbers).price
    assert said.startswith("needs labelled validation rows: 48 forward and backward and 135 to")
    assert "3 adapters and 0.01 million numbers of attention stay at inference (10% of" in said
    assert said.endswith("a row takes 1.23 times as long as by a merged model")
    shown = "\n".join(rows.fusion_lines(row))
    assert "one per target task" in shown
    assert row.plain()["adapters"] == 3


def test_what_it_takes_is_said_first(bench):
    said = rows.fusion_cost(bench, PLAN)
    assert "at most 4 steps of 4 rows of each task, 48 row evaluations" in said
    assert "on 90 validation rows, and 135 on 45 others that decide; then 90 held-out rows" in said
    assert "for each of 3 removals; then 630 held-out rows" in rows.fusion_cost(bench, PLAN, 3)


def test_a_task_leaves_by_its_adapter_alone_and_by_training_without_it(bench, made):
    _, row, fusion = made
    found = list(rows.fusion_removals(bench, fusion, PLAN))
    assert [(r.task, r.mode) for r in found] == [
        (task, mode) for task in TASKS for mode in ("drop", "retrain")
    ]
    assert fusion.kept == TASKS
    before = {name: s.value for name, s in row.outcome.scores.items()}
    left = ("color", "animal")
    dropped, retrained = found[-2:]
    again = make_fusion(bench, left)
    train_fusion(bench, again, PLAN)
    fusion.attend(left)
    for removal, worn in ((dropped, fusion), (retrained, again)):
        after = {name: s.value for name, s in scored(bench, worn).scores().items()}
        drops = [before[name] - after[name] for name in left]
        assert removal.mean == pytest.approx(sum(drops) / 2)
        assert removal.removed_score == after["tint"]
        assert (removal.method, removal.n, removal.same) == (rows.TITLE, 60, False)
    fusion.attend(TASKS)
    assert dropped.seconds < retrained.seconds
    assert "drop" in line(dropped)
    assert drops_json(found)["removals"][0]["mode"] == "drop"


def test_two_tasks_are_too_few_for_removals(bench):
    fusion = make_fusion(bench, TASKS[:2])
    with pytest.raises(BadData) as error:
        rows.fusion_removals(bench, fusion, PLAN)
    assert "without one of 2 tasks has one adapter left" in refusal(error)


def test_full_fine_tunes_and_tasks_without_rows_are_refused_before_any_work(tiny_zoo, bench):
    with pytest.raises(BadRecipe) as error:
        rows.fusion_cost(Bench(load_zoo(tiny_zoo), torch.device("cpu")), PLAN)
    assert "'color' is a full fine-tune" in refusal(error)
    first, *rest = bench.zoo.tasks
    bare = replace(first, data={"validation": first.data["validation"]})
    other = Bench(replace(bench.zoo, tasks=(bare, *rest)), torch.device("cpu"))
    with pytest.raises(BadData) as error:
        rows.fusion_cost(other, PLAN)
    assert refusal(error).startswith("'color': no head or no held-out rows, so AdapterFusion")
