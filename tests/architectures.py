"""Small models of many architectures: their classes, configurations and what a LoRA is put on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers as t

_SIZE: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
}  # fmt: skip
_TEXT: dict[str, Any] = _SIZE | {"vocab_size": 60, "max_position_embeddings": 40, "pad_token_id": 0}
_DECODER: dict[str, Any] = _TEXT | {"num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 2}
_LABELS: dict[str, Any] = {"num_labels": 3}
_PICTURE: dict[str, Any] = {"image_size": 32, "patch_size": 16}


@dataclass(frozen=True)
class Example:
    """One architecture.

    Attributes:
        base: class that the base is saved by.
        expert: class that full experts are saved by.
        config: of the base.
        targets: modules that a LoRA is put on.
    """

    base: str
    expert: str
    config: Any
    targets: tuple[str, ...]


def examples() -> dict[str, Example]:
    """By the name of the architecture."""
    query = ("query", "value")
    qv = ("q_proj", "v_proj")
    clip = _SIZE | {"projection_dim": 16}
    return {
        "BERT": _masked("Bert", t.BertConfig(**_TEXT), query),
        "RoBERTa": _masked("Roberta", t.RobertaConfig(**_TEXT), query),
        "DistilBERT": _masked(
            "DistilBert",
            t.DistilBertConfig(
                vocab_size=60, dim=32, n_layers=2, n_heads=4, hidden_dim=48,
                max_position_embeddings=40,
            ),
            ("q_lin", "v_lin"),
        ),
        "MPNet": _masked("MPNet", t.MPNetConfig(**_TEXT), ("q", "v")),
        "ELECTRA": Example(
            "ElectraForPreTraining", "ElectraForSequenceClassification",
            t.ElectraConfig(**_TEXT, embedding_size=16), query,
        ),
        "ALBERT": Example(
            "AlbertForPreTraining", "AlbertForSequenceClassification",
            t.AlbertConfig(**_TEXT, embedding_size=16), query,
        ),
        "DeBERTa-v2": _masked(
            "DebertaV2", t.DebertaV2Config(**_TEXT), ("query_proj", "value_proj")
        ),
        "ModernBERT": _masked("ModernBert", t.ModernBertConfig(**_TEXT), ("Wqkv",)),
        "GPT-2": Example(
            "GPT2LMHeadModel", "GPT2LMHeadModel",
            t.GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=4, n_positions=40),
            ("c_attn", "c_proj"),
        ),
        "Llama": _decoder("Llama", t.LlamaConfig(**_DECODER, tie_word_embeddings=False)),
        "Qwen2": _decoder("Qwen2", t.Qwen2Config(**_DECODER, tie_word_embeddings=True)),
        "Gemma": _decoder("Gemma", t.GemmaConfig(**_DECODER, head_dim=8)),
        "T5": Example(
            "T5ForConditionalGeneration", "T5ForConditionalGeneration",
            t.T5Config(vocab_size=60, d_model=32, d_ff=48, d_kv=8, num_layers=2, num_heads=4),
            ("q", "v"),
        ),
        "BART": Example(
            "BartForConditionalGeneration", "BartForConditionalGeneration",
            t.BartConfig(
                vocab_size=60, d_model=32, encoder_layers=1, decoder_layers=1,
                encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48,
                decoder_ffn_dim=48, max_position_embeddings=40,
            ),
            qv,
        ),
        "ViT": Example(
            "ViTModel", "ViTForImageClassification", t.ViTConfig(**_SIZE, **_PICTURE), qv
        ),
        "CLIP": Example(
            "CLIPModel", "CLIPModel",
            t.CLIPConfig(
                text_config=clip | {"vocab_size": 60, "max_position_embeddings": 20},
                vision_config=clip | _PICTURE, projection_dim=16,
            ),
            qv,
        ),
        "ResNet": Example(
            "ResNetForImageClassification", "ResNetForImageClassification",
            t.ResNetConfig(
                num_channels=3, embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1],
                layer_type="basic", **_LABELS,
            ),
            ("layer.0.convolution",),
        ),
        "Mixtral": Example(
            "MixtralForCausalLM", "MixtralForCausalLM",
            t.MixtralConfig(**_DECODER, num_local_experts=2, tie_word_embeddings=False), qv,
        ),
    }  # fmt: skip


def moved(model: Any, seed: int) -> Any:
    """The model with every parameter moved by seeded noise, in place of training."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw).to(parameter) * 0.02)
    return model


def save(example: Example, folder: Path) -> Path:
    """Write base, two full experts and a LoRA below a folder."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    getattr(t, example.base)(example.config).save_pretrained(folder / "base")
    expert = getattr(t, example.expert)
    for seed, name in ((1, "first"), (2, "second")):
        moved(expert.from_pretrained(folder / "base"), seed).save_pretrained(folder / name)
    model = get_peft_model(
        getattr(t, example.base).from_pretrained(folder / "base"),
        LoraConfig(r=4, target_modules=list(example.targets), init_lora_weights=False),
    )
    model.save_pretrained(str(folder / "lora"))
    return folder


def _masked(family: str, config: Any, targets: tuple[str, ...]) -> Example:
    return Example(f"{family}ForMaskedLM", f"{family}ForSequenceClassification", config, targets)


def _decoder(family: str, config: Any) -> Example:
    return Example(f"{family}ForCausalLM", f"{family}ForCausalLM", config, ("q_proj", "v_proj"))
