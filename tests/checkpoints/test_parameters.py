"""Factors on parameters themselves (``target_parameters``), against PEFT's own merge."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

from studio.checkpoints.low_rank import Factors, Stacked
from studio.checkpoints.parameters import Part
from studio.errors import BadCheckpoint, ShapeMismatch
from studio.export.fidelity import check_fidelity
from studio.export.model import export
from studio.merge import merged_pieces
from tests.checkpoints.test_lora_options import merge, nudge
from tests.conftest import draw, save_adapter, save_model
from tests.merged import merged_tensors, source_of

SIZE: dict[str, Any] = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 32,
    "num_local_experts": 11, "num_experts_per_tok": 2, "tie_word_embeddings": False,
}  # fmt: skip
MIXTRAL = "MixtralForCausalLM", transformers.MixtralConfig(**SIZE)
# square experts of (in, out), in whose shapes nothing tells which dimension is which
SMALL: dict[str, Any] = SIZE | {"intermediate_size": 8, "num_local_experts": 3}
GPT_OSS = (
    "GptOssForCausalLM",
    transformers.GptOssConfig(
        **SMALL, head_dim=8, layer_types=["full_attention"] * 2, pad_token_id=0
    ),
)
EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
# name: (class and configuration, whether the base is saved as it is in memory, options)
CASES = {
    "all experts and the router": (
        MIXTRAL, False,
        {"target_modules": ["q_proj"], "target_parameters": [*EXPERTS, "mlp.gate.weight"]},
    ),
    "one parameter": (MIXTRAL, False, {"target_modules": [], "target_parameters": EXPERTS[1:]}),
    "the first parameter": (
        MIXTRAL, False, {"target_modules": [], "target_parameters": EXPERTS[:1]},
    ),
    "stored fused": (MIXTRAL, True, {"target_modules": ["q_proj"], "target_parameters": EXPERTS}),
    "patterns": (
        MIXTRAL, False,
        {
            "target_modules": ["q_proj"], "target_parameters": EXPERTS, "use_rslora": True,
            "rank_pattern": {"experts.gate_up_proj": 3}, "alpha_pattern": {"down_proj": 5},
        },
    ),
    "as PEFT converts old targets": (MIXTRAL, False, {"target_modules": ["w1", "w2", "w3"]}),
    "in and out the other way": (
        GPT_OSS, False, {"target_modules": ["q_proj"], "target_parameters": EXPERTS},
    ),
    "the weight of a layer": (
        MIXTRAL, False,
        {"target_modules": ["q_proj"], "target_parameters": ["embed_tokens.weight"]},
    ),
}  # fmt: skip


def save_trained(folder: Path, case: str) -> Path:
    """A base and an adapter, each in a folder."""
    (name, config), fused, options = CASES[case]
    torch.manual_seed(0)
    model = getattr(transformers, name)(config)
    model.save_pretrained(folder / "base", save_original_format=not fused)
    adapter = get_peft_model(model, LoraConfig(r=2, lora_alpha=3, **options))
    nudge(adapter, 1)
    adapter.save_pretrained(str(folder / "task1"))
    return folder


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:.*")
def test_factors_on_parameters_are_merged_as_peft_merges_them(tmp_path, case):
    opened = merge(save_trained(tmp_path, case), "task1")
    model_class = getattr(transformers, CASES[case][0][0])
    base = model_class.from_pretrained(tmp_path / "base")
    start = {name: value.clone() for name, value in base.state_dict().items()}
    expected = PeftModel.from_pretrained(base, str(tmp_path / "task1")).merge_and_unload()
    export(opened, tmp_path / "out")
    found = model_class.from_pretrained(tmp_path / "out").state_dict()
    moved = 0
    for name, value in expected.state_dict().items():
        moved += not value.equal(start[name])
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-6)
    assert moved >= 2
    count = len(opened.deltas.names)
    assert f"({count} of {count} tensors" in check_fidelity(opened)[0]


@pytest.mark.filterwarnings("ignore:.*")
def test_experts_that_are_stored_one_by_one_stay_low_rank(tmp_path):
    opened = merge(save_trained(tmp_path, "all experts and the router"), "task1")
    source = source_of(opened, "model.layers.0.block_sparse_moe.experts.10.w3.weight")
    assert isinstance(source, Factors)
    assert (source.b.shape, source.a.shape) == ((24, 2), (2, 16))
    assert Part(1, 1, 2).of(torch.arange(12).view(2, 6)).tolist() == [9, 10, 11]


@pytest.mark.filterwarnings("ignore:.*")
def test_cuts_of_a_stack_change_no_bit(tmp_path):
    opened = merge(save_trained(tmp_path, "in and out the other way"), "task1")
    name = "model.layers.0.mlp.experts.gate_up_proj"
    source = source_of(opened, name)
    assert isinstance(source, Stacked)
    assert source.rows(1, 3, torch.float32).shape == (2, 256)
    whole = merged_tensors(opened)[name].flatten()
    for size in (1, 7, 100, 300, 2**16):
        pieces = [piece.clone() for piece in merged_pieces(opened, name, size)]
        assert torch.cat(pieces).equal(whole), size


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target_parameters": EXPERTS[:1]}, "the file has other ones"),
        ({"target_parameters": ["mlp.experts.nothing"]}, "but its options do not name them"),
        ({"target_parameters": None}, "but its options do not name them"),
        ({"target_parameters": "experts"}, "must be a list of names"),
        (
            {"rank_pattern": {"down_proj": 3}},
            r"do not fit .*down_proj \(11, 16, 24\), whose factors of rank 3 are",
        ),
    ],
)
def test_what_is_not_told_by_the_options_is_refused(tmp_path, change, words):
    file = save_trained(tmp_path, "stored fused") / "task1" / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises((BadCheckpoint, ShapeMismatch), match=words):
        merge(tmp_path, "task1")


@pytest.mark.filterwarnings("ignore:.*")
def test_a_base_that_lacks_an_expert_is_refused(tmp_path):
    file = save_trained(tmp_path, "one parameter") / "base" / "model.safetensors"
    gone = "model.layers.1.block_sparse_moe.experts.10.w2.weight"
    save_file({k: v for k, v in load_file(file).items() if k != gone}, file, {"format": "pt"})
    with pytest.raises(BadCheckpoint, match=r"model.layers.1.mlp.experts.down_proj, which the bas"):
        merge(tmp_path, "task1")


def test_without_the_bases_class_it_is_not_known_which_parameters_are_meant(tmp_path):
    shapes = {"layers.0.mlp.experts.down_proj": (2, 4, 6), "layers.0.q_proj.weight": (4, 4)}
    save_model(tmp_path / "base", draw(0, shapes))
    factors = {"layers.0.mlp.experts": (torch.ones(4, 4), torch.ones(6, 4))}
    save_adapter(tmp_path / "task1", factors, target_parameters=["mlp.experts.down_proj"])
    with pytest.raises(BadCheckpoint, match=r"no config.json of the base names one"):
        merge(tmp_path, "task1")
