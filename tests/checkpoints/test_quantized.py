"""Codes are refused by that name; an entry of a configuration alone is told."""

import json

import pytest
import torch

from studio.checkpoints.alignment import join
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.quantized import base_notes, is_quantized, refuse_quantized
from studio.errors import BadCheckpoint
from tests.conftest import draw, save_model


@pytest.mark.parametrize(
    "traces",
    [
        {"layer.0.dense.qweight": torch.ones(2, 2, dtype=torch.int32)},
        {"layer.0.dense.weight.absmax": torch.ones(2)},
        {"layer.0.dense.weight": torch.ones(4, 6, dtype=torch.int8), "layer.0.dense.SCB": torch.ones(4)},  # noqa: E501
        {"layer.0.dense.weight": torch.ones(4, 6, dtype=torch.uint8)},
        {"layer.0.dense_blocks": torch.ones(2, 4, 6, dtype=torch.uint8)},
    ],
)  # fmt: skip
def test_codes_are_refused(tmp_path, traces):
    folder = save_model(tmp_path / "base", draw(0) | traces)
    (folder / "config.json").write_text(
        json.dumps({"quantization_config": {"quant_method": "gptq"}})
    )
    with pytest.raises(BadCheckpoint, match=r"quantized weights \(gptq\): layer.0.dense"):
        refuse_quantized(open_checkpoint(folder))


@pytest.mark.parametrize(
    ("trace", "method"),
    [
        ("layer.0.experts.down_proj_blocks", "mxfp4"),
        ("layer.0.dense.qweight", "gptq or awq"),
        ("layer.0.dense.weight.absmax", "bitsandbytes, 4 or 8 bits"),
        ("layer.0.dense.SCB", "bitsandbytes, 8 bits"),
        ("layer.0.dense.weight_scale_inv", "fp8"),
        ("layer.0.dense.W_q", "hqq"),
        ("layer.0.dense.weight_packed", "compressed-tensors"),
    ],
)
def test_a_quantized_expert_of_a_plain_base_is_called_so_without_a_configuration(
    tmp_path, trace, method
):
    base = open_checkpoint(save_model(tmp_path / "base", draw(0)))
    codes = {trace: torch.ones(2, 2, dtype=torch.uint8)}
    expert = open_checkpoint(save_model(tmp_path / "expert", draw(0) | codes))
    words = rf"expert holds quantized weights \({method}\): {trace} and 0 more"
    with pytest.raises(BadCheckpoint, match=words):
        join(base, "expert", expert)


def test_plain_weights_are_not_refused_and_the_entry_is_told(tmp_path):
    folder = save_model(tmp_path / "base", draw(0))
    refuse_quantized(open_checkpoint(folder))
    assert base_notes(open_checkpoint(folder)) == ()
    (folder / "config.json").write_text(
        json.dumps({"quantization_config": {"quant_method": "awq"}})
    )
    base = open_checkpoint(folder)
    refuse_quantized(base)
    assert "quantized (awq), but its weights are plain" in base_notes(base)[0]


def test_the_entry_of_a_base_that_holds_codes_is_true_and_not_told(tmp_path):
    codes = {"layer.0.dense.SCB": torch.ones(2)}
    folder = save_model(tmp_path / "base", draw(0) | codes)
    said = {"quantization_config": {"quant_method": "bitsandbytes"}}
    (folder / "config.json").write_text(json.dumps(said))
    base = open_checkpoint(folder)
    assert is_quantized(base)
    assert base_notes(base) == ()
