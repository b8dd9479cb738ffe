"""A kind that the house has never heard of goes through all of it, by its entry in KINDS alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from studio.errors import BadZoo
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.measure.bench import Bench, score_folder
from studio.measure.change import carried_scores, changes
from studio.measure.evaluate import UNKNOWN
from studio.measure.intervals import ratio_bootstrap
from studio.measure.outcomes import Measuring
from studio.measure.references import measured_references
from studio.measure.score_cache import task_digest
from studio.measure.showcase import readings_of, shown_rows
from studio.search.objective import Objective
from studio.search.plan import SearchPlan
from studio.search.rows import chosen_rows
from studio.search.run import optimize
from studio.search.space import space
from studio.tasks.kinds import KINDS, USUAL_KIND
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.contract import places_of
from studio.tasks.row_parts import MEASURED
from studio.zoo import load_zoo
from tests.conftest import ROOT
from tests.tasks.kinds import vectors

CPU = torch.device("cpu")
PLAN = SearchPlan(rows=24, batch=4, at_once=5, budget=6)


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    monkeypatch.setitem(KINDS, "vectors", vectors.Vectors())
    return vectors.build(tmp_path / "zoo")


@pytest.fixture
def bench(zoo):
    return Bench(load_zoo(zoo), CPU)


def evaluated(bench, merge, rows=None):
    bench.live.wear(merge)
    found = bench.evaluation(bench.heads(bench.scored()), "held_out", rows=rows)
    list(found.run(bench.live))
    return found


def test_every_question_of_a_row_counts_and_a_row_s_questions_belong_together(bench):
    found = evaluated(bench, bench.expert("up"))
    right = found.correct("up")
    assert right.tolist() == [0 if place % 7 == 0 else 1 for place in range(80)]
    score = found.scores()["up"]
    assert (score.n, score.value) == (80, 68 / 80)
    assert bench.tasks["up"].questions("held_out") == 80  # of 40 rows
    assert score.interval == "cluster-bootstrap"
    assert (score.low, score.high) == ratio_bootstrap(
        right, np.ones(80), np.repeat(np.arange(40), 2)
    )


def test_a_share_beside_the_score_is_of_the_same_answers_and_resamples_the_same_groups(bench):
    found, part = evaluated(bench, None), bench.tasks["up"]
    answers = np.array([each for row in part.rows("held_out") for each in row.answers])
    left, said = answers == 0, found.predictions["up"]
    (share,) = found.scores()["up"].besides
    hit = (left & (said == 0)).astype(float)
    assert (share.name, share.value) == ("left found", hit.sum() / left.sum())
    assert 0 < share.value < 1
    groups = np.repeat(np.arange(40), 2)
    assert (share.low, share.high) == ratio_bootstrap(hit, left.astype(float), groups)
    few = evaluated(bench, None, rows=9)
    asked = found.parts["up"].questions(found.parts["up"].order[:9])
    (sampled,) = few.scores()["up"].besides
    assert sampled.value == hit[asked].sum() / left[asked].sum()


def test_a_share_beside_is_recalled_with_the_score_and_is_that_of_the_rows_run_so_far(bench):
    merge = bench.expert("down")
    known = Measuring(bench).scores(merge)  # measured and kept
    again = Measuring(bench).recalled(merge, bench.heads(bench.scored()), "held_out")
    assert again is not None
    assert again.scores == known
    assert known["up"].besides
    filled = bench.evaluation(bench.heads(bench.scored()), "held_out")
    assert bench.score_cache.fill(filled, merge, "held_out")
    assert filled.scores() == known
    last = evaluated(bench, merge)
    now = bench.evaluation(bench.heads(bench.scored()), "held_out")
    now.step(bench.live)
    assert carried_scores(last, now)["up"].besides == now.scores()["up"].besides
    assert now.scores()["up"].n < known["up"].n


def test_predictions_are_what_the_module_says_row_by_row(bench):
    found, task = evaluated(bench, bench.expert("down")), bench.tasks["up"]
    for index, row in enumerate(task.rows("held_out")):
        (states,) = bench.live.encoder(torch.tensor([row.numbers]))
        asked = found.parts["up"].questions([index])
        assert found.predictions["up"][asked].tolist() == task.head(states[0]).argmax(-1).tolist()


def test_a_sample_of_rows_has_their_questions(bench):
    whole, part = evaluated(bench, None), evaluated(bench, None, rows=9)
    rows = whole.parts["up"].order[:9]
    asked = whole.parts["up"].questions(rows)
    assert part.predictions["up"].tolist() == whole.predictions["up"][asked].tolist()
    assert changes(part, part)["up"].n == 18


def test_what_changes_on_the_page_are_rows(bench):
    now, before = evaluated(bench, bench.expert("up")), evaluated(bench, None)
    rows, changed = shown_rows(now, before, only_changed=True)
    differs = [now.predictions[name] != before.predictions[name] for name in now.parts]
    assert changed == sum(int(each.reshape(-1, 2).any(1).sum()) for each in differs) > 0
    assert {row.noun for row in rows} == {"numbers"}
    assert all(len(row.label.split()) == len(row.now.split()) == 2 for row in rows)
    now.predictions["up"][:] = UNKNOWN
    assert all(row.now == "" for row in shown_rows(now, before, False)[0] if row.task == "up")


def test_rows_that_cannot_be_typed_are_not_read(bench):
    assert readings_of(bench.live, bench.tasks, bench.heads(bench.scored()), "red cat") == {}


@pytest.mark.parametrize("optimizer", ["adam", "cma"])
@pytest.mark.parametrize("loss", ["labels", "entropy", "expert"])
def test_a_search_fits_coefficients_to_all_questions(bench, optimizer, loss):
    budget = 6 if optimizer == "adam" else 18
    plan = replace(PLAN, optimizer=optimizer, loss=loss, budget=budget)
    run = list(optimize(bench, bench.zoo.recipe("task_arithmetic", 0.4), plan))[-1]
    assert run.ended
    assert run.spent > 0
    assert all(torch.tensor(step.losses).isfinite().all() for step in run.steps)


def test_a_loss_is_the_mean_of_all_questions_and_its_share_of_right_ones_too(bench):
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.4))
    rows = {"up": chosen_rows(bench, "up", 24, True)}
    bench.live.wear(merge)
    found = Objective(bench, merge, space(merge.deltas, "task"), PLAN, rows).measure(
        {"up": rows["up"].fit}
    )
    every = [bench.tasks["up"].rows("validation")[row] for row in rows["up"].fit]
    with torch.no_grad():
        (states,) = bench.live.encoder(torch.tensor([row.numbers for row in every]))
    scores = bench.tasks["up"].head(states).flatten(0, 1)
    right = torch.tensor([answer for row in every for answer in row.answers])
    loss = torch.nn.functional.cross_entropy(scores, right)
    assert float(found.losses) == pytest.approx(float(loss), rel=1e-5)
    assert found.accuracies is not None
    assert float(found.accuracies) == float((scores.argmax(-1) == right).double().mean())


def test_rows_of_a_group_stay_together_in_a_search(tmp_path, monkeypatch):
    monkeypatch.setitem(KINDS, "vectors", vectors.Vectors())
    bench = Bench(load_zoo(vectors.build(tmp_path / "zoo", grouped=True)), CPU)
    rows = chosen_rows(bench, "up", 24, True)
    groups = [{bench.tasks["up"].rows("validation")[row].group for row in side}
              for side in (rows.fit, rows.check)]  # fmt: skip
    assert not groups[0] & groups[1]
    assert len(rows.fit) + len(rows.check) == 24


def test_fisher_and_grams_are_those_of_the_module(bench):
    fisher = bench.statistics.look(["up"], "fisher", 24)("up", "first.weight")
    gram = bench.statistics.look(["up"], "gram", 24)("up", "first.weight")
    rows = bench.tasks["up"].rows(MEASURED)
    numbers = torch.tensor([row.numbers for row in rows])
    torch.testing.assert_close(gram, numbers.T @ numbers / len(rows))
    body, head = bench.tasks["up"].kind.load(bench.deltas.checkpoints[0]), bench.tasks["up"].head
    total = torch.zeros(5, 3)
    for row in rows:
        scores = head(body(torch.tensor([row.numbers]))[0][0])  # (2 questions, 2 options)
        loss = torch.nn.functional.cross_entropy(scores, torch.tensor(row.answers), reduction="sum")
        (slope,) = torch.autograd.grad(loss, body.first.weight)
        total += slope.square() / len(rows)
    torch.testing.assert_close(fisher, total, rtol=1e-4, atol=1e-9)


def test_references_and_outcomes_are_kept_and_recalled(bench, zoo, monkeypatch):
    list(measured_references(bench, lambda _, merge: bench.live.wear(merge)))
    recipe = bench.zoo.recipe("task_arithmetic", 0.4)
    first = Measuring(bench).merged(recipe, "held_out")
    again = Bench(load_zoo(zoo), CPU)
    monkeypatch.setattr("studio.measure.bench.LiveModel", None)  # nothing may be measured
    assert Measuring(again).merged(recipe, "held_out").scores == first.scores
    text = (zoo / "zoo.yaml").read_text().replace("scale: 1.0", "scale: 2.0")
    (zoo / "zoo.yaml").write_text(text)
    other = Bench(load_zoo(zoo), CPU)
    head = other.tasks["up"].head
    assert task_digest(other.tasks["up"], head, "held_out") != task_digest(
        again.tasks["up"], head, "held_out"
    )


def test_an_export_holds_what_answers_and_scores_the_same(bench, tmp_path):
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.4))
    scores = Measuring(bench).scores(merge)
    content = MergedModel(merge, list(bench.tasks.values()), scores=scores)
    write_export(content, tmp_path / "out")
    assert sorted(each.name for each in (tmp_path / "out" / "heads").iterdir()) == ["down", "up"]
    assert "Ask up for two answers." in (tmp_path / "out" / "README.md").read_text()
    assert score_folder(bench, tmp_path / "out") == scores


def test_the_kind_says_which_keys_an_entry_has(zoo):
    text = (zoo / "zoo.yaml").read_text()
    (zoo / "zoo.yaml").write_text(text.replace("scale: 1.0", "pooling: mean", 1))
    keys = ".*, head, scale, labelled_by, data"
    with pytest.raises(BadZoo, match=f"unknown key 'pooling'; the keys are {keys}"):
        load_zoo(zoo)


def test_kinds_that_need_two_models_do_not_share_a_zoo(zoo):
    entries = yaml.safe_load((zoo / "zoo.yaml").read_text())
    del entries["tasks"][0]["type"], entries["tasks"][0]["scale"]
    (zoo / "zoo.yaml").write_text(yaml.safe_dump(entries))
    with pytest.raises(BadZoo, match="'up' is asked of AutoModel, 'down' of Body"):
        load_zoo(zoo)


def test_two_kinds_of_one_model_share_a_zoo_but_no_batch(bench, monkeypatch):
    class Others(vectors.Vectors):
        name = "others"

        def batch(self, reader, items) -> Batch:
            seen.append(len(items))
            return super().batch(reader, items)

    seen, alone = [], evaluated(bench, bench.expert("up"))
    monkeypatch.setitem(KINDS, "others", Others())
    spec = replace(bench.tasks["down"].spec, type="others")
    bench.tasks["down"] = replace(bench.tasks["down"], spec=spec)
    mixed = Bench.__new__(Bench)
    mixed.__dict__ |= {key: x for key, x in bench.__dict__.items() if key != "live"}
    mixed._examples = {}
    found = evaluated(mixed, mixed.expert("up"))
    assert sum(seen) == 40
    for name in found.parts:
        assert found.predictions[name].tolist() == alone.predictions[name].tolist()


def test_places_are_those_of_each_tasks_rows_in_a_batch():
    found = places_of([("a", 4), ("b", 0), ("a", 1)])
    assert {name: x.tolist() for name, x in found.items()} == {"a": [0, 2], "b": [1]}


def test_no_file_outside_the_kinds_imports_one():
    for file in (ROOT / "studio").rglob("*.py"):
        if file.parent.name != "kinds":
            text = file.read_text()
            assert not [name for name in KINDS if f"kinds.{name.replace('-', '_')}" in text], file


def test_kinds_stand_by_their_names():
    assert all(kind.name == name for name, kind in KINDS.items())
    assert USUAL_KIND.name == "text-classification"
