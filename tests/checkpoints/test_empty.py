"""Tensors that were saved empty, by name and with what to do."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.empty import refuse_empty
from studio.errors import ShapeMismatch
from tests.checkpoints.test_lora_options import merge
from tests.conftest import draw, save_adapter, save_model

SHAPES = {"layers.0.a.weight": (4, 4), "layers.1.a.weight": (4, 4), "classifier.weight": (2, 4)}
ROOT = "base_model.model."


def saved(folder, **empty):
    """A base, a full checkpoint and an adapter; of each, the tensors that are named are empty."""
    save_model(folder / "base", draw(0, SHAPES))
    save_model(folder / "full", draw(1, SHAPES))
    save_adapter(folder / "lora", {"layers.0.a": (torch.ones(2, 4), torch.ones(4, 2))})
    file = folder / "lora" / "adapter_model.safetensors"
    whole = {ROOT + "layers.1.a.weight": torch.ones(4, 4), ROOT + "score.weight": torch.ones(2, 4)}
    save_file(load_file(file) | whole, file)
    for name, tensors in empty.items():
        (file,) = (folder / name).glob("*.safetensors")
        save_file(load_file(file) | {each: torch.empty(0) for each in tensors}, file)


@pytest.mark.parametrize(
    ("task", "holder", "name", "words"),
    [
        ("full", "full", "layers.1.a.weight", "'full' .* holds 1 empty tensors, of shape"),
        ("full", "full", "classifier.weight", "'full' .* classifier.weight. It was saved while"),
        ("full", "base", "layers.1.a.weight", "The base .*base. holds 1 empty tensors"),
        ("lora", "lora", ROOT + "layers.1.a.weight", "'lora' .*layers.1.a.weight. It was saved"),
        ("lora", "lora", ROOT + "score.weight", "'lora' .*score.weight. It was saved while Deep"),
    ],
)
def test_what_zero_3_left_empty_is_named(tmp_path, task, holder, name, words):
    saved(tmp_path, **{holder: [name]})
    with pytest.raises(ShapeMismatch, match=words) as error:
        merge(tmp_path, task)
    assert "stage3_gather_16bit_weights_on_model_save or by zero_to_fp32.py" in str(error.value)


def test_what_is_empty_in_both_is_equal(tmp_path):
    empty = ["layers.1.a.weight"]
    saved(tmp_path, full=empty, base=empty)
    assert "layers.0.a.weight" in merge(tmp_path, "full").deltas.names
    with pytest.raises(ShapeMismatch, match=r"'x' .* holds 1 empty tensors"):
        refuse_empty("'x'", open_checkpoint(tmp_path / "full"), empty)
