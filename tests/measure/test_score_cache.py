"""What is known of a model is run once, whoever asks, and never mistaken for another's."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from studio.compare import compare, comparison_json
from studio.disk import cache
from studio.errors import Cancelled
from studio.evidence.scoring import bench_scoring
from studio.measure.bench import Bench
from studio.measure.outcomes import Measuring
from studio.measure.references import references, score_references
from studio.measure.score_cache import deciding_files
from studio.progress import silent
from studio.recipe import GroupedCoefficient
from studio.search.gain import gains
from studio.sequence.orders import Order
from studio.sequence.plan import make_plan
from studio.sequence.run import run
from studio.session.worker import Worker
from studio.tasks.live_model import LiveModel
from studio.tasks.quick_pass import Pace
from studio.tasks.row_parts import fair_order
from studio.zoo import load_zoo
from tests.conftest import ROOT
from tests.scored import score, score_experts

CPU = torch.device("cpu")
NAMES = ("color", "animal")


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    """Nothing is known from another test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))


@pytest.fixture
def opened(tiny_copy):
    """Opens the zoo as another process would."""
    return lambda: Bench(load_zoo(tiny_copy), CPU)


@pytest.fixture
def passes(monkeypatch):
    """Rows of every batch that a model is asked."""
    found, before = [], LiveModel.states

    def counted(self, batch, *dtype):
        found.append(len(batch["input_ids"]))
        return before(self, batch, *dtype)

    monkeypatch.setattr(LiveModel, "states", counted)
    monkeypatch.setattr(LiveModel, "measure_pace", lambda self: None)
    return found


def heads_of(bench):
    return bench.heads(NAMES)


def known(bench, recipe, split="held_out", rows=None):
    return set(bench.score_cache.recall(bench.merge(recipe), heads_of(bench), split, rows))


def measured(bench, recipe, split="held_out", rows=None):
    return Measuring(bench).of(bench.merge(recipe), heads_of(bench), split, rows)


def held_out(row):
    assert row.held_out is not None
    return row.held_out.scores


def shown(bench, recipe):
    """A page has shown a recipe until nothing was left to do."""
    worker = Worker(bench)
    worker.want(recipe)
    worker.start()
    while not worker.idle:
        time.sleep(0.01)
    worker.stop()
    found = worker.results.evaluation(recipe)
    assert found is not None
    return worker, found


def without_validation(folder):
    text = (folder / "zoo.yaml").read_text()
    lines = [line for line in text.splitlines() if "validation" not in line]
    (folder / "zoo.yaml").write_text("\n".join(lines))


@pytest.mark.parametrize("name", ["task_arithmetic", "mdm_oc", "iso_c"])
def test_a_comparison_after_the_page_has_scored_runs_no_row_again(opened, tiny_copy, passes, name):
    without_validation(tiny_copy)
    recipe = opened().zoo.recipe(name, 0.71 if name == "mdm_oc" else None)  # as it starts
    worker, page = shown(opened(), recipe)
    assert sum(passes) == 100 + 100 + 100  # mix, experts and base
    passes.clear()
    *_, table = compare(opened(), [name])
    assert passes == []
    (standing,) = table.standings
    assert standing.scores == page.scores() == score(opened(), opened().merge(recipe))
    assert standing.outcome.seconds > 0
    assert table.references.experts.scores == worker.results.experts == score_experts(opened())
    assert table.references.base.scores == worker.results.base


def test_all_others_run_nothing_again_after_a_comparison(opened, passes):
    *_, first = compare(opened(), ["average", "mdm_oc"])
    passes.clear()
    *_, second = compare(opened(), ["average", "mdm_oc"])
    assert passes == []
    assert comparison_json(second) == comparison_json(first)
    bench = opened()
    average, mdm_oc = bench.zoo.recipe("average"), bench.zoo.recipe("mdm_oc", 0.71)
    found = gains(bench, average, mdm_oc)
    assert [gain.split for gain in found] == ["validation", "held_out"]
    scoring = bench_scoring(bench)
    assert scoring.evaluate(mdm_oc, silent).scores() == held_out(first.rows[1])
    assert scoring.base(silent) == first.references.base.scores
    assert scoring.own(silent) == first.references.experts.scores
    assert passes == []


def test_a_sequence_after_a_comparison_runs_only_what_it_adds(opened, passes):
    *_, table = compare(opened(), ["average"])
    passes.clear()
    bench = opened()
    plan = make_plan(bench, {"average": bench.zoo.recipe("average")}, (Order(NAMES),))
    found, steps = run(bench, plan)
    assert passes == []
    assert found.experts == table.references.experts.scores
    one, both = steps
    # the first arrival is color's expert; only its answers to the other task's rows are added
    assert sum(passes) == 50
    assert one.scores["color"] == found.experts["color"]
    assert both.scores == held_out(table.rows[0])
    assert both.seconds == 0


def test_a_page_shows_what_a_comparison_has_scored_with_every_answer(opened, passes):
    compare_bench = opened()
    *_, table = compare(compare_bench, ["average"])
    recipe = compare_bench.zoo.recipe("average")
    bench = opened()
    passes.clear()
    _, evaluation = shown(bench, recipe)
    assert evaluation.scores() == held_out(table.rows[0])
    assert passes == []
    bench.live.wear(bench.merge(recipe))
    again = bench.evaluation(heads_of(bench), "held_out")
    list(again.run(bench.live))
    for name in NAMES:
        assert evaluation.predictions[name].tolist() == again.predictions[name].tolist()


