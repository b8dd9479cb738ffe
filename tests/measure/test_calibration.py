"""Calibration of a zoo's mixes: what is kept, refused, recorded, and gone after an unmerge."""

import json
from dataclasses import replace

import pytest
import torch
import yaml

from studio.compare import compare
from studio.errors import BadData, BadRecipe, Cancelled, StudioError
from studio.evidence.closure import closure
from studio.evidence.rebuild import is_portable, rebuilt_root, why_not_apart
from studio.evidence.unmerge import unmerging
from studio.export.adapter import refuse_no_factors
from studio.export.model import export
from studio.measure import calibration
from studio.measure.bench import Bench
from studio.measure.calibration import measured_rows_digest, merging
from studio.measure.outcomes import Measuring
from studio.merge import open_merge
from studio.methods.mergekit.outgoing import configuration_of
from studio.recipe import RECALIBRATE, Calibrate
from studio.search.plan import SearchPlan
from studio.search.rows import searched_split
from studio.search.run import optimize
from studio.tasks.moving_slider import moved_task
from studio.tasks.row_parts import CHOOSING, MEASURED, fair_order
from studio.zoo import load_zoo
from tests.merged import merged_tensors

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), CPU)


@pytest.fixture
def recipe(bench):
    return replace(bench.zoo.recipe("task_arithmetic", 0.5), calibrate=Calibrate(8))


@pytest.fixture
def walks(monkeypatch):
    """How often a model is walked."""
    found = []
    plain = calibration.calibrated

    def walk(model, merge, rows, progress):
        found.append(sorted(rows))
        return plain(model, merge, rows, progress)

    monkeypatch.setattr(calibration, "calibrated", walk)
    return found


def test_a_mix_is_calibrated_once_and_known_afterwards(tiny_zoo, recipe, walks):
    bench = Bench(load_zoo(tiny_zoo), CPU)
    merge = bench.merge(recipe)
    assert bench.fits.missing(recipe)
    told = []
    bench.fits.prepare(merge, lambda share, words: told.append(words))
    assert not bench.fits.missing(recipe)
    first = merged_tensors(merge)
    again = merged_tensors(bench.merge(recipe))
    assert walks == [["animal", "color"]]
    assert told[0] == "loading a model to calibrate"
    assert all(first[name].equal(again[name]) for name in first)
    merged_tensors(bench.merge(replace(recipe, calibrate=Calibrate(4))))
    assert len(walks) == 2


def test_no_recipe_that_does_not_ask_is_calibrated(bench, recipe, walks):
    bench.fits.prepare(None)
    bench.fits.prepare(bench.merge(replace(recipe, calibrate=None)))
    assert walks == []


def test_labels_and_rows_that_choose_are_not_read(bench, recipe, monkeypatch):
    seen = []
    plain = calibration.read_rows
    monkeypatch.setattr(
        calibration, "read_rows", lambda m, t, n: (seen.append(n), plain(m, t, n))[1]
    )
    fresh = Bench(bench.zoo, CPU)
    task = fresh.tasks["animal"]
    chosen = task.rows(MEASURED)
    merged_tensors(fresh.merge(recipe))
    count, digest = measured_rows_digest(task, 8)
    assert seen == [8, 8]
    assert count == 8 < len(chosen)
    assert measured_rows_digest(task, 10_000)[0] == len(chosen)
    assert measured_rows_digest(task, 7)[1] != digest
    rows = fresh.merge(recipe).fitted.found.rows
    assert rows["animal"] == (count, digest)
    assert fair_order(len(chosen))[:8].max() < len(chosen)
    assert searched_split(recipe) == CHOOSING


def test_a_silent_task_takes_no_part(bench, recipe):
    assert merging(bench.merge(recipe.silenced("color"))) == ("animal",)
    merge = bench.merge(recipe.silenced("color", "animal"))
    assert merging(merge) == ()
    assert merge.fitted.tensors == {}


def test_a_task_without_rows_is_named(tiny_copy, recipe):
    plain = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    del plain["tasks"][1]["data"]["validation"]
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(plain))
    bench = Bench(load_zoo(tiny_copy), CPU)
    chosen = replace(bench.zoo.recipe("task_arithmetic"), calibrate=Calibrate())
    with pytest.raises(BadData, match="no validation rows for 'animal'. .* 8 help already"):
        bench.merge(chosen).prepare()


def test_without_a_zoo_and_beside_recalibration_it_is_refused(recipe, bench):
    with pytest.raises(BadRecipe, match="a recipe names none"):
        open_merge(recipe).prepare()
    both = bench.merge(replace(recipe, batch_norm=RECALIBRATE))
    with pytest.raises(BadRecipe, match="Take batch_norm: mixture, or leave 'calibrate' out"):
        _ = both.fitted.tensors


def test_cancelling_leaves_nothing_half_done(tiny_zoo, recipe, walks):
    bench = Bench(load_zoo(tiny_zoo), CPU)

    def stop(share, words):
        if share > 0.3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        bench.fits.prepare(bench.merge(recipe), stop)
    assert bench.fits.missing(recipe)
    merged_tensors(bench.merge(recipe))
    assert len(walks) == 2


