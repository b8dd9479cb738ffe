"""Refitted heads of a zoo's mixes: what they keep, what they read, and what is gone with a task."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
import yaml

from studio.compare import compare
from studio.errors import BadData, BadRecipe, Cancelled
from studio.evidence.closure import closure
from studio.evidence.logged_export import export_merge
from studio.evidence.rebuild import is_portable, why_not_apart
from studio.evidence.unmerge import unmerging
from studio.export.model import export
from studio.export.plan import ExportPlan
from studio.measure import head_refits
from studio.measure.bench import Bench, score_folder
from studio.measure.calibration import measured_rows_digest
from studio.measure.outcomes import Measuring
from studio.merge import open_merge
from studio.methods.mergekit.outgoing import configuration_of
from studio.recipe import Calibrate, Heads
from studio.search.plan import SearchPlan
from studio.search.rows import searched_split
from studio.search.run import optimize
from studio.tasks.moving_slider import moved_task
from studio.tasks.quick_pass import using_threads
from studio.tasks.row_parts import CHOOSING
from studio.zoo import load_zoo
from tests.tasks.kinds import classifiers, pictures, taggers

CPU = torch.device("cpu")
BOTH = {split: "rows.jsonl" for split in ("held_out", "validation")}


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), CPU)


@pytest.fixture
def recipe(bench):
    return replace(bench.zoo.recipe("task_arithmetic", 0.5), heads=Heads(8))


def found(bench, recipe):
    return bench.merge(recipe).heads.found.tensors


def same(one, other):
    return one.keys() == other.keys() and all(
        one[task][name].equal(other[task][name]) for task in one for name in one[task]
    )


def test_a_mix_that_is_one_expert_alone_keeps_its_head_to_the_bit(bench, recipe):
    alone = recipe.without("animal").with_coefficients({"color": 1.0})
    (last,) = found(bench, alone).values()
    own: Any = head_refits.last_layer(bench.tasks["color"].head)
    assert last["weight"].equal(own.weight)
    merge = bench.merge(alone)
    plain = Measuring(bench).scores(bench.merge(replace(alone, heads=None)))
    assert Measuring(bench).scores(merge)["color"] == plain["color"]


def test_no_label_is_read_and_the_threads_do_not_matter(tiny_copy, bench, recipe):
    for file in tiny_copy.rglob("*validation*.jsonl"):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        names = [row["label"] for row in rows]
        for row, other in zip(rows, names[1:] + names[:1], strict=True):
            row["label"] = other
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    other = Bench(load_zoo(tiny_copy), CPU)
    assert [r.answers for r in other.tasks["color"].rows("validation")] != [
        r.answers for r in bench.tasks["color"].rows("validation")
    ]
    asked = replace(other.zoo.recipe("task_arithmetic", 0.5), heads=Heads(8))
    with using_threads(2):
        assert same(found(other, asked), found(bench, recipe))
    assert searched_split(recipe) == CHOOSING


def test_a_removal_is_as_if_the_task_had_never_been_there(bench, recipe):
    unmerged = unmerging(recipe, ("animal",))
    merge = bench.merge(unmerged.recipe)
    never = Bench(replace(bench.zoo, tasks=bench.zoo.tasks[:1]), CPU)
    assert same(merge.heads.found.tensors, found(never, recipe.without("animal")))
    assert not same(merge.heads.found.tensors, {"color": found(bench, recipe)["color"]})
    table = closure(merge, bench.merge(recipe), unmerged, ("color",))
    (row,) = (each for each in table if each.artefact == "refitted heads")
    assert (row.state, row.inputs) == ("rebuilt", ("color",))
    digest = measured_rows_digest(bench.tasks["color"], 8)[1]
    assert f"color, 8 rows of SHA-256 {digest}" in row.words
    plain = unmerging(replace(recipe, heads=None), ("animal",))
    table = closure(bench.merge(plain.recipe), bench.merge(plain.full), plain)
    (row,) = (each for each in table if each.artefact == "refitted heads")
    assert row.state == "not used"


def test_a_subtracted_task_keeps_the_head_that_it_had(bench, recipe):
    unmerged = unmerging(recipe, ("animal",), "algebraic")
    assert [*found(bench, unmerged.recipe)] == ["color"]
    assert found(bench, recipe.silenced("color", "animal")) == {}


def test_they_agree_more_with_the_experts_and_answer_for_this_mix_alone(bench, recipe):
    merge = bench.merge(recipe)
    own = bench.heads(bench.scored())
    answering = bench.evaluation(own, "held_out", merge=merge)
    plain = bench.evaluation(own, "held_out", merge=bench.merge(replace(recipe, heads=None)))
    bench.live.wear(merge)
    for each in (answering, plain):
        for _ in each.run(bench.live):
            pass
    assert answering.heads == plain.heads
    scored = Measuring(bench).scores(merge)
    assert {n: x.value for n, x in scored.items()} == {
        n: x.value for n, x in answering.scores().items()
    }
    refitted = bench.fits.heads.tasks(merge)
    assert refitted["color"].head is not bench.tasks["color"].head
    assert bench.fits.heads.replacing(None, own) == {}
    fitted = bench.fitted_heads()
    assert bench.fits.heads.replacing(merge, fitted) == {}
    names = {
        bench.score_cache._model(bench.merge(each))
        for each in (recipe, replace(recipe, heads=None), replace(recipe, heads=Heads(9)))
    }
    assert len(names) == 3


def test_an_export_holds_the_heads_by_which_it_was_scored(bench, recipe, tmp_path):
    merge = bench.merge(recipe)
    plan = ExportPlan(str(tmp_path / "out"), classifiers=True)
    export_merge(merge, plan, bench)
    scores = Measuring(bench).scores(merge)
    again = score_folder(bench, tmp_path / "out")
    assert {n: x.value for n, x in again.items()} == {n: x.value for n, x in scores.items()}
    card = (tmp_path / "out" / "README.md").read_text()
    assert "heads refitted on at most 8 validation rows per task (pull 1)" in card
    assert "Heads belong to these weights alone" in card
    with pytest.raises(BadRecipe, match="a recipe names none"):
        export(open_merge(recipe), tmp_path / "bare")
    assert not (tmp_path / "bare").exists()


def test_cancelling_leaves_nothing_half_done(bench, recipe):
    asked = replace(recipe, heads=Heads(6))

    def stop(share, words):
        if share > 0.5:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        bench.fits.prepare(bench.merge(asked), stop)
    assert bench.fits.missing(asked)
    assert set(found(bench, asked)) == {"color", "animal"}


def test_a_task_without_rows_or_all_tasks_without_heads_are_named(tiny_copy, bench, recipe):
    plain = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    del plain["tasks"][1]["data"]["validation"]
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(plain))
    bare = Bench(load_zoo(tiny_copy), CPU)
    asked = replace(bare.zoo.recipe("task_arithmetic"), heads=Heads())
    with pytest.raises(BadData, match="the zoo has none for 'animal'"):
        found(bare, asked)
    headless = Bench(bench.zoo, CPU)
    for name, task in list(headless.tasks.items()):
        headless.tasks[name] = replace(task, head=None)
    with pytest.raises(BadRecipe, match="no merged task has a head with a row per label"):
        found(headless, recipe)


def test_a_head_that_does_more_behind_its_last_layer_is_refused(bench, recipe, monkeypatch):
    fresh = Bench(bench.zoo, CPU)
    plain = head_refits.LastLayer.scores
    monkeypatch.setattr(
        head_refits.LastLayer, "scores", lambda self, entered: plain(self, entered).tanh()
    )
    with pytest.raises(BadData, match="'color': its head does more behind its last layer"):
        found(fresh, recipe)


def test_weights_are_rebuilt_apart_and_mergekit_and_sliders_say_no(bench, recipe):
    assert is_portable(bench.merge(recipe))
    assert why_not_apart(recipe) == ""
    with pytest.raises(BadRecipe, match="which mergekit cannot do"):
        configuration_of(recipe, lambda: bench.merge(recipe))
    assert moved_task(recipe, recipe.with_coefficients({"color": 0.7})) is None


def test_a_search_moves_the_mix_and_its_result_keeps_the_refit(bench, recipe):
    *_, run = optimize(bench, recipe, SearchPlan(budget=3, batch=2, rows=40, at_once=8))
    assert run.recipe().heads == Heads(8)


def test_a_comparison_shows_every_row_with_heads_calibrated_and_both(bench):
    *_, table = compare(bench, ["average"], calibrate=Calibrate(8), heads=Heads(8))
    more = ["", " + calibrated", " + heads", " + calibrated + heads"]
    assert [row.name for row in table.rows] == [f"average{each}" for each in more]
    assert [row.title[7:] for row in table.rows] == more
    assert [row.needs for row in table.rows] == ["", "calibration", "heads", "calibration"]
    assert all(row.held_out and row.validation for row in table.rows)
    assert table.budget.split == CHOOSING


def _texts(folder):
    rows = classifiers.rows_of(classifiers.built(folder, "GPT2"), folder)
    return classifiers.write_zoo(folder, rows, type="text-classification", data=BOTH)


def _pictures(folder):
    pictures.write_rows(folder, pictures.built(folder, "ViT"))
    both = {split: "rows.npz" for split in BOTH}
    task = {"name": "expert", "checkpoint": "expert", "type": "image-classification", "data": both}
    (folder / "zoo.yaml").write_text(yaml.safe_dump({"base": "base", "tasks": [task]}))
    return folder


@pytest.mark.parametrize("made", [_texts, _pictures, taggers.two_experts])
def test_every_kind_whose_heads_score_labels_agrees_more_with_its_experts(made, tmp_path):
    folder = tmp_path / "zoo"
    folder.mkdir(exist_ok=True)
    bench = Bench(load_zoo(made(folder)), CPU)  # of rows that the experts have answered themselves
    merge = bench.merge(replace(bench.zoo.recipe("task_arithmetic", 0.4), heads=Heads(40, 0.01)))
    plain = bench.merge(replace(merge.recipe, heads=None))
    after, before = (Measuring(bench).scores(each) for each in (merge, plain))
    assert merge.heads.found.tensors.keys() == after.keys()
    gained = [after[name].value - before[name].value for name in after]
    assert min(gained) >= 0
    assert max(gained) > 0.05
