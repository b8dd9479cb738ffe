"""Architectures with what they are asked, as small as each can be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import transformers as t

from tests.tasks.kinds import choosers, classifiers, pictures, towers

ZERO_SHOT = "zero-shot"
_QV = ("q_proj", "v_proj")
_QKV = ("query_key_value",)
_SIZE: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
}  # fmt: skip
_ENDS: dict[str, Any] = {"vocab_size": 258, "bos_token_id": 256, "eos_token_id": 257}
_BYTES: dict[str, Any] = (
    _SIZE | _ENDS | {
        "max_position_embeddings": 64, "num_key_value_heads": 2, "initializer_range": 0.3,
    }
)  # fmt: skip
_QWEN2: dict[str, Any] = _BYTES | {"vocab_size": 262}  # its tokenizer has tokens of its own
_BOTH: dict[str, Any] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
}
_EXPERTS: dict[str, Any] = {"num_local_experts": 2, "num_experts_per_tok": 2}
_TARGETS = {
    "Bert": ("query", "value"), "Roberta": ("query", "value"), "XLMRoberta": ("query", "value"),
    "DistilBert": ("q_lin", "v_lin"), "MPNet": ("q", "v"), "Electra": ("query", "value"),
    "Albert": ("query", "value"), "Deberta": ("in_proj",),
    "DebertaV2": ("query_proj", "value_proj"), "ModernBert": ("Wqkv",), "GPT2": ("c_attn",),
    "Phi3": ("qkv_proj",), "GPTNeoX": _QKV, "Bloom": _QKV, "Falcon": _QKV, "T5": ("q", "v"),
        "ConvNext": ("pwconv1",), "ConvNextV2": ("pwconv1",), "ResNet": ("layer.0.convolution",),
    "MobileNetV2": ("reduce_1x1.convolution",), "EfficientNet": ("project_conv",),
    "Swinv2": ("query", "value"),
}  # fmt: skip
"""Modules that a LoRA is put on, by family; ``_QV`` for all others."""
_OWN_SIZES: dict[str, dict[str, Any]] = {
    "GPTNeo": {
        "num_layers": 2,
        "num_heads": 2,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 8,
    },
    "Mixtral": _EXPERTS,
    "Qwen2": {"vocab_size": 262},  # of bytes, for its tokenizer knows no words
    "Qwen3Moe": {"num_experts": 2, "num_experts_per_tok": 2, "moe_intermediate_size": 24},
    "MBart": _BOTH,
    "Bart": _BOTH,
}
_CLASSIFIERS = {
    "text-classification": ("ForSequenceClassification", "SEQ_CLS", (
        "Bert", "Roberta", "DistilBert", "MPNet", "Electra", "Albert", "DebertaV2",
        "ModernBert", "GPT2", "Llama", "Qwen2", "Qwen3", "Mistral", "Mixtral", "Gemma", "OPT",
        "Bart", "Deberta", "XLMRoberta", "MBart", "Gemma2", "Phi3", "Falcon", "GPTNeoX",
        "GPTNeo", "Bloom", "Qwen3Moe",
    )),
    "token-classification": ("ForTokenClassification", "TOKEN_CLS", (
        "Bert", "Roberta", "DistilBert", "MPNet", "Electra", "Albert", "DebertaV2",
        "ModernBert", "GPT2", "Llama", "Qwen3", "Mistral", "Mixtral", "Gemma",
        "Deberta", "XLMRoberta", "Gemma2", "Phi3", "Falcon", "GPTNeoX", "GPTNeo", "Bloom",
        "Qwen3Moe",
    )),
    "multiple-choice": ("ForMultipleChoice", None, (
        "Bert", "Roberta", "DistilBert", "MPNet", "Electra", "Albert", "DebertaV2", "ModernBert",
        "XLMRoberta",
    )),
}  # fmt: skip
_RARE = (
    "Deberta", "XLMRoberta", "MBart", "Gemma2", "Phi3", "Falcon", "GPTNeoX", "GPTNeo", "Bloom",
    "Qwen3Moe", "Pegasus", "mT5", "Swinv2", "Dinov2WithRegisters",
)  # fmt: skip
_ALIKE = {
    "token-classification": ("Llama", "Mistral", "Mixtral", "Gemma"),
    "multiple-choice": (
        "DistilBert", "MPNet", "Albert", "ModernBert", "Qwen3", "Mistral", "OPT", "Gemma",
        "Mixtral", "mBART",
    ),
}  # fmt: skip
"""What answers by the same code as another trip."""


@dataclass(frozen=True)
class Trip:
    """One architecture with one kind of task.

    Attributes:
        architecture: its name.
        asked: the kind of its tasks, and how it is asked.
        base: class that the base is saved by.
        expert: class that full experts are saved by.
        config: makes the configuration of the base.
        targets: modules that the LoRA is put on; or a pattern of their names.
        task_type: of the LoRA, as PEFT calls it.
    """

    architecture: str
    asked: str
    base: str
    expert: str
    config: Callable[[], Any]
    targets: tuple[str, ...]
    task_type: str | None = None

    @property
    def repeats(self) -> bool:
        """Whether it is tried with ``--all`` alone."""
        return self.architecture in (*_RARE, *_ALIKE.get(self.asked, ()))


def trips() -> dict[str, Trip]:
    """By their names, in the order of the table in the documents."""
    found = [*_readers(), *_pictures(), *_writers()]
    return {f"{trip.architecture}, {trip.asked}": trip for trip in found}


def sized(model_class: str) -> Any:
    """A small configuration of a class of texts."""
    made = getattr(t, model_class).config_class
    known = made()
    sizes = {k: v for k, v in classifiers.SIZES.items() if hasattr(known, k)}
    if made is t.FalconConfig:
        del sizes["head_dim"]
    return made(**sizes | _OWN_SIZES.get(made.__name__.removesuffix("Config"), {}))


def _readers() -> list[Trip]:
    return [
        Trip(
            family, kind, f"{family}Model", family + suffix, lambda c=family + suffix: sized(c),
            _TARGETS.get(family, _QV), task_type,
        )
        for kind, (suffix, task_type, families) in _CLASSIFIERS.items()
        for family in families
    ]  # fmt: skip


def _pictures() -> list[Trip]:
    families = (
        "ViT", "DeiT", "Swin", "Dinov2", "Beit", "ConvNext", "ConvNextV2", "ResNet", "MobileNetV2",
        "EfficientNet", "CLIP", "Siglip", "Swinv2", "Dinov2WithRegisters",
    )  # fmt: skip
    own = [
        Trip(
            family, "image-classification", f"{family}Model", f"{family}ForImageClassification",
            lambda f=family: _pictured(f), _TARGETS.get(family, _QV),
        )
        for family in families
    ]  # fmt: skip
    zero = [
        Trip(
            family, ZERO_SHOT, f"{family}Model", f"{family}Model",
            lambda f=family: towers.config_of(f), _QV,
        )
        for family in ("CLIP", "Siglip", "Siglip2")
    ]  # fmt: skip
    return own + zero


def _pictured(family: str) -> Any:
    config = pictures.sized(family)
    if hasattr(config, "tf_padding"):  # with it a layer asks its convolution what no LoRA has
        config.tf_padding = False
    return config


def _speakers() -> dict[str, tuple[str, Callable[[], Any], tuple[str, ...]]]:
    """By their names: the class, what makes its configuration, and what a LoRA is put on."""
    bloom: dict[str, Any] = {
        "hidden_size": 32,
        "n_layer": 2,
        "n_head": 4,
        "initializer_range": 0.3,
    } | _ENDS
    return {
        "GPT2": ("GPT2LMHeadModel", lambda: t.GPT2Config(
            n_embd=32, n_layer=2, n_head=4, n_positions=64, initializer_range=0.3, **_ENDS,
        ), ("c_attn",)),
        "Llama": ("LlamaForCausalLM", lambda: t.LlamaConfig(**_BYTES), _QV),
        "Qwen2": (
            "Qwen2ForCausalLM",
            lambda: t.Qwen2Config(**_QWEN2, tie_word_embeddings=True), _QV,
        ),
        "Qwen3": ("Qwen3ForCausalLM", lambda: t.Qwen3Config(**_BYTES, head_dim=8), _QV),
        "Mistral": ("MistralForCausalLM", lambda: t.MistralConfig(**_BYTES), _QV),
        "Mixtral": ("MixtralForCausalLM", lambda: t.MixtralConfig(**_BYTES, **_EXPERTS), _QV),
        "OPT": ("OPTForCausalLM", lambda: t.OPTConfig(
            hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=64, word_embed_proj_dim=32, init_std=0.3, **_ENDS,
        ), _QV),
        "Gemma": ("GemmaForCausalLM", lambda: t.GemmaConfig(**_BYTES, head_dim=8), _QV),
        "Gemma2": ("Gemma2ForCausalLM", lambda: t.Gemma2Config(
            **_BYTES, head_dim=8, sliding_window=16,
        ), _QV),
        "Phi3": ("Phi3ForCausalLM", lambda: t.Phi3Config(**_BYTES, pad_token_id=0), ("qkv_proj",)),
        "Falcon": ("FalconForCausalLM", lambda: t.FalconConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_hidden_size=48,
            max_position_embeddings=64, initializer_range=0.3, **_ENDS,
        ), _QKV),
        "GPTNeoX": ("GPTNeoXForCausalLM", lambda: t.GPTNeoXConfig(
            **_SIZE, **_ENDS, max_position_embeddings=64, initializer_range=0.3,
        ), _QKV),
        "GPTNeo": ("GPTNeoForCausalLM", lambda: t.GPTNeoConfig(
            hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]],
            max_position_embeddings=64, window_size=8, initializer_range=0.3, **_ENDS,
        ), _QV),
        "Bloom": ("BloomForCausalLM", lambda: t.BloomConfig(**bloom), _QKV),
        "Qwen3Moe": ("Qwen3MoeForCausalLM", lambda: t.Qwen3MoeConfig(
            **_BYTES, num_experts=2, num_experts_per_tok=2, moe_intermediate_size=24,
            head_dim=8,  # pyright: ignore[reportCallIssue]
        ), _QV),
        "Gemma 3 with pictures": ("Gemma3ForConditionalGeneration", lambda: t.Gemma3Config(
            text_config=_BYTES | {"head_dim": 8, "sliding_window": 16},
            vision_config=_SIZE | {"image_size": 28, "patch_size": 14}, mm_tokens_per_image=4,
        ), (r".*language_model\..*\.(q_proj|v_proj)",)),
    }  # fmt: skip


def _translators() -> dict[str, Callable[[], Any]]:
    """What makes a model, by its name."""
    ends: dict[str, Any] = {
        "vocab_size": 259,
        "pad_token_id": 258,
        "eos_token_id": 257,
        "forced_eos_token_id": None,
        "decoder_start_token_id": 258,
        "init_std": 0.3,
        "max_position_embeddings": 64,
    }
    own: dict[str, Any] = (
        _BOTH | {"d_model": 16, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24} | ends
    )
    made = choosers.TRANSLATORS["T5"]().config.to_dict()
    return choosers.TRANSLATORS | {
        "mBART": lambda: t.MBartForConditionalGeneration(t.MBartConfig(**own)),
        "Pegasus": lambda: t.PegasusForConditionalGeneration(t.PegasusConfig(**own)),
        "mT5": lambda: t.MT5ForConditionalGeneration(t.MT5Config(**made)),
    }


def _writers() -> list[Trip]:
    found = [
        Trip(name, kind, own, own, config, targets, "CAUSAL_LM")
        for kind in ("causal-lm", "multiple-choice")
        for name, (own, config, targets) in _speakers().items()
        if kind == "causal-lm" or not name.endswith("pictures")
    ]
    targets = {"T5": ("q", "v"), "mT5": ("q", "v")}
    translated = [
        Trip(
            name, kind, type(made()).__name__, type(made()).__name__, lambda m=made: m().config,
            targets.get(name, _QV), "SEQ_2_SEQ_LM",
        )
        for kind in ("seq2seq", "multiple-choice")
        for name, made in _translators().items()
    ]  # fmt: skip
    return [*found, *translated]