def test_scores_of_a_calibrated_mix_are_another_models(bench, recipe):
    plain, other = replace(recipe, calibrate=None), replace(recipe, calibrate=Calibrate(9))
    names = {bench.score_cache._model(bench.merge(each)) for each in (recipe, plain, other)}
    assert len(names) == 3
    scores = Measuring(bench).scores(bench.merge(recipe))
    assert set(scores) == {"color", "animal"}


def test_an_export_holds_what_the_live_model_wears(bench, recipe, tmp_path):
    merge = bench.merge(recipe)
    assert export(merge, tmp_path / "out") == rebuilt_root(merge)
    bench.live.wear(merge)
    worn, told = bench.live.encoder.state_dict(), merged_tensors(merge)
    assert all(worn[name].equal(told[name]) for name in merge.fitted.tensors)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "calibrated on at most 8 validation rows per task (share 0.6, pull 0.05)" in card


def test_an_exact_unmerge_calibrates_without_the_task_and_the_closure_counts_rows(bench, recipe):
    unmerged = unmerging(recipe, ("animal",))
    merge, full = bench.merge(unmerged.recipe), bench.merge(recipe)
    assert merge.recipe.calibrate == Calibrate(8)
    found = merged_tensors(merge)
    never = Bench(replace(bench.zoo, tasks=bench.zoo.tasks[:1]), CPU)
    alone = merged_tensors(never.merge(recipe.without("animal")))
    assert all(found[name].equal(alone[name]) for name in alone)
    (row,) = (each for each in closure(merge, full, unmerged) if each.artefact == "calibration")
    assert row.state == "rebuilt"
    assert row.inputs == ("color",)
    assert (
        f"color, 8 rows of SHA-256 {measured_rows_digest(bench.tasks['color'], 8)[1]}" in row.words
    )
    plain = unmerging(replace(recipe, calibrate=None), ("animal",))
    table = closure(bench.merge(plain.recipe), bench.merge(plain.full), plain)
    (row,) = (each for each in table if each.artefact == "calibration")
    assert row.state == "not used"


def test_an_algebraic_unmerge_calibrates_without_the_task_too(bench, recipe):
    unmerged = unmerging(recipe, ("animal",), "algebraic")
    merge = bench.merge(unmerged.recipe)
    table = closure(merge, bench.merge(recipe), unmerged)
    (row,) = (each for each in table if each.artefact == "calibration")
    assert (row.state, row.inputs) == ("rebuilt", ("color",))


def test_what_cannot_hold_it_says_so(bench, recipe):
    merge = bench.merge(recipe)
    assert not is_portable(merge)
    assert "a separate process is given checkpoints only" in why_not_apart(recipe)
    with pytest.raises(StudioError, match="The mix is calibrated, which changes whole layers"):
        refuse_no_factors(merge)
    with pytest.raises(BadRecipe, match="which mergekit cannot do"):
        configuration_of(recipe, lambda: merge)


def test_no_slider_slides_through_it(recipe):
    moved = recipe.with_coefficients({"color": 0.7})
    assert moved_task(recipe, moved) is None
    bare = [replace(each, calibrate=None) for each in (recipe, moved)]
    assert moved_task(*bare) == "color"


def test_a_search_moves_the_mix_and_its_result_is_calibrated(bench, recipe, walks):
    plan = SearchPlan(budget=3, batch=2, rows=40, at_once=8)
    *_, run = optimize(bench, recipe, plan)
    assert walks == []
    assert run.recipe().calibrate == Calibrate(8)


def test_a_comparison_shows_every_row_calibrated_too(bench):
    *_, table = compare(bench, ["average", "ties"], calibrate=Calibrate(8))
    names = [row.name for row in table.rows]
    assert names == ["average", "average + calibrated", "ties", "ties + calibrated"]
    assert table.budget.split == CHOOSING
    plain, fitted = table.rows[:2]
    assert not plain.tuned
    assert not fitted.tuned
    assert fitted.title == f"{plain.title} + calibrated"
    assert (plain.needs, fitted.needs) == ("", "calibration")
    assert fitted.validation is not None
    assert fitted.held_out is not None
    assert set(fitted.held_out.scores) == {"color", "animal"}
    assert table.proposal is not None


def test_a_row_that_cannot_be_calibrated_says_why(bench, monkeypatch):
    def refuse(*_):
        raise BadRecipe("no way through")

    monkeypatch.setattr(calibration, "calibrated", refuse)
    fresh = Bench(bench.zoo, CPU)
    *_, table = compare(fresh, ["average"], calibrate=Calibrate(5))
    assert table.refusals == {"average + calibrated": "no way through"}


def test_the_digest_is_of_what_rows_say_and_not_of_labels(bench):
    task = bench.tasks["color"]
    every = task.rows(MEASURED)
    assert json.dumps([task.kind.plain(row) for row in every])
    assert len(measured_rows_digest(task, 5)[1]) == 64
