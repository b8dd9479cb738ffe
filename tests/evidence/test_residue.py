import math

import pytest
import torch

from studio.evidence.residue import residue, residue_tensor
from studio.merge import open_merge
from studio.recipe import Recipe
from tests.conftest import dense_deltas
from tests.merged import merged_tensors


def measured(full: Recipe, task: str, mode: str = "silenced"):
    result = open_merge(getattr(full, mode)(task))
    return residue(result, open_merge(full.without(task)), open_merge(full), task)


def test_an_exact_unmerge_differs_in_no_weight(make_recipe):
    found = measured(make_recipe(), "red", "without")
    assert (found.differing, found.largest_step, found.norm) == (0, 0, 0.0)
    assert found.relative == 0.0
    assert found.cosine is None
    assert found.weights == 11 * 4 + 6 * 4 + 6 + 4 * 6 + 4


def test_subtraction_leaves_the_component_of_the_removed_task(make_recipe, zoo_folder):
    full = make_recipe().with_coefficients({"red": 0.8, "green": 0.8, "blue": 0.8})
    found = measured(full, "red")
    ours, theirs = (
        merged_tensors(open_merge(r)) for r in (full.silenced("red"), full.without("red"))
    )
    apart = sum(float((ours[k].double() - theirs[k].double()).square().sum()) for k in ours)
    assert found.norm == pytest.approx(math.sqrt(apart), rel=1e-9)
    assert found.differing == sum(int((ours[k] != theirs[k]).sum()) for k in ours)
    # whatever order the others came in, what is left lies along the first task's own delta
    assert abs(found.cosine or 0) > 0.99
    delta = torch.cat([v.flatten() for _, v in sorted(dense_deltas(zoo_folder)["red"].items())])
    left = torch.cat([(ours[k] - theirs[k]).flatten() for k in sorted(ours)]).double()
    assert abs(float(torch.cosine_similarity(left, delta, 0))) == pytest.approx(
        abs(found.cosine or 0), abs=1e-6
    )


def test_the_last_task_leaves_nothing(make_recipe):
    assert measured(make_recipe(), "blue").differing == 0


def test_layers_add_up_to_the_whole(make_recipe):
    found = measured(make_recipe(), "red")
    assert set(found.layers) == {"embeddings", "layer.0", "layer.1"}
    whole = math.sqrt(sum(each.residue for each in found.layers.values()))
    assert whole == pytest.approx(found.norm)
    change = math.sqrt(sum(each.change for each in found.layers.values()))
    assert found.relative == pytest.approx(whole / change)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_steps_count_representable_numbers(make_recipe, dtype):
    full = make_recipe(dtype=dtype)
    found = measured(full, "red")
    assert sum(found.histogram.values()) == found.differing > 0
    ours, theirs = (
        merged_tensors(open_merge(r)) for r in (full.silenced("red"), full.without("red"))
    )
    small = 0
    for k in ours:
        up = torch.nextafter(ours[k], torch.full_like(ours[k], math.inf))
        down = torch.nextafter(ours[k], torch.full_like(ours[k], -math.inf))
        small += int(((theirs[k] == up) | (theirs[k] == down)).sum())
    assert found.histogram[1] == small


def test_the_residue_of_a_tensor_is_never_minus_unmerged(make_recipe):
    full = make_recipe()
    result, never = open_merge(full.silenced("red")), open_merge(full.without("red"))
    name = "layer.0.dense.weight"
    expected = merged_tensors(never)[name] - merged_tensors(result)[name]
    assert torch.equal(residue_tensor(result, never, name), expected.flatten())


def test_progress_reaches_the_end_and_can_stop(make_recipe):
    seen: list[float] = []
    full = make_recipe()
    result, never = open_merge(full.silenced("red")), open_merge(full.without("red"))
    residue(result, never, open_merge(full), "red", lambda share, words: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