def test_fewer_rows_are_the_beginning_of_more_and_more_replace_fewer(opened, passes):
    bench = opened()
    recipe = bench.zoo.recipe("average")
    few = measured(bench, recipe, rows=10)
    assert sum(passes) == 20
    assert known(bench, recipe, rows=7) == set(NAMES)
    assert known(bench, recipe, rows=11) == set()
    every = measured(bench, recipe)
    assert sum(passes) == 20 + 100
    for name in NAMES:
        order = fair_order(50)[:10]
        assert few.marks[name].values.tolist() == every.marks[name].values[order].tolist()
    again = measured(opened(), recipe, rows=10)
    measured(opened(), recipe, rows=10_000)
    assert sum(passes) == 120
    assert {name: again.marks[name].values.tolist() for name in NAMES} == {
        name: few.marks[name].values.tolist() for name in NAMES
    }
    groups, others = again.groups["animal"], few.groups["animal"]
    assert groups is not None
    assert others is not None
    assert np.array_equal(groups, others)
    assert known(bench, recipe, "validation") == set()


def test_linear_merges_of_the_same_mixing_are_one_model(opened):
    bench = opened()
    measured(bench, bench.zoo.recipe("average"))
    same = [
        bench.zoo.recipe("task_arithmetic", 0.5),
        replace(bench.zoo.recipe("task_arithmetic", 0.5), seed=7),
        bench.zoo.recipe("average").with_coefficients(
            dict.fromkeys(NAMES, GroupedCoefficient(1.0, (("*", 1.0),)))
        ),
    ]
    assert all(known(bench, each) == set(NAMES) for each in same)
    others = [
        bench.zoo.recipe("task_arithmetic", 0.25),
        bench.zoo.recipe("average").without("color"),
        replace(bench.zoo.recipe("average"), dtype="float16"),
        bench.zoo.recipe("mdm_oc"),
        bench.zoo.recipe("ties"),
    ]
    assert all(known(bench, each) == set() for each in others)


def test_an_expert_is_its_task_alone_with_coefficient_1(opened, passes):
    bench = opened()
    score_references(references(bench))
    alone = bench.zoo.recipe("average").without("animal")
    assert known(bench, alone) == {"color"}
    assert known(bench, bench.zoo.recipe("task_arithmetic", 0.5).without("animal")) == set()
    assert set(bench.score_cache.recall(None, heads_of(bench), "held_out")) == set(NAMES)


@pytest.mark.parametrize(
    "changed", ["option", "depth", "counts", "seed", "a name", "coefficients", "dtype"]
)
def test_a_derived_merge_is_known_by_all_that_decides_it(opened, tiny_copy, changed):
    bench = opened()
    recipe = bench.zoo.recipe("dare", 0.4)
    measured(bench, recipe)
    assert known(opened(), recipe) == set(NAMES)
    if changed == "a name":  # masks are drawn by it
        text = (tiny_copy / "zoo.yaml").read_text()
        (tiny_copy / "zoo.yaml").write_text(text.replace("name: color", "name: paint"))
        bench = opened()
        merge = bench.merge(bench.zoo.recipe("dare", 0.4))
        assert bench.score_cache.recall(merge, bench.heads(["paint", "animal"]), "held_out") == {}
        return
    other = {
        "option": replace(recipe, options={"drop": 0.25}),
        "depth": replace(recipe, options={"lines": 0.5}),
        "counts": replace(recipe, options={"svc": 0.5}),
        "seed": replace(recipe, seed=1),
        "coefficients": recipe.with_coefficients({"color": 0.4, "animal": 0.41}),
        "dtype": replace(recipe, dtype="bfloat16"),
    }
    assert known(opened(), other[changed]) == set()


def test_what_a_method_measured_on_validation_rows_is_part_of_the_model(opened, tiny_copy):
    recipes = [opened().zoo.recipe(name) for name in ("fisher", "ties")]
    for recipe in recipes:
        measured(opened(), recipe)
    file = tiny_copy / "animal" / "validation.jsonl"
    lines = file.read_text().splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | {"text": "the big red"})
    file.write_text("\n".join(lines))
    assert [known(opened(), recipe) for recipe in recipes] == [set(), set(NAMES)]


def test_a_quick_pass_is_never_kept(opened):
    bench = opened()
    bench.live.pace = Pace(quick=torch.bfloat16)
    evaluation = bench.evaluation(heads_of(bench), "held_out")
    merge = bench.merge(bench.zoo.recipe("average"))
    bench.live.wear(merge)
    while not evaluation.seen:
        evaluation.step(bench.live)
    with pytest.raises(AssertionError, match="quick predictions are no scores"):
        bench.score_cache.keep(evaluation, merge, "held_out")
    list(evaluation.run(bench.live))
    bench.score_cache.keep(evaluation, merge, "held_out")
    assert Measuring(bench).scores(merge) == score(bench, merge)


def test_a_run_that_was_stopped_keeps_nothing_of_its_model(opened):
    bench = opened()

    def stop(share, words):
        if words == "evaluating":
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        Measuring(bench, stop).scores(None)
    assert bench.score_cache.recall(None, heads_of(bench), "held_out") == {}


def test_what_was_damaged_is_run_again(opened, passes):
    bench = opened()
    recipe = bench.zoo.recipe("average")
    first = measured(bench, recipe).scores
    (file,) = (cache.cache_folder() / "scores").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert measured(opened(), recipe).scores == first
    assert sum(passes) == 200


def test_the_code_that_decides_scores_is_known_by_every_file_of_it():
    files = {str(file.relative_to(ROOT / "studio")) for file in deciding_files()}
    assert files >= {
        "merge.py", "methods/ties.py", "methods/kit/magnitudes.py", "measure/evaluate.py",
        "checkpoints/deltas.py", "tasks/heads.py",
    }  # fmt: skip
