"""Experts that a full model stores fused and its base one by one, against transformers."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.fused import one_by_one, refuse_fused
from studio.checkpoints.names import named
from studio.errors import ShapeMismatch
from studio.export.fidelity import check_fidelity
from studio.export.model import export
from tests.checkpoints.test_lora_options import merge, nudge
from tests.checkpoints.test_parameters import MIXTRAL, SIZE

SMALL: dict[str, Any] = SIZE | {"moe_intermediate_size": 8, "num_experts": 11, "head_dim": 8}
QWEN = "Qwen3MoeForCausalLM", transformers.Qwen3MoeConfig(**SMALL)
SHARDS = {"max_shard_size": "20KB"}


def save(folder: Path, kind: tuple, fused: bool, body: bool = False, **options) -> Path:
    """A base of single experts and a checkpoint that stores them either way, or the other way."""
    name, config = kind
    torch.manual_seed(0)
    model = getattr(transformers, name)(config)
    model.save_pretrained(folder / "base", save_original_format=fused)
    nudge(model, 1)
    expert = model.model if body else model
    expert.save_pretrained(folder / "full", save_original_format=not fused, **options)
    return folder


@pytest.mark.parametrize(
    ("kind", "body", "options"),
    [(QWEN, False, {}), (MIXTRAL, False, {}), (QWEN, True, {}), (QWEN, False, SHARDS)],
)
def test_a_fused_expert_is_joined_to_a_base_of_single_ones(tmp_path, kind, body, options):
    opened = merge(save(tmp_path, kind, True, body, **options), "full")
    own, stored = (open_checkpoint(tmp_path / name) for name in ("full", "base"))
    assert any(name.endswith("experts.gate_up_proj") for name in own.names)
    assert not any(name.endswith("experts.gate_up_proj") for name in stored.names)
    note = "4 tensors of fused experts .* are read as 66 of single ones"
    assert any(re.match(note, each) for each in opened.deltas.joins[0].notes)
    assert opened.deltas.checkpoints[0].digest == own.digest
    count = len(opened.deltas.names)
    assert f"({count} of {count} tensors" in check_fidelity(opened)[0]
    export(opened, tmp_path / "out")
    model_class = getattr(transformers, kind[0])
    found = model_class.from_pretrained(tmp_path / "out").state_dict()
    expected = model_class.from_pretrained(tmp_path / "full").state_dict()
    for name, value in expected.items():
        if not body or name != "lm_head.weight":
            torch.testing.assert_close(found[name], value, rtol=0, atol=1e-6)


def test_single_experts_on_a_fused_base_are_refused_with_what_to_do(tmp_path):
    save(tmp_path, QWEN, False)
    words = r"stores each expert of a layer by itself .* the base fused .* Open the base with trans"
    with pytest.raises(ShapeMismatch, match=words):
        merge(tmp_path, "full")


def test_a_fused_expert_of_another_shape_is_refused_with_what_to_do(tmp_path):
    save(tmp_path, QWEN, True)
    file = tmp_path / "full" / "model.safetensors"
    name = "model.layers.0.mlp.experts.gate_up_proj"
    tensors = load_file(file)
    save_file(tensors | {name: tensors[name][:, 1:].contiguous()}, file)
    with pytest.raises(ShapeMismatch, match=r"stores the experts of a layer fused .*gate_up_proj"):
        merge(tmp_path, "full")


def test_what_is_stored_alike_is_left_as_it_is(tmp_path):
    save(tmp_path, QWEN, True)
    base = open_checkpoint(tmp_path / "base")
    assert one_by_one(base, base) is base
    refuse_fused("x", base, named(base, base), named(base, base), ["lm_head.weight"])
