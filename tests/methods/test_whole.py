"""Methods of one merged change, whatever shape a tensor has."""

import pytest
import torch

from studio.errors import NotFinite
from studio.methods import METHODS
from studio.methods.whole import Whole
from studio.recipe import Recipe, TaskEntry
from tests.conftest import save_model
from tests.measured import opened
from tests.merged import merged_tensors

WHOLE = [name for name, each in METHODS.items() if issubclass(each, Whole)]


@pytest.mark.parametrize("name", WHOLE)
def test_a_tensor_without_dimensions_is_merged(tmp_path, name):
    for model, value in (("base", 1.0), ("a", 1.5), ("b", 2.0)):
        tensors = {"logit_scale": torch.tensor(value), "a.weight": torch.eye(3) * value}
        save_model(tmp_path / model, tensors)
    tasks = tuple(TaskEntry(each, str(tmp_path / each)) for each in ("a", "b"))
    merged = merged_tensors(opened(Recipe(str(tmp_path / "base"), tasks, name)))
    assert merged["logit_scale"].shape == ()
    assert 1.0 < float(merged["logit_scale"]) < 2.5


@pytest.mark.parametrize("name", WHOLE)
def test_a_tensor_without_elements_is_left_as_it_is(tmp_path, name):
    for model, value in (("base", 1.0), ("a", 1.5), ("b", 2.0)):
        tensors = {"a.weight": torch.eye(3) * value, "no.weight": torch.zeros(0, 3)}
        save_model(tmp_path / model, tensors | {"none.weight": torch.zeros(3, 0)})
    tasks = tuple(TaskEntry(each, str(tmp_path / each)) for each in ("a", "b"))
    merged = merged_tensors(opened(Recipe(str(tmp_path / "base"), tasks, name)))
    assert merged["no.weight"].shape == (0, 3)
    assert merged["none.weight"].shape == (3, 0)


@pytest.mark.parametrize("name", WHOLE)
def test_nan_is_named_by_file_and_tensor(tmp_path, name):
    for model, value in (("base", 1.0), ("a", 1.5), ("b", float("nan"))):
        save_model(tmp_path / model, {"a.weight": torch.eye(3).mul(2.0).fill_diagonal_(value)})
    tasks = tuple(TaskEntry(each, str(tmp_path / each)) for each in ("a", "b"))
    with pytest.raises(NotFinite, match=r"b/model.safetensors: a.weight holds 3 values that are"):
        merged_tensors(opened(Recipe(str(tmp_path / "base"), tasks, name)))
