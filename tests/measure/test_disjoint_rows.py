"""Rows that experts are measured on choose nothing: not in Compare, searches, sweeps, verdicts."""

from dataclasses import replace

import pytest
import torch

from studio.compare import compare
from studio.measure.bench import Bench
from studio.measure.outcomes import Measuring
from studio.recipe import RECALIBRATE
from studio.search.gain import gains
from studio.search.plan import SearchPlan
from studio.search.rows import chosen_rows, searched_head, searched_split
from studio.search.run import optimize
from studio.search.verdict import verdict
from studio.sweep.axis import parse_axis
from studio.sweep.landscape import landscape
from studio.tasks.row_parts import CHOOSING, MEASURED, VALIDATION
from studio.zoo import load_zoo

ACTIVATION = {"basis": "activation"}
PLAN = SearchPlan(budget=3, batch=2, rows=40, at_once=8)
MODULES = ("measure.expert_statistics", "search.rows")


@pytest.fixture
def bench(tiny_zoo, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


@pytest.fixture
def seen(monkeypatch):
    """Which rows were read where: (module, task) to splits; evaluations under 'scored'."""
    found: dict[str, set[str]] = {"scored": set(), **{name: set() for name in MODULES}}
    for name in MODULES:
        from studio.measure.examples import examples

        def read(model, task, split, labelled=True, name=name, plain=examples):
            found[name].add(split)
            return plain(model, task, split, labelled)

        monkeypatch.setattr(f"studio.{name}.examples", read)
    of = Measuring.of

    def scored(self, merge, heads, split, *rest, **more):
        found["scored"].add(split)
        return of(self, merge, heads, split, *rest, **more)

    monkeypatch.setattr(Measuring, "of", scored)
    return found


def in_activations(bench):
    return replace(bench.zoo.recipe("mdm_oc"), options=ACTIVATION)


def test_the_two_parts_of_every_task_share_no_row_and_no_group(bench):
    for task in bench.tasks.values():
        measured, rest = task.rows(MEASURED), task.rows(CHOOSING)
        assert len(measured) + len(rest) == len(task.rows(VALIDATION))
        assert not {*map(id, measured)} & {*map(id, rest)}
        assert not {row.group for row in measured if row.group} & {row.group for row in rest}


def test_compare_tunes_and_proposes_on_rows_that_no_method_measured(bench, seen):
    *_, table = compare(bench, ("average", "regmean"), tune=True)
    assert seen["measure.expert_statistics"] == {MEASURED}
    assert seen["scored"] == {"held_out", CHOOSING}
    counts = {name: len(task.rows(CHOOSING)) for name, task in bench.tasks.items()}
    for row in table.rows:
        assert row.validation is not None
        assert {name: score.n for name, score in row.validation.scores.items()} == counts
    assert table.proposal is not None


def test_compare_of_methods_without_data_chooses_on_all_validation_rows(bench, seen):
    *_, table = compare(bench, ("average",), tune=True)
    assert table.budget.split == VALIDATION
    assert seen["scored"] == {"held_out", VALIDATION}


@pytest.mark.parametrize(("ewc", "options"), [(0.0, ACTIVATION), (0.1, {})])
def test_a_search_fits_decides_and_judges_on_rows_that_were_not_measured(bench, seen, ewc, options):
    recipe = replace(bench.zoo.recipe("mdm_oc"), options=options)
    *_, run = optimize(bench, recipe, replace(PLAN, ewc=ewc))
    assert seen["measure.expert_statistics"] == {MEASURED}
    assert seen["search.rows"] == {CHOOSING}
    assert [sum(each) for each in run.rows] == [
        len(task.rows(CHOOSING)) for task in bench.tasks.values()
    ]
    assert verdict(bench, run) is not None
    assert gains(bench, recipe, run.recipe())
    assert seen["scored"] == {"held_out", CHOOSING}


def test_a_sweep_shows_rows_that_were_not_measured(bench, seen):
    recipe = in_activations(bench)
    *_, found = landscape(bench, recipe, [parse_axis(recipe, "coefficients=0.5:1.5")], levels=1)
    assert found.here.outcome is not None
    assert seen["scored"] == {CHOOSING}


def test_what_measures_nothing_uses_every_validation_row(bench):
    assert searched_split(bench.zoo.recipe("mdm_oc")) == VALIDATION
    assert searched_split(bench.zoo.recipe("mdm_oc"), 0.1) == CHOOSING
    assert searched_split(bench.zoo.recipe("fisher")) == CHOOSING
    assert searched_split(in_activations(bench)) == CHOOSING
    recalibrated = replace(bench.zoo.recipe("average"), batch_norm=RECALIBRATE)
    assert searched_split(recalibrated) == CHOOSING


def test_parts_of_a_search_are_disjoint_from_what_was_measured_by_group(bench):
    measured = {row.group for row in bench.tasks["animal"].rows(MEASURED)}
    rows = chosen_rows(bench, "animal", 400, True, CHOOSING)
    assert rows.part.groups is not None
    assert not measured & {str(each) for each in rows.part.groups}
    assert searched_head(bench.tasks["animal"], CHOOSING) is bench.tasks["animal"].head
