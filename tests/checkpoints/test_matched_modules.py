"""Adapters that were trained on a base with more tokens, as PEFT saves them."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.lora import WEIGHTS_FILE
from studio.checkpoints.low_rank import Factors
from studio.checkpoints.matched_modules import MatchedModule, module_heights, with_matched
from studio.errors import ShapeMismatch
from studio.export.fidelity import check_fidelity
from tests.checkpoints.test_lora_options import merge, nudge
from tests.merged import merged_tensors, source_of
from tests.vocabularies import CHAT, EXAMPLES, WORDS, save_base, save_tokenizer

pytestmark = pytest.mark.filterwarnings("ignore:.*")
BOTH = ["embed_tokens", "lm_head"]
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "saved modules": ("Llama", {"target_modules": ["q_proj"], "modules_to_save": BOTH}),
    "saved modules, tied": ("Qwen2", {"target_modules": ["q_proj"], "modules_to_save": BOTH}),
    "untrained embeddings": ("Llama", {"target_modules": ["q_proj"]}),
    "factors on both": ("Llama", {"target_modules": BOTH}),
    "factors, tied": ("Qwen2", {"target_modules": ["embed_tokens"]}),
    "token rows": (
        "Llama",
        {"target_modules": ["q_proj"], "trainable_token_indices": {"embed_tokens": [61, 7, 60, 2]}},
    ),
}
"""Options of an adapter of a base with two more tokens."""


def resized(folder: Path, kind: str) -> Any:
    model_class = getattr(transformers, EXAMPLES[kind].base)
    model = model_class.from_pretrained(folder / "base")
    torch.manual_seed(3)
    model.resize_token_embeddings(len(WORDS) + len(CHAT), mean_resizing=False)
    return model


def save_adapter(folder: Path, kind: str, order: list[int] | None = None, **options: Any) -> Any:
    """Write the base, an adapter and its tokenizer; returns what PEFT merges."""
    save_base(EXAMPLES[kind], folder)
    adapter = get_peft_model(resized(folder, kind), LoraConfig(r=4, lora_alpha=6, **options))
    nudge(adapter, 1)
    adapter.save_pretrained(str(folder / "lora"))
    save_tokenizer(folder / "lora", WORDS, CHAT)
    worn: Any = PeftModel.from_pretrained(resized(folder, kind), str(folder / "lora"))
    return worn.merge_and_unload().state_dict()


@pytest.mark.parametrize("case", OPTIONS)
def test_its_rows_are_matched_by_token(case, tmp_path):
    kind, options = OPTIONS[case]
    expected = save_adapter(tmp_path, kind, **options)
    opened = merge(tmp_path, "lora")
    found, base = merged_tensors(opened), load_file(tmp_path / "base" / "model.safetensors")
    for name, before in base.items():
        if expected[name][: len(before)].equal(before):
            assert name not in found or found[name].equal(before)
        else:
            torch.testing.assert_close(
                found[name], expected[name][: len(before)], rtol=0, atol=1e-6
            )
    told = " ".join(opened.deltas.joins[0].notes)
    assert "2 tokens ('<|im_start|>', '<|im_end|>') of its own, for which the base has no" in told
    words, warnings = check_fidelity(opened)
    assert words.startswith("1 of 1 checkpoints alone are what transformers and PEFT open")
    assert warnings == []


def test_factors_on_matched_rows_stay_factors(tmp_path):
    save_adapter(tmp_path, "Llama", target_modules=["embed_tokens"])
    opened = merge(tmp_path, "lora")
    assert isinstance(source_of(opened, "model.embed_tokens.weight"), Factors)
    base, lora = (open_checkpoint(tmp_path / name) for name in ("base", "lora"))
    (key,) = lora.sorted_names.modules
    shared, modules = {"model.embed_tokens.weight": key}, lora.sorted_names.modules
    assert module_heights(base, lora, shared, modules) == {key: (60, 62)}
    made = with_matched("lora", lora, modules, opened.deltas.joins[0].rows)[key]
    assert isinstance(made, MatchedModule)
    assert with_matched("lora", lora, modules, None) == modules


@pytest.mark.parametrize("case", ["factors on both", "token rows", "saved modules"])
def test_an_adapter_of_permuted_tokens_changes_the_same_tokens(case, tmp_path):
    """The adapter alone is permuted here: its base is, too, in the order of its tokenizer."""
    kind, options = OPTIONS[case]
    save_adapter(tmp_path, kind, **options)
    before = merged_tensors(merge(tmp_path, "lora"))
    order = torch.randperm(62, generator=torch.Generator().manual_seed(0)).tolist()
    file = tmp_path / "lora" / WEIGHTS_FILE
    stored = load_file(file)
    for name, value in stored.items():
        if 62 in value.shape:
            stored[name] = value.index_select(value.shape.index(62), torch.tensor(order)).clone()
    save_file(stored, file)
    config = tmp_path / "lora" / "adapter_config.json"
    for row in (61, 7, 60, 2):
        config.write_text(config.read_text().replace(f"      {row}", f"      -{row}"))
    for row in (61, 7, 60, 2):
        text = config.read_text().replace(f"      -{row}", f"      {order.index(row)}")
        config.write_text(text)
    every = [*WORDS, *CHAT]
    save_tokenizer(tmp_path / "lora", [every[row] for row in order])
    after = merged_tensors(merge(tmp_path, "lora"))
    assert {*after} == {*before}
    assert all(after[name].equal(before[name]) for name in before)


def test_rows_of_dora_are_refused(tmp_path):
    save_adapter(tmp_path, "Llama", target_modules=["embed_tokens"], use_dora=True)
    with pytest.raises(ShapeMismatch, match=r"trains factors on .* rows of this kind of adapter"):
        merge(tmp_path, "lora")
