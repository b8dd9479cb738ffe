"""What PEFT does with a written adapter is compared with what the studio computed."""

import re
from dataclasses import replace

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from studio.errors import BadCheckpoint
from studio.export.adapter import MergedAdapter
from studio.export.folder import write_export
from studio.export.worn import wear_again
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry

FOUND = re.compile(r"factors do, to (\S+), and as the merge does, to (\S+) \(.*n = ([\d,]+) ")


@pytest.fixture(scope="module")
def merge(tmp_path_factory):
    """Of two LoRAs on a small Llama."""
    folder = tmp_path_factory.mktemp("worn")
    torch.manual_seed(0)
    base = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=48, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
        )
    )  # fmt: skip
    base.save_pretrained(folder / "base")
    for name, rank in (("red", 4), ("blue", 2)):
        own = LlamaForCausalLM.from_pretrained(folder / "base")
        config = LoraConfig(r=rank, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
        get_peft_model(own, config).save_pretrained(str(folder / name))
    tasks = tuple(TaskEntry(n, str(folder / n), c) for n, c in (("red", 0.7), ("blue", -0.4)))
    return open_merge(Recipe(str(folder / "base"), tasks, "task_arithmetic"))


def numbers(words):
    found = FOUND.search(words)
    assert found, words
    return float(found[1]), float(found[2]), int(found[3].replace(",", ""))


def export(merge, target, **fields):
    content = MergedAdapter(merge, rank=fields.pop("rank", None))
    return write_export(replace(content, **fields), target)


def test_all_factors_side_by_side_answer_as_the_merge_does(merge, tmp_path):
    made = export(merge, tmp_path / "one")
    to_factors, to_merge, n = numbers(made.checked[-1])
    assert to_factors < 1e-5
    assert to_merge < 1e-5
    assert n >= 24 * 48  # logits of 24 tokens, and hidden states


@pytest.mark.parametrize(("rank", "dtype"), [(1, None), (None, "bfloat16")])
def test_what_compressing_or_rounding_moves_in_the_answers_is_said(merge, tmp_path, rank, dtype):
    other = open_merge(replace(merge.recipe, dtype=dtype))
    to_factors, to_merge, _ = numbers(export(other, tmp_path / "one", rank=rank).checked[-1])
    assert to_factors < 1e-5
    assert to_merge > 1e-4


@pytest.mark.parametrize("checks", ["none", "header"])
def test_less_is_checked_if_less_is_asked_for(merge, tmp_path, checks):
    assert export(merge, tmp_path / "one", checks=checks).checked == ()


def test_factors_that_peft_reads_otherwise_are_refused(merge, tmp_path, monkeypatch):
    export(merge, tmp_path / "one", checks="none")
    file = tmp_path / "one" / "adapter_model.safetensors"
    tensors = load_file(file)
    right = {name: values.clone() for name, values in tensors.items()}

    def other(base, adapter, model_class):
        from studio.tasks import pretrained

        save_file({k: 2 * v for k, v in right.items()}, file)
        return pretrained.worn_adapter(base, adapter, model_class)

    monkeypatch.setattr("studio.export.worn.worn_adapter", other)
    with pytest.raises(BadCheckpoint, match="PEFT's forward with the written adapter differs from"):
        wear_again(tmp_path / "one", merge)


def test_where_nothing_can_be_compared_that_is_said(merge, tmp_path, monkeypatch):
    export(merge, tmp_path / "one", checks="none")
    monkeypatch.setattr("studio.export.worn.random_input", lambda model: None)
    assert "takes no random input that is known" in wear_again(tmp_path / "one", merge)
    monkeypatch.setattr("studio.export.worn.find_spec", lambda name: None)
    assert "PEFT is not installed" in wear_again(tmp_path / "one", merge)
    monkeypatch.setattr("studio.export.worn.architecture_of", lambda base: None)
    assert "No class of the base is known" in wear_again(tmp_path / "one", merge)
