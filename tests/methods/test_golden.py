"""Methods beside the vectors that the references' public code made (tests/golden/README.md)."""

from dataclasses import replace

import pytest
import torch

from studio.component import component
from studio.merge import open_merge
from studio.methods import dare
from studio.recipe import Recipe, TaskEntry
from tests.conftest import golden
from tests.measured import from_golden
from tests.merged import merged_tensors

REGMEAN = {"basis": "activation", "strength": 1.0}  # the sum of its components
CASES = [
    # method, options, coefficients, golden file, prefix in it, tolerance
    ("iso_c", {}, 1.0, "iso_c_scale1.0", "", 1e-9),
    ("model_stock", {}, 1.0, "mergekit_misc", "model_stock_filterwise0/", 1e-9),
    ("slerp", {}, (1.0, 1.0), "slerp", "fb_t0.5/", 1e-9),
    ("slerp", {}, (0.75, 0.25), "slerp", "fb_t0.25/", 1e-9),
    ("slerp", {}, (1.0, 1.0), "slerp", "mergekit_t0.5/", 2e-7),  # it computes in float32
    ("slerp", {}, (3.0, 1.0), "slerp", "mergekit_t0.25/", 2e-7),
    ("nuslerp", {}, (1.0, 1.0), "slerp", "nuslerp_taskvectors_flatten_t0.5/", 1e-9),
    ("nuslerp", {}, (0.3, 0.1), "slerp", "nuslerp_taskvectors_flatten_t0.25/", 1e-9),
    ("tsv_m", {}, 1.0, "tsvm_alpha1", "", 1e-9),
    ("wudi", {"solver": "adam"}, 1.0, "wudi_iter300", "", 1e-7),
    ("fisher", {"normalize": True}, 0.25, "fisher", "merged_norm1/", 1e-9),
    ("fisher", {"normalize": False}, 0.25, "fisher", "merged_norm0/", 1e-9),
    ("regmean", {"off_diagonal": 1.0}, 1.0, "regmean", "merged_r1.0/", 1e-9),
    ("regmean", {"off_diagonal": 0.95}, 1.0, "regmean", "merged_r0.95/", 1e-9),
    ("mdm_oc", REGMEAN | {"off_diagonal": 1.0}, 1.0, "regmean", "merged_r1.0/", 1e-9),
    ("mdm_oc", REGMEAN | {"off_diagonal": 0.95}, 1.0, "regmean", "merged_r0.95/", 1e-9),
]


@pytest.mark.parametrize(("name", "options", "coefficients", "file", "prefix", "near"), CASES)
def test_a_method_is_its_reference(golden_zoo, name, options, coefficients, file, prefix, near):
    folder, names = golden_zoo
    if not isinstance(coefficients, tuple):
        coefficients = (coefficients,) * len(names)
    tasks = tuple(
        TaskEntry(task, str(folder / task), c) for task, c in zip(names, coefficients, strict=False)
    )
    merge = open_merge(Recipe(str(folder / "base"), tasks, name, options))
    merged = merged_tensors(replace(merge, measured=from_golden(file)))
    expected = golden(file, prefix)
    assert set(merged) == set(expected)
    for key, tensor in merged.items():
        torch.testing.assert_close(tensor, expected[key].double(), rtol=0, atol=near)


def test_dare_is_its_reference_with_its_masks(golden_zoo, monkeypatch):
    folder, names = golden_zoo
    drawn = golden("dare_fb_p0.5")

    def recorded(seed, task, tensor, drop, start, stop):
        assert drop == 0.5
        return drawn[f"{task}/mask/{tensor}"].flatten()[start:stop].bool()

    monkeypatch.setattr(dare, "mask", recorded)
    tasks = tuple(TaskEntry(task, str(folder / task)) for task in names)
    merge = open_merge(Recipe(str(folder / "base"), tasks, "dare", {"drop": 0.5}))
    for task in names:
        for key, dropped in component(merge, task).items():
            near = drawn[f"{task}/dropped/{key}"].flatten()
            torch.testing.assert_close(dropped, near, rtol=0, atol=1e-9)
    for key, tensor in merged_tensors(merge).items():
        near = drawn[f"merged_ta_0.3/{key}"]
        torch.testing.assert_close(tensor, near, rtol=0, atol=1e-9)


def test_breadcrumbs_is_its_reference_where_that_leaves_anything(golden_zoo):
    folder, names = golden_zoo
    tasks = tuple(
        TaskEntry(task, str(folder / task), c)
        for task, c in zip(names, (1.0, 0.8, 0.5, 0.3), strict=True)
    )
    recipe = Recipe(str(folder / "base"), tasks, "breadcrumbs", {"density": 0.8, "gamma": 0.01})
    base = golden("inputs", "base/")
    expected = golden("mergekit_breadcrumbs_d0.8_g0.01")
    for key, tensor in merged_tensors(open_merge(recipe)).items():
        if tensor.numel() >= 100:
            torch.testing.assert_close(tensor, expected[key], rtol=0, atol=1e-9)
        else:  # of fewer entries none is the largest hundredth, and the reference drops them all
            assert expected[key].equal(base[key])
            assert float((tensor - base[key]).abs().max()) > 0.05
