"""Methods beside the vectors that the references' public code made (tests/golden/README.md)."""

import pytest
import torch

from studio.merge import merged_tensors, open_merge
from studio.recipe import Recipe, TaskEntry
from tests.conftest import golden

CASES = [
    # method, options, coefficients, golden file, prefix in it, tolerance
    ("iso_c", {}, 1.0, "iso_c_scale1.0", "", 1e-9),
]


@pytest.mark.parametrize(("name", "options", "coefficients", "file", "prefix", "near"), CASES)
def test_a_method_is_its_reference(golden_zoo, name, options, coefficients, file, prefix, near):
    folder, names = golden_zoo
    if not isinstance(coefficients, tuple):
        coefficients = (coefficients,) * len(names)
    tasks = tuple(
        TaskEntry(task, str(folder / task), c) for task, c in zip(names, coefficients, strict=False)
    )
    merged = merged_tensors(open_merge(Recipe(str(folder / "base"), tasks, name, options)))
    expected = golden(file, prefix)
    assert set(merged) == set(expected)
    for key, tensor in merged.items():
        torch.testing.assert_close(tensor, expected[key], rtol=0, atol=near)
