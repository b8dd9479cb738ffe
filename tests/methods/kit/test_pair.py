"""SLERP and NuSLERP: methods of two tasks."""

import math

import pytest
import torch

from studio.errors import BadRecipe
from studio.evidence.logged_export import export_merge
from studio.export.plan import ExportPlan
from studio.merge import open_merge
from studio.methods.kit.pair import arc
from studio.methods.nuslerp import NuSlerp
from studio.methods.slerp import Slerp
from studio.recipe import GroupedCoefficient
from tests.conftest import dense_deltas, refusal
from tests.merged import merged_tensors
from tests.methods.by_hand import merged_vector

both = pytest.mark.parametrize("method", [Slerp, NuSlerp])


def test_a_third_of_a_right_angle_is_thirty_degrees(tmp_path):
    """Weights (3, 0) and (0, 3) on a base of (1, 1); lengths stay."""
    deltas = ([2.0, -1.0], [-1.0, 2.0])
    found = merged_vector(tmp_path, Slerp(), deltas, [2.0, 1.0], base=[1.0, 1.0])
    near = [3 * math.cos(math.pi / 6), 3 * math.sin(math.pi / 6)]
    assert found.tolist() == pytest.approx(near, abs=1e-12)


def test_deltas_at_a_right_angle_on_their_base(tmp_path):
    found = merged_vector(tmp_path, NuSlerp(), ([3.0, 0.0], [0.0, 4.0]), base=[1.0, 1.0])
    half = math.sqrt(0.5)
    assert found.tolist() == pytest.approx([1 + 3 * half, 1 + 4 * half], abs=1e-12)


@both
@pytest.mark.parametrize("coefficients", [[1.0, 0.0], [0.5, 0.0], [-1.0, 0.0]])
def test_a_coefficient_of_zero_is_the_other_ones_model(tmp_path, method, coefficients):
    deltas = ([3.0, 1.0], [0.5, 4.0])
    found = merged_vector(tmp_path, method(), deltas, coefficients, base=[1.0, 1.0])
    assert found.tolist() == pytest.approx([4.0, 2.0], abs=1e-12)


@both
def test_only_the_ratio_counts_and_the_order_does_not(tmp_path, method):
    deltas = ([3.0, 1.0], [0.5, 4.0])
    one = merged_vector(tmp_path / "a", method(), deltas, [0.2, 0.6], base=[1.0, 1.0])
    two = merged_vector(tmp_path / "b", method(), deltas[::-1], [3.0, 1.0], base=[1.0, 1.0])
    torch.testing.assert_close(one, two, rtol=0, atol=1e-12)


@both
def test_one_task_is_its_model_whatever_its_coefficient(tmp_path, method):
    found = merged_vector(tmp_path / "a", method(), ([3.0, 1.0],), [0.25], base=[1.0, 1.0])
    assert found.tolist() == [4.0, 2.0]
    assert merged_vector(tmp_path / "b", method(), ([3.0, 1.0],), [0.0]).tolist() == [0.0, 0.0]


@both
def test_a_whole_change_is_scaled_after_it_was_formed(tmp_path, method):
    deltas = ([3.0, 1.0], [0.5, 4.0])
    one = merged_vector(tmp_path, method(), deltas, base=[1.0, 1.0])
    half = merged_vector(tmp_path, method(scale=0.5), deltas, base=[1.0, 1.0])
    torch.testing.assert_close(half - 1, (one - 1) / 2, rtol=0, atol=1e-12)


def test_models_that_are_nearly_parallel_are_averaged():
    assert arc(0.9996, 0.25) == (0.75, 0.25)
    assert arc(-0.9996, 0.25) == (0.75, 0.25)
    first, second = arc(0.9994, 0.25)
    assert (first, second) == pytest.approx((0.75, 0.25), abs=1e-3)
    assert first + second > 1


def test_deltas_that_are_nearly_parallel_are_joined_by_their_arc(tmp_path):
    """Mergekit's line begins where the sine is below 1e-8, not at the cosine 0.9995."""
    t, angle = 0.3, 0.01
    deltas = ([2.0, 0.0], [3 * math.cos(angle), 3 * math.sin(angle)])
    found = merged_vector(tmp_path / "arc", NuSlerp(), deltas, [1 - t, t])
    one, two = math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
    near = [2 * one + 3 * two * math.cos(angle), 3 * two * math.sin(angle)]
    assert found.tolist() == pytest.approx(near, abs=1e-12)
    assert merged_vector(tmp_path / "a", NuSlerp(), ([2.0, 4.0], [4.0, 8.0])).tolist() == [3, 6]
    against = merged_vector(tmp_path / "b", NuSlerp(), ([2.0, 4.0], [-2.0, -4.0]))
    assert against.tolist() == [0, 0]


@both
def test_a_zero_vector_has_no_angle(tmp_path, method):
    found = merged_vector(tmp_path, method(), ([0.0, 0.0], [2.0, 4.0]), [1.0, 3.0])
    assert found.tolist() == [1.5, 3.0]


@both
def test_a_dense_second_computation_with_an_adapter(zoo_folder, make_recipe, method):
    dense, t = dense_deltas(zoo_folder), 0.3
    recipe = make_recipe("red", "blue", method=method.name, dtype="float64")
    merge = open_merge(recipe.with_coefficients({"red": 0.7, "blue": 0.3}))
    for key, tensor in merged_tensors(merge).items():
        base = merge.base.tensor(key).double()
        ends = [dense[task][key] + (base if method is Slerp else 0) for task in ("red", "blue")]
        norms = [float(end.norm()) for end in ends]
        cosine = float((ends[0] * ends[1]).sum()) / (norms[0] * norms[1]) if all(norms) else 1.0
        angle = math.acos(min(cosine, 1.0))
        pair = (1 - t, t)
        if abs(cosine) <= 0.9995:
            pair = (
                math.sin((1 - t) * angle) / math.sin(angle),
                math.sin(t * angle) / math.sin(angle),
            )
        expected = pair[0] * ends[0] + pair[1] * ends[1] + (0 if method is Slerp else base)
        torch.testing.assert_close(tensor, expected, rtol=0, atol=2e-6)


@both
def test_three_tasks_are_refused_and_nothing_is_written(make_recipe, tmp_path, method):
    recipe = make_recipe("red", "green", "blue", method=method.name)
    with pytest.raises(BadRecipe) as error:
        export_merge(open_merge(recipe), ExportPlan(tmp_path / "out"))
    assert "merges two tasks, and the recipe has 3 (red, green, blue)" in refusal(error)
    assert "such as task_arithmetic or average" in refusal(error)
    assert not (tmp_path / "out").exists()


@both
def test_coefficients_that_cancel_are_refused(make_recipe, method):
    recipe = make_recipe("red", "blue", method=method.name)
    grouped = GroupedCoefficient(1.0, (("layer.1.dense.weight", -0.5),))
    with pytest.raises(BadRecipe) as error:
        merged_tensors(open_merge(recipe.with_coefficients({"red": 0.5, "blue": grouped})))
    assert "'red' (0.5) and 'blue' (-0.5) cancel in layer.1.dense.weight" in refusal(error)
