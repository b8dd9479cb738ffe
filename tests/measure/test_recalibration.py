"""Recalibrated statistics: those of what the merged model's layers see of the tasks' rows."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers

from studio.errors import BadData, BadRecipe, NotFinite, StudioError
from studio.evidence.closure import closure
from studio.evidence.rebuild import why_not_apart
from studio.evidence.unmerge import unmerging
from studio.export.adapter import refuse_no_factors
from studio.measure.bench import Bench
from studio.measure.recalibration import ROWS
from studio.merge import open_merge
from studio.recipe import BATCH_NORMS, RECALIBRATE
from studio.search.objective import Objective
from studio.search.plan import SearchPlan
from studio.search.rows import chosen_rows
from studio.search.space import space
from studio.tasks.kinds.image_items import DEVIATION, MEAN
from studio.tasks.row_parts import measured_rows
from studio.zoo import load_zoo
from tests.merged import merged_tensors
from tests.tasks.kinds.classifiers import noisy
from tests.tasks.kinds.pictures import built, images

DEVICE = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A zoo of two ResNets, each of whose rows are half of the pictures, one lot darker."""
    folder = tmp_path_factory.mktemp("norms")
    model = built(folder, "ResNet")
    for number, name in enumerate(("first", "second")):
        torch.manual_seed(number + 1)
        rows = images()[number::2] // (number + 1)
        with torch.no_grad():
            noisy(model).train()(normalized(rows))  # which moves its statistics
        model.eval().save_pretrained(folder / name)
        labels = np.array([0, 1] * (len(rows) // 2))
        np.savez(folder / f"{name}.npz", images=rows, labels=labels)
    lines = [
        f"  - {{name: {x}, checkpoint: {x}, type: image-classification, image_size: 32, "
        f"data: {{held_out: {x}.npz, validation: {x}.npz}}}}\n"
        for x in ("first", "second")
    ]
    (folder / "zoo.yaml").write_text(f"base: base\ntasks:\n{''.join(lines)}")
    return folder


@pytest.fixture(scope="module")
def bench(folder):
    return Bench(load_zoo(folder / "zoo.yaml"), DEVICE)


def recipe_of(bench, **fields):
    recipe = bench.zoo.recipe("task_arithmetic", 0.4)
    return replace(recipe, **fields)


def pixels(folder, *names):
    return normalized(np.concatenate([np.load(folder / f"{name}.npz")["images"] for name in names]))


def images_measured(folder, bench, name):
    """Those rows that may be measured on."""
    return pixels(folder, name)[measured_rows(bench.tasks[name].rows("validation"))]


def normalized(rows):
    mean, deviation = (torch.tensor(x).view(-1, 1, 1) for x in (MEAN, DEVIATION))
    return (torch.from_numpy(rows).permute(0, 3, 1, 2).float() / 255 - mean) / deviation


def test_they_are_what_torch_itself_measures_in_one_batch(folder, bench):
    merge = bench.merge(recipe_of(bench, batch_norm=RECALIBRATE))
    found = {name: merge.statistics.at(name) for name in merge.statistics.names}
    model = transformers.AutoModel.from_pretrained(folder / "base")
    weights = merged_tensors(bench.merge(recipe_of(bench, batch_norm="base")))
    model.load_state_dict(model.state_dict() | weights)
    layers = [x for x in model.modules() if isinstance(x, torch.nn.BatchNorm2d)]
    for layer in layers:
        layer.momentum = 1.0
    with torch.no_grad():
        parts = [images_measured(folder, bench, name) for name in ("first", "second")]
        model.train()(torch.cat(parts))
    known = model.state_dict()
    assert len(found) == 2 * len(layers)
    assert len(found) > 4
    for name, values in found.items():
        torch.testing.assert_close(values.float(), known[name], rtol=0.05, atol=1e-4)
        if name.endswith("mean"):  # torch's variances are of a sample, those here of all there is
            torch.testing.assert_close(values.float(), known[name], rtol=1e-4, atol=1e-5)


def test_a_task_that_was_taken_out_leaves_nothing_in_them(bench):
    whole = recipe_of(bench, batch_norm=RECALIBRATE)
    bench.merge(whole).prepare()
    rest = merged_tensors(bench.merge(whole.without("second")))
    never = Bench(replace(bench.zoo, tasks=bench.zoo.tasks[:1]), DEVICE)
    alone = merged_tensors(never.merge(whole.without("second")))
    assert all(rest[name].equal(alone[name]) for name in rest)


def test_the_live_model_the_slide_and_an_export_have_the_same(bench):
    recipe = recipe_of(bench, batch_norm=RECALIBRATE)
    moved = recipe.with_coefficients({"first": 0.7})
    merge = bench.merge(moved)
    exact = merged_tensors(merge)
    assert bench.live.slide(bench.merge(recipe), "first", 2**30)
    assert bench.live.slide(merge, "first", 2**30)
    state = bench.live.encoder.state_dict()
    for name in merge.statistics.names:
        torch.testing.assert_close(state[name], exact[name], rtol=1e-5, atol=1e-6)


def test_every_choice_is_another_model_also_where_scores_are_kept(bench):
    scores = {}
    for mode in BATCH_NORMS:
        merge = bench.merge(recipe_of(bench, batch_norm=mode))
        scores[mode] = bench.score_cache._model(merge)
    assert len(set(scores.values())) == len(BATCH_NORMS)


def test_linear_merges_with_other_coefficients_are_other_models_where_statistics_differ(bench):
    one = bench.merge(recipe_of(bench))
    other = bench.merge(recipe_of(bench, options={"scale": 0.5}).with_coefficients(
        {"first": 0.8, "second": 0.8}
    ))  # fmt: skip
    assert one.mixing.equal(other.mixing)
    name = one.statistics.names[0]
    assert not one.statistics.at(name).equal(other.statistics.at(name))
    assert bench.score_cache._model(one) != bench.score_cache._model(other)


def test_rows_are_needed_and_a_task_without_them_is_named(folder, bench):
    text = (folder / "zoo.yaml").read_text().replace(", validation: second.npz", "")
    (folder / "fewer.yaml").write_text(text)
    fewer = Bench(load_zoo(folder / "fewer.yaml"), DEVICE)
    with pytest.raises(BadData, match="no validation rows for 'second'"):
        fewer.merge(recipe_of(fewer, batch_norm=RECALIBRATE)).prepare()


def test_a_model_that_gives_nothing_finite_is_refused(bench):
    huge = recipe_of(bench, batch_norm=RECALIBRATE).with_coefficients({"first": 1e30})
    with pytest.raises(NotFinite, match="this layer of the merged model holds NaN or infinity"):
        bench.merge(huge).prepare()


def test_no_more_rows_are_run_than_are_said(bench):
    assert all(len(task.rows("validation")) <= ROWS for task in bench.tasks.values())


def test_a_certificate_counts_the_rows_and_no_separate_process_rebuilds_them(bench):
    for mode, state, words in (
        (RECALIBRATE, "rebuilt", f"at most {ROWS} validation rows, without labels"),
        ("mixture", "rebuilt", "a mixture of the tasks that are merged"),
        ("base", "not used", "are the base's"),
    ):
        unmerged = unmerging(recipe_of(bench, batch_norm=mode), ("second",))
        table = closure(bench.merge(unmerged.recipe), bench.merge(unmerged.full), unmerged)
        (row,) = (each for each in table if each.artefact == "BatchNorm statistics")
        assert row.state == state
        assert words in row.words
        assert row.inputs == (() if mode == "base" else ("first",))
        assert bool(why_not_apart(unmerged.recipe)) == (mode == RECALIBRATE)


def test_an_adapter_cannot_hold_them(bench):
    with pytest.raises(StudioError, match="which no adapter holds"):
        refuse_no_factors(bench.merge(recipe_of(bench)))


def test_a_search_wears_the_statistics_of_the_point_that_it_is_at(bench):
    merge = bench.merge(recipe_of(bench))
    plan = SearchPlan(optimizer="cma")
    rows = {name: chosen_rows(bench, name, 8, True) for name in merge.recipe.names}
    free = space(merge.deltas, "task")
    objective = Objective(bench, merge, free, plan, rows)
    point = torch.tensor([0.1, 0.6], dtype=torch.float64)
    objective.check(point)
    there = merged_tensors(bench.merge(free.recipe(merge.recipe, point)))
    worn = bench.live.encoder.state_dict()
    for name in merge.statistics.names:
        torch.testing.assert_close(worn[name], there[name])


def test_too_few_rows_are_no_spread(folder, bench):
    found = np.load(folder / "first.npz")
    np.savez(folder / "few.npz", images=found["images"][:3], labels=found["labels"][:3])
    text = (folder / "zoo.yaml").read_text().replace("validation: first", "validation: few")
    (folder / "few.yaml").write_text(text.replace("validation: second", "validation: few"))
    few = Bench(load_zoo(folder / "few.yaml"), DEVICE)
    with pytest.raises(BadData, match="recalibrate has fewer than 8 validation rows"):
        few.merge(recipe_of(few, batch_norm=RECALIBRATE)).prepare()


def test_a_base_without_running_statistics_refuses_the_choice(make_recipe):
    with pytest.raises(BadRecipe, match="batch_norm: base, but .* has no running statistics"):
        open_merge(make_recipe(batch_norm="base")).prepare()
