"""Every architecture with every kind that it serves: scored, exported, unmerged and searched."""

import json
from dataclasses import replace

import pytest
import torch

from studio.evidence.rebuild import rebuilt_root
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.measure.bench import Bench, score_folder
from studio.methods.contract import FISHER, GRAM
from studio.search.plan import SearchPlan
from studio.search.run import optimize
from studio.zoo import load_zoo
from tests.merged import merged_tensors
from tests.round_trips import OWN_LOSS, TASKS, build
from tests.scored import score, score_experts
from tests.trips import trips

TRIPS = trips()
CPU = torch.device("cpu")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What no other trip is like; with ``--all`` each of them."""
    every = metafunc.config.getoption("--all", default=False)
    names = [name for name, trip in TRIPS.items() if every or not trip.repeats]
    metafunc.parametrize("opened", names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def opened(request, tmp_path_factory):
    trip = TRIPS[request.param]
    folder = build(trip, tmp_path_factory.mktemp("trip"))
    return trip, folder, Bench(load_zoo(folder / "zoo.yaml"), CPU)


def test_every_expert_alone_answers_as_transformers_and_peft_have_it(opened):
    trip, folder, bench = opened
    found = score_experts(bench)
    assert set(found) == {*TASKS}
    for name, each in found.items():
        if trip.asked == "causal-lm":
            own = json.loads((folder / name / OWN_LOSS).read_text())
            assert each.value == pytest.approx(own, rel=1e-5)
        else:
            assert each.value == 1.0


def test_an_export_gives_the_same_answers_by_the_class_that_it_is_of(opened, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # of comparisons that were made
    _, _, bench = opened
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.4))
    done = write_export(MergedModel(merge, [bench.tasks[name] for name in TASKS]), tmp_path / "out")
    scores = score(bench, merge)
    for name, each in score_folder(bench, tmp_path / "out").items():
        assert each.value == pytest.approx(scores[name].value, rel=1e-6)
    assert any("reopened, answers random input as was computed" in x for x in done.checked)


def test_an_unmerge_is_the_model_that_never_had_the_task(opened):
    _, _, bench = opened
    recipe = bench.zoo.recipe("mdm_oc", 0.4)
    bench.merge(recipe).prepare()
    never = Bench(replace(bench.zoo, tasks=(bench.zoo.tasks[0], bench.zoo.tasks[2])), CPU)
    rest = recipe.without("second")
    assert rebuilt_root(bench.merge(rest)) == rebuilt_root(never.merge(rest))
    assert merged_tensors(bench.merge(rest))


def test_a_search_takes_a_step_and_validation_rows_are_measured(opened):
    trip, _, bench = opened
    recipe = bench.zoo.recipe("task_arithmetic", 0.4)
    loss = "labels" if trip.asked == "causal-lm" else "expert"  # which takes rows of one label, too
    plan = SearchPlan(rows=8, batch=2, budget=1, loss=loss)
    run = list(optimize(bench, recipe, plan))[-1]
    assert all(torch.tensor(step.losses).isfinite().all() for step in run.steps)
    for kind in (FISHER, GRAM):
        look = bench.statistics.look(("first",), kind, 2)
        measured = [look("first", name) for name in bench.deltas.names]
        assert any(each is not None and bool(each.any()) for each in measured)
