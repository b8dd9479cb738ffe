"""A search for the best on the tiny zoo: its rounds, its budget, and how it goes on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from studio.best.findings import Findings, verdict
from studio.best.judge import Judge
from studio.best.record import FILE
from studio.best.run import BY, BestPlan, chosen, find_best, results_folder
from studio.best.tables import findings_csv, findings_json, findings_text
from studio.disk.folders import hold
from studio.errors import BadRecipe, Cancelled, StudioError
from studio.measure.outcomes import Measuring
from studio.progress import silent
from studio.recipe import load_recipe, save_recipe

pytestmark = pytest.mark.usefixtures("two_points")
LONG = BestPlan(seconds=1e6)


def run(bench, folder: Path, plan: BestPlan = LONG, **options) -> list[Findings]:
    return list(find_best(bench, plan, folder, **options))


def facts(found: Findings) -> object:
    """All that does not depend on how fast this computer is."""
    plain = findings_json(found)
    for each in plain["trials"]:
        each.pop("seconds")
    return plain


@pytest.fixture(scope="module")
def whole(bench, tmp_path_factory) -> Callable[[], tuple[Path, list[Findings]]]:
    """A search that came to its end, and its folder; made by the first test that asks."""
    made: list[tuple[Path, list[Findings]]] = []

    def once() -> tuple[Path, list[Findings]]:
        if not made:
            folder = tmp_path_factory.mktemp("best")
            made.append((folder, run(bench, folder)))
        return made[0]

    return once


@pytest.mark.slow
def test_rounds_grow_and_the_best_is_scored_on_held_out_rows(bench, whole):
    _, every = whole()
    last = every[-1]
    assert last.ended
    assert not last.left
    assert last.complete == len(last.plan) - 1
    assert every[0].tried[0].trial.what == "Not merging"
    what = [each.trial.what for each in last.tried]
    assert "MDM-OC, vectors, weights per task by Adam" in what
    assert any(name.endswith("calibrated") for name in what)
    assert any(name.endswith("heads refitted") for name in what)
    best, held = last.best, last.held_out
    assert best
    assert best.recipe
    assert held
    merge = bench.merge(best.recipe)
    heads = bench.heads(bench.scored())
    assert held.best.scores == Measuring(bench).of(merge, heads, "held_out").scores
    top = next(each for each in last.ranked if each.recipe)
    assert best.means[0].value == top.means[0].value


@pytest.mark.slow
def test_a_second_run_repeats_nothing_and_says_the_same(bench, whole, monkeypatch):
    folder, every = whole()

    def refuse(*arguments):
        raise AssertionError("a trial was judged again")

    monkeypatch.setattr(Judge, "values", refuse)
    monkeypatch.setattr(Judge, "experts", refuse)
    again = run(bench, folder)
    assert facts(again[-1]) == facts(every[-1])
    assert again[-1].recalled == len(every[-1].tried)


@pytest.mark.slow
def test_what_was_cancelled_or_killed_goes_on_to_the_same_end(bench, whole, tmp_path):
    _, every = whole()
    seen = []

    def stop(share, words):
        seen.append(words)
        if "by Adam: 6 of" in words:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        run(bench, tmp_path, progress=stop)
    assert list(tmp_path.glob("search-*.json"))
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes()[:-7])  # killed while a line was written
    assert facts(run(bench, tmp_path)[-1]) == facts(every[-1])
    assert not list(tmp_path.glob("search-*.json"))


@pytest.mark.slow
def test_the_budget_ends_it_with_what_it_has_and_more_seconds_go_on(bench, whole, tmp_path):
    _, every = whole()
    ticks = iter(range(10**6))
    short = run(bench, tmp_path, BestPlan(seconds=50), clock=lambda: float(next(ticks)))
    assert short[-1].left
    assert "did not reach" in verdict(short[-1])[-1]
    assert len(short[-1].tried) < len(every[-1].tried)
    assert facts(run(bench, tmp_path)[-1]) == facts(every[-1])


@pytest.mark.slow
def test_the_winner_is_a_recipe_that_says_that_rows_have_chosen_it(bench, whole, tmp_path):
    recipe = whole()[1][-1].best.recipe
    made = chosen(bench, recipe)
    assert made.fitted
    assert made.fitted.by == BY
    assert {"method", *recipe.options} <= set(made.fitted.options)
    save_recipe(made, tmp_path / "winner.yaml")
    read = load_recipe(tmp_path / "winner.yaml")
    assert read == made
    heads = bench.heads(bench.scored())
    both = [Measuring(bench).of(bench.merge(x), heads, "held_out").scores for x in (read, recipe)]
    assert both[0] == both[1]


@pytest.mark.slow
def test_tables_hold_a_row_per_trial(whole):
    last = whole()[1][-1]
    text, lines = findings_text(last), findings_csv(last).splitlines()
    assert len(lines) == 1 + len(last.ranked)
    for each in last.ranked:
        assert each.trial.what in text
    plain = json.loads(json.dumps(findings_json(last)))
    assert [x["what"] for x in plain["trials"]] == [x.trial.what for x in last.ranked]
    assert plain["verdict"] == list(verdict(last))


def test_a_merge_that_is_refused_is_a_row_with_its_sentence_and_the_rest_goes_on(
    bench, tmp_path, monkeypatch
):
    really = Judge.values

    def values(self, recipe, *rest):
        if recipe is not None:
            raise BadRecipe("It cannot be merged.")
        return really(self, recipe, *rest)

    monkeypatch.setattr(Judge, "values", values)
    last = run(bench, tmp_path)[-1]
    assert set(last.refusals.values()) == {"It cannot be merged."}
    assert (last.best, last.held_out) == (None, None)
    assert "nothing can be said" in verdict(last)[0]


def test_two_searches_in_one_folder_and_an_impossible_budget_are_refused(bench, tmp_path):
    with hold(tmp_path), pytest.raises(StudioError, match="at work"):
        find_best(bench, LONG, tmp_path, silent)
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(BadRecipe, match="give a number above 0"):
            find_best(bench, replace(LONG, seconds=seconds), tmp_path, silent)


def test_results_lie_by_zoo_and_criterion(bench):
    folders = {results_folder(bench), results_folder(bench), results_folder(bench, "accuracy")}
    assert len(folders) == 2
