"""Adapters whose factors started as parts of the base, against PEFT's own merge."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from torch import nn
from transformers import GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from studio.checkpoints.starts import read_start, start_note
from studio.errors import BadCheckpoint, ShapeMismatch
from studio.export.adapter import MergedAdapter
from studio.export.fidelity import check_fidelity
from studio.export.folder import write_export
from tests.checkpoints.test_adapter_fit import GPT2, LLAMA
from tests.checkpoints.test_lora_options import merge, nudge
from tests.merged import merged_tensors

QUERY = "model.layers.0.self_attn.q_proj.weight"


def save_started(folder: Path, start: str | bool, model: nn.Module, **options) -> torch.Tensor:
    """A base and an adapter, each in a folder, also converted; returns a layer as trained."""
    model.save_pretrained(folder / "base")  # type: ignore[operator]
    model = type(model).from_pretrained(folder / "base")  # type: ignore[attr-defined]
    config = LoraConfig(r=3, lora_alpha=6, init_lora_weights=start, **options)  # type: ignore
    adapter = get_peft_model(model, config)  # type: ignore[arg-type]
    config.init_lora_weights = True
    adapter.save_pretrained(str(folder / "start"))
    config.init_lora_weights = start  # type: ignore[assignment]
    nudge(adapter, 1)
    adapter.save_pretrained(str(folder / "task1"))
    if start in ("pissa", "olora") and "rank_pattern" not in options:
        adapter.save_pretrained(
            str(folder / "converted"),
            path_initial_model_for_weight_conversion=str(folder / "start"),
        )
    return adapter.merge_and_unload().state_dict().get(QUERY, torch.empty(0))


def llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**LLAMA, tie_word_embeddings=False))


def check(folder: Path, cls: type) -> dict[str, torch.Tensor]:
    """Compare with what PEFT makes of the saved adapter on the original base."""
    base = cls.from_pretrained(folder / "base")  # type: ignore[attr-defined]
    whole = PeftModel.from_pretrained(base, str(folder / "task1")).merge_and_unload().state_dict()
    start = load_file(folder / "base" / "model.safetensors")
    found = merged_tensors(merge(folder, "task1"))
    assert {name for name in start if not whole[name].equal(start[name])} == set(found)
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, whole[name], rtol=0, atol=1e-5)
    return found


@pytest.mark.parametrize("start", ["pissa", "olora"])
@pytest.mark.filterwarnings("ignore:.*")
def test_the_start_is_taken_out_of_the_base(tmp_path, start):
    targets = ["q_proj", "up_proj", "down_proj"]
    trained = save_started(tmp_path, start, llama(), target_modules=targets)
    found = check(tmp_path, LlamaForCausalLM)
    torch.testing.assert_close(found[QUERY], trained, rtol=0, atol=1e-5)
    opened = merge(tmp_path, "task1")
    assert start_note(start)[0] in opened.deltas.joins[0].notes
    assert "1 of 1 checkpoints alone are" in check_fidelity(opened)[0]
    converted = merged_tensors(merge(tmp_path, "converted"))
    for name, tensor in converted.items():
        torch.testing.assert_close(tensor, found[name], rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_ranks_and_scales_by_patterns_and_an_embedding(tmp_path, start):
    options = {
        "target_modules": ["q_proj", "k_proj", "embed_tokens"], "use_rslora": True,
        "rank_pattern": {"q_proj": 5}, "alpha_pattern": {"k_proj": 2},
    }  # fmt: skip
    save_started(tmp_path, start, llama(), **options)
    check(tmp_path, LlamaForCausalLM)


@pytest.mark.filterwarnings("ignore:.*")
def test_layers_that_are_stored_the_other_way(tmp_path):
    torch.manual_seed(0)
    options = {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True}
    save_started(tmp_path, "pissa", GPT2LMHeadModel(GPT2), **options)
    check(tmp_path, GPT2LMHeadModel)
    file = tmp_path / "task1" / "adapter_config.json"
    file.write_text(file.read_text().replace('"pissa"', '"olora"'))
    with pytest.raises(ShapeMismatch, match=r"c_attn.weight \(16, 48\) as parts of the base \(ol"):
        merge(tmp_path, "task1")


@pytest.mark.filterwarnings("ignore:.*")
def test_one_adapter_of_it_has_twice_the_rank_and_is_a_plain_one(tmp_path):
    save_started(tmp_path, "pissa", llama(), target_modules=["q_proj"])
    opened = merge(tmp_path, "task1")
    write_export(MergedAdapter(opened), tmp_path / "one")
    base = LlamaForCausalLM.from_pretrained(tmp_path / "base")
    found = PeftModel.from_pretrained(base, str(tmp_path / "one")).merge_and_unload().state_dict()
    for name, tensor in merged_tensors(opened).items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-6)


@pytest.mark.parametrize("start", ["mica", "orthogonal", "eva", "gaussian"])
@pytest.mark.filterwarnings("ignore:.*")
def test_starts_that_leave_the_base_alone_are_plain(tmp_path, start):
    options = {"rank_pattern": {"q_proj": 4}, "target_modules": ["q_proj"]}
    save_started(tmp_path, start, llama(), **options)
    check(tmp_path, LlamaForCausalLM)
    assert read_start({"init_lora_weights": start}, tmp_path) == ""


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("pissa_niter_16", "'pissa_niter_16' is not supported: PEFT draws its fast"),
        ("corda", "the start depends on data that the adapter does not hold"),
        ("loftq", "it belongs to a quantized base"),
        ("lora_ga", "PEFT loads it on the whole base, which is not the model that was trained"),
        ("later", "what it does to the base is not known here"),
    ],
)
def test_starts_that_nothing_tells_are_refused_by_their_cause(tmp_path, start, words):
    with pytest.raises(BadCheckpoint, match=words):
        read_start({"init_lora_weights": start}, tmp_path / "adapter_config.json")
    with pytest.raises(BadCheckpoint, match="path_initial_model_for_weight_conversion"):
        read_start({"init_lora_weights": start}, tmp_path / "adapter_config.json")


@pytest.mark.filterwarnings("ignore:.*")
def test_a_start_with_magnitudes_is_refused(tmp_path):
    save_started(tmp_path, True, llama(), target_modules=["q_proj"], use_dora=True)
    file = tmp_path / "task1" / "adapter_config.json"
    text = file.read_text().replace('"init_lora_weights": true', '"init_lora_weights": "pissa"')
    file.write_text(text)
    with pytest.raises(BadCheckpoint, match="'pissa' together with use_dora is not supported"):
        merge(tmp_path, "task1")
