"""Tiny language models with a tokenizer of bytes: a base, a full expert and an adapter."""

import json
from pathlib import Path
from typing import Any

import torch
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from studio.measure.bench import Bench
from studio.zoo import load_zoo
from tests import bertzoo

WORDS = ["the", "red", "cat", "sings", "naïve", "dog", "sleeps", "quietly", "7", "times."]
_SIZES: dict[str, Any] = {"vocab_size": 258, "bos_token_id": 256, "eos_token_id": 257}
MODELS = {
    "GPT2": lambda: GPT2LMHeadModel(
        GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=64, initializer_range=0.3, **_SIZES)
    ),
    "Llama": lambda: LlamaForCausalLM(
        LlamaConfig(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
            intermediate_size=24, max_position_embeddings=64, initializer_range=0.3,
            tie_word_embeddings=False, **_SIZES,
        )
    ),
}  # fmt: skip


def tokenizer(begins: bool) -> PreTrainedTokenizerFast:
    """A token per byte and none for padding; with or without one at the beginning."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: place for place, letter in enumerate(alphabet)}
    made = Tokenizer(models.BPE(vocab=vocabulary | {"<s>": 256, "</s>": 257}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    if begins:
        made.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 256)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


def build(folder: Path, which: str) -> Path:
    """A zoo of two tasks: documents by the full expert, prompts and answers by the adapter."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    base = MODELS[which]()
    base.save_pretrained(folder / "base")
    tokenizer(which == "Llama").save_pretrained(folder / "base")
    expert = MODELS[which]()
    expert.load_state_dict(base.state_dict())
    bertzoo.nudge(expert)
    expert.save_pretrained(folder / "prose")
    targets = ["c_attn"] if which == "GPT2" else ["q_proj", "v_proj"]
    adapter = get_peft_model(
        base, LoraConfig(r=2, lora_alpha=4, target_modules=targets, task_type="CAUSAL_LM")
    )
    bertzoo.nudge(adapter)
    adapter.save_pretrained(str(folder / "chat"))
    for split, count in (("validation", 24), ("held_out", 40)):
        write(folder / "prose" / f"{split}.jsonl", [{"text": each} for each in texts(count)])
        pairs = [
            {"prompt": f"{each} ", "answer": each.split()[0], "group": f"g{place // 4}"}
            for place, each in enumerate(texts(count, 9))
        ]
        write(folder / "chat" / f"{split}.jsonl", pairs)
    (folder / "zoo.yaml").write_text(yaml.safe_dump(zoo()))
    return folder


def zoo() -> dict[str, Any]:
    data = {split: f"{{}}/{split}.jsonl" for split in ("validation", "held_out")}
    return {
        "name": "Speakers",
        "base": "base",
        "tasks": [
            {
                "name": name, "checkpoint": name, "type": "causal-lm",
                "data": {split: file.format(name) for split, file in data.items()},
            }
            for name in ("prose", "chat")
        ],
    }  # fmt: skip


def texts(count: int, seed: int = 3) -> list[str]:
    draw = torch.Generator().manual_seed(seed)
    return [
        " ".join(WORDS[i] for i in torch.randint(len(WORDS), (2 + n % 7,), generator=draw).tolist())
        for n in range(count)
    ]


def write(file: Path, rows: list[dict]) -> None:
    file.write_text("\n".join(json.dumps(row) for row in rows))


def bench(folder: Path) -> Bench:
    return Bench(load_zoo(folder), torch.device("cpu"))
