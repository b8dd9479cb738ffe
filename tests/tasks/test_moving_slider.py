"""A slider in motion against the exact merge: equal up to rounding, and never adding up errors."""

from dataclasses import replace

import pytest
import torch

from studio.checkpoints.resident import keep_in_memory
from studio.component import component
from studio.measure.bench import Bench
from studio.merge import open_merge
from studio.recipe import GroupedCoefficient, Recipe, TaskEntry
from studio.tasks.moving_slider import begin_slide, moved_task, slide_bytes
from studio.zoo import load_zoo
from tests.conftest import dense_deltas, draw, save_model
from tests.measured import opened
from tests.merged import merged_tensors

CPU = torch.device("cpu")


def places(merge):
    shapes = {name: merge.base.weights.entries[name].shape for name in merge.changed}
    return {name: torch.empty(shape) for name, shape in shapes.items()}


def at(recipe, value, task="green"):
    return opened(recipe.with_coefficients({task: value}))


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("task_arithmetic", {}),
        ("mdm_oc", {}),
        ("mdm_oc", {"scope": "tensor", "order": "symmetric"}),
        ("mdm_oc", {"basis": "subspace"}),
        ("mdm_oc", {"basis": "activation"}),
    ],
)
def test_a_slide_is_the_exact_merge_up_to_rounding_however_long_it_lasts(
    make_recipe, method, options
):
    recipe = make_recipe(method=method, options=options)
    first = at(recipe, 0.3)
    found = places(first)
    slide = begin_slide(first, "green", found)
    slide.wear(first, found)
    start = {name: tensor.clone() for name, tensor in found.items()}
    for move in range(200):
        slide.wear(at(recipe, 0.01 * move), found)
    exact = merged_tensors(at(recipe, 1.99))
    assert not all(found[name].equal(start[name]) for name in found)
    for name, tensor in exact.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-6, atol=1e-6)
    slide.wear(first, found)
    assert all(found[name].equal(start[name]) for name in found)


def test_a_component_is_what_a_coefficient_of_one_adds_densely(make_recipe, zoo_folder):
    dense = dense_deltas(zoo_folder)
    merge = open_merge(make_recipe(method="mdm_oc"))
    row = merge.basis.rows[0, 2].tolist()
    for name, found in component(merge, "blue").items():
        parts = [w * dense[t][name] for w, t in zip(row, merge.recipe.names, strict=True)]
        expected = torch.stack(parts).sum(0).flatten().float()
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_component_that_is_a_delta_in_memory_shares_that_memory(make_recipe):
    merge = open_merge(make_recipe(method="task_arithmetic"))
    assert keep_in_memory(merge.deltas, 10**9)
    name = merge.deltas.names[0]
    held = merge.deltas.at(name).delta(1, 0, 4, torch.float32)
    assert held is not None
    assert component(merge, "green")[name].data_ptr() == held.data_ptr()


def test_a_slide_rounds_as_the_export_would(make_recipe):
    recipe = make_recipe(method="task_arithmetic", dtype="bfloat16")
    merge = at(recipe, 0.3)
    found = places(merge)
    slide = begin_slide(merge, "green", found)
    slide.wear(at(recipe, 0.7), found)
    exact = merged_tensors(at(recipe, 0.7))
    for name, tensor in found.items():
        assert tensor.equal(tensor.bfloat16().float())
        torch.testing.assert_close(tensor, exact[name].float(), rtol=2**-7, atol=1e-6)


def test_groups_of_coefficients_slide_too(make_recipe):
    recipe = make_recipe(method="task_arithmetic")
    merge = at(recipe, 0.3)
    found = places(merge)
    slide = begin_slide(merge, "green", found)
    grouped = at(recipe, GroupedCoefficient(0.5, (("layer.1.*", 0.1),)))
    slide.wear(grouped, found)
    for name, tensor in merged_tensors(grouped).items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-6, atol=1e-6)


def test_running_statistics_follow_a_slide(tmp_path):
    for seed, name in enumerate(("base", "red", "green")):
        mean, weight = draw(seed, {"n.running_mean": (3,), "n.weight": (3,)}).values()
        variance = torch.full((3,), 1.0 + seed)
        save_model(
            tmp_path / name,
            {"n.running_mean": mean, "n.running_var": variance, "n.weight": weight},
        )
    tasks = tuple(TaskEntry(name, str(tmp_path / name), 0.3) for name in ("red", "green"))
    recipe = Recipe(str(tmp_path / "base"), tasks, "task_arithmetic")
    found = places(open_merge(recipe))
    slide = begin_slide(open_merge(recipe), "green", found)
    for value in (0.9, 0.1, -0.4):
        merge = at(recipe, value)
        slide.wear(merge, found)
        for name, tensor in merged_tensors(merge).items():
            torch.testing.assert_close(found[name], tensor, rtol=1e-6, atol=1e-6)


def test_only_one_coefficient_that_moves_is_a_slide(make_recipe):
    recipe = make_recipe(method="mdm_oc")
    moved = recipe.with_coefficients({"red": 0.2})
    assert moved_task(recipe, moved) == "red"
    assert moved_task(recipe, recipe) is None
    assert moved_task(recipe, moved.with_coefficients({"blue": 0.1})) is None
    assert moved_task(recipe, recipe.without("red")) is None
    assert moved_task(recipe, replace(moved, method="task_arithmetic")) is None
    assert moved_task(recipe, replace(moved, options={"order": "symmetric"})) is None


def test_a_live_model_slides_within_its_limit_and_wears_the_base_again(tiny_zoo):
    bench = Bench(load_zoo(tiny_zoo), CPU)
    recipe = bench.zoo.recipe("task_arithmetic", 0.3)
    color = recipe.names[0]
    merges = [bench.merge(recipe.with_coefficients({color: c})) for c in (0.1, 0.2, 0.3)]
    assert not bench.live.slide(merges[0], color, slide_bytes(merges[0]) - 1)
    for merge in merges:
        assert bench.live.slide(merge, color, slide_bytes(merge))
    worn = bench.live.encoder.state_dict()
    for name, tensor in merged_tensors(merges[2]).items():
        torch.testing.assert_close(worn[name], tensor, rtol=1e-6, atol=1e-6)
    other = bench.expert(recipe.names[1])
    bench.live.wear(other)
    assert bench.live.slide(merges[0], color, slide_bytes(merges[0]))
    for name, tensor in merged_tensors(merges[0]).items():
        torch.testing.assert_close(worn[name], tensor, rtol=1e-6, atol=1e-6)
    bench.live.wear(None)
    for name, tensor in worn.items():
        assert tensor.equal(bench.base.tensor(name))
