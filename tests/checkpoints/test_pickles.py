"""Pickles are refused by what to do about them."""

import pytest

from studio.checkpoints.pickles import refuse_pickled_adapter, refuse_pickled_model
from studio.errors import BadCheckpoint
from tests.conftest import refusal


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "a.pth", "b.ckpt", "c.pkl"])
def test_a_model_that_is_only_a_pickle_is_refused_by_its_name(tmp_path, name):
    refuse_pickled_model(tmp_path)
    (tmp_path / name).write_bytes(b"never read")
    with pytest.raises(BadCheckpoint) as error:
        refuse_pickled_model(tmp_path)
    assert f"holds only pickled weights ({name}), which can run code" in refusal(error)


def test_an_adapter_is_refused_only_without_safetensors(tmp_path):
    weights = tmp_path / "adapter_model.safetensors"
    (tmp_path / "adapter_model.bin").write_bytes(b"never read")
    with pytest.raises(BadCheckpoint) as error:
        refuse_pickled_adapter(tmp_path, weights)
    assert "holds only a pickled adapter" in refusal(error)
    weights.touch()
    refuse_pickled_adapter(tmp_path, weights)
