"""A kind that is scored by a loss goes through all of the house, by its metric alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from studio.errors import BadData
from studio.measure.bench import Bench
from studio.measure.change import changes, loss_change
from studio.measure.outcomes import Measuring, paired
from studio.measure.references import references, score_references
from studio.measure.showcase import readings_of, shown_rows
from studio.search.objective import Objective
from studio.search.plan import SearchPlan
from studio.search.rows import chosen_rows
from studio.search.run import optimize
from studio.search.space import space
from studio.tasks.kinds.loss_kind import LossKind
from studio.tasks.metric import LOSS
from studio.zoo import load_zoo
from tests.tasks.kinds import toy_loss
from tests.tasks.kinds.toy_loss import SPECIAL

CPU = torch.device("cpu")
PLAN = SearchPlan(rows=24, batch=4, at_once=5, budget=6)


@pytest.fixture(scope="module", autouse=True)
def known():
    with toy_loss.known():
        yield


@pytest.fixture(scope="module")
def zoo(tiny_zoo, tmp_path_factory):
    return toy_loss.build(tiny_zoo, tmp_path_factory.mktemp("losses") / "zoo")


@pytest.fixture(scope="module")
def bench(zoo):
    return Bench(load_zoo(zoo), CPU)


@pytest.fixture(scope="module")
def mixed(tiny_zoo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed") / "zoo"
    return Bench(load_zoo(toy_loss.build(tiny_zoo, folder, mixed=True, head_only=False)), CPU)


def evaluated(bench, merge, rows=None):
    bench.live.wear(merge)
    found = bench.evaluation(bench.heads(bench.scored()), "held_out", rows=rows)
    list(found.run(bench.live))
    return found


def by_hand(bench, name, split, rows=None) -> tuple[np.ndarray, np.ndarray]:
    """Nats and tokens of each document, one at a time, by what the live model wears."""
    task, found = bench.tasks[name], []
    every = task.rows(split)
    for row in [every[i] for i in (range(len(every)) if rows is None else rows)]:
        ids = torch.tensor([bench.live.encode(task, [row])[0].ids])
        with torch.no_grad():
            (states,) = bench.live.encoder(ids).last_hidden_state
        inner = slice(1, ids.shape[1] - 1)
        loss = torch.nn.functional.cross_entropy(
            task.head(states[inner]), ids[0, inner], reduction="sum"
        )
        found.append((float(loss), ids.shape[1] - SPECIAL))
    nats, tokens = zip(*found, strict=True)
    return np.array(nats), np.array(tokens)


def test_a_score_is_nats_per_token_and_bits_per_byte_of_the_documents(bench):
    found = evaluated(bench, bench.expert("color"))
    score = found.scores()["color"]
    nats, tokens = by_hand(bench, "color", "held_out")
    np.testing.assert_allclose(found.predictions["color"], nats, rtol=1e-4)
    assert (score.metric, score.n, score.interval) == (LOSS, 50, "bootstrap")
    assert score.value == pytest.approx(nats.sum() / tokens.sum(), rel=1e-5)
    sizes = sum(len(row.text.encode()) for row in bench.tasks["color"].rows("held_out"))
    assert score.bits_per_byte == pytest.approx(nats.sum() / np.log(2) / sizes, rel=1e-5)
    assert score.low < score.value < score.high


def test_a_partial_evaluation_is_a_fair_sample_whose_change_is_paired(bench):
    before, whole = evaluated(bench, None), evaluated(bench, bench.expert("color"))
    part = evaluated(bench, bench.expert("color"), rows=9)
    order = whole.parts["color"].order[:9]
    np.testing.assert_allclose(part.predictions["color"], whole.predictions["color"][order], 1e-5)
    growing = bench.evaluation(bench.heads(["color"]), "held_out")
    assert growing.scores() == {}
    growing.step(bench.live)
    marks = growing.marks("color")
    assert growing.scores()["color"].n == marks.seen.sum() == 32
    change = changes(whole, before)["color"]
    old, new = before.marks("color"), whole.marks("color")
    was = old.values.sum() / new.units.sum()
    assert change == loss_change(new.values - old.values, new.units, None, was)
    assert change.verdict == "better"
    assert changes(whole, before)["animal"].n == 50  # whose rows come in groups


def test_outcomes_are_recalled_with_their_floats_and_without_a_model(bench, zoo, tmp_path):
    measuring = Measuring(bench)
    made = measuring.of(bench.expert("color"), bench.heads(["color"]), "held_out")
    fresh = Bench(load_zoo(zoo), CPU)
    again = Measuring(fresh).recalled(fresh.expert("color"), fresh.heads(["color"]), "held_out")
    assert again is not None
    assert "live" not in vars(fresh)
    for name in ("values", "units", "sizes"):
        kept, known = (getattr(each.marks["color"], name) for each in (made, again))
        assert kept.tolist() == known.tolist()
    assert again.scores == made.scores
    few = Measuring(fresh).of(fresh.expert("color"), fresh.heads(["color"]), "held_out", 9)
    order = np.random.default_rng(0).permutation(50)[:9]
    assert few.marks["color"].values.tolist() == made.marks["color"].values[order].tolist()
    base = measuring.of(None, bench.heads(["color"]), "held_out")
    assert paired(made, base)["color"].mean < 0


def test_a_search_fits_coefficients_to_the_loss_per_token(bench):
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.4))
    rows = {"color": chosen_rows(bench, "color", 24, True)}
    bench.live.wear(merge)
    objective = Objective(bench, merge, space(merge.deltas, "task"), PLAN, rows)
    found = objective.measure({"color": rows["color"].fit})
    nats, tokens = by_hand(bench, "color", "validation", rows["color"].fit.tolist())
    assert float(found.losses) == pytest.approx(nats.sum() / tokens.sum(), rel=1e-5)
    assert found.accuracies is None


def test_gradients_of_a_loss_are_its_differences(bench):
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.4))
    rows = {name: chosen_rows(bench, name, 8, True) for name in bench.tasks}
    plan = replace(PLAN, batch=6)
    objective = Objective(bench, merge, space(merge.deltas, "task"), plan, rows)
    point, weights = torch.tensor([0.4, 0.4]).double(), torch.tensor([0.25, 0.75]).double()
    slope = objective.slope(point, 1, weights)
    for place in range(2):
        step = torch.zeros(2).double()
        step[place] = 1e-2
        ends = [objective.slope(point + x * step, 1, weights).losses @ weights for x in (1, -1)]
        assert float(slope.slope[place]) == pytest.approx(float(ends[0] - ends[1]) / 2e-2, rel=0.02)


@pytest.mark.parametrize("optimizer", ["adam", "cma"])
def test_a_search_over_tasks_of_both_metrics_ends_better_than_it_began(mixed, optimizer):
    plan = replace(PLAN, optimizer=optimizer, budget=6 if optimizer == "adam" else 18)
    run = list(optimize(mixed, mixed.zoo.recipe("task_arithmetic", 0.4), plan))[-1]
    assert run.best.value <= run.steps[0].value
    assert run.best.accuracies is None
    assert run.metrics["color"] is LOSS


@pytest.mark.parametrize("loss", ["entropy", "expert"])
def test_a_loss_that_is_taken_of_options_is_refused_by_the_task_s_name(mixed, loss):
    plan = replace(PLAN, loss=loss)
    with pytest.raises(BadData, match="'color' is scored by its loss in nats per token and has no"):
        next(optimize(mixed, mixed.zoo.recipe("task_arithmetic", 0.4), plan))


def test_fisher_is_that_of_the_documents_likelihood(bench):
    found = bench.statistics.look(["color"], "fisher", 5)("color", "pooler.dense.weight")
    used = bench.statistics.look(["color"], "fisher", 5)(
        "color", "encoder.layer.1.output.dense.weight"
    )
    assert float(found.abs().sum()) == 0  # the pooler takes no part in the loss
    assert float(used.min()) >= 0 < float(used.sum())


def test_an_expert_worse_than_the_base_is_doubted_and_one_that_is_better_is_not(bench):
    assert score_references(references(bench)).doubts == ()


def test_rows_are_shown_with_their_losses_and_without_a_right_answer(bench):
    now, before = evaluated(bench, bench.expert("color")), evaluated(bench, None)
    rows, changed = shown_rows(now, before, only_changed=False)
    assert changed == 100
    first = rows[0]
    assert (first.label, first.noun) == ("", "text")
    assert float(first.now) >= 0
    assert first.changed
    assert readings_of(bench.live, bench.tasks, bench.heads(bench.scored()), "red cat") == {}


def test_there_are_no_options_to_ask_for(bench):
    kind = bench.tasks["color"].kind
    assert isinstance(kind, LossKind)
    task, batch = bench.tasks["color"], kind.trial(bench.live.readers[kind.name])
    with pytest.raises(AssertionError, match="toy-loss has no options"):
        kind.scores(task.spec, task.head, None, batch, torch.tensor([0]))
    assert kind.says((), bench.tasks["color"].rows("held_out")[0], (0,)) == ""
