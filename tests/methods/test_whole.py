"""Methods of one merged change, whatever shape a tensor has."""

import pytest
import torch

from studio.merge import merged_tensors
from studio.methods import METHODS
from studio.methods.whole import Whole
from studio.recipe import Recipe, TaskEntry
from tests.conftest import save_model
from tests.measured import opened


@pytest.mark.parametrize(
    "name", [name for name, each in METHODS.items() if issubclass(each, Whole)]
)
def test_a_tensor_without_dimensions_is_merged(tmp_path, name):
    for model, value in (("base", 1.0), ("a", 1.5), ("b", 2.0)):
        tensors = {"logit_scale": torch.tensor(value), "a.weight": torch.eye(3) * value}
        save_model(tmp_path / model, tensors)
    tasks = tuple(TaskEntry(each, str(tmp_path / each)) for each in ("a", "b"))
    merged = merged_tensors(opened(Recipe(str(tmp_path / "base"), tasks, name)))
    assert merged["logit_scale"].shape == ()
    assert 1.0 < float(merged["logit_scale"]) < 2.5
