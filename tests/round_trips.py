"""Architectures with what they are asked: a tiny zoo of two full experts and a LoRA for each."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as t
from torch import nn

from studio.tasks.own_class import body_of
from tests.tasks.kinds import choosers, classifiers, pictures, speakers, taggers, towers

TASKS = ("first", "second", "lora")
ZERO_SHOT = "zero-shot"
OWN_LOSS = "own_loss.json"
"""What transformers says an expert's held-out loss is, beside its rows."""
_ROWS = {"validation": 12, "held_out": 24}
_QV = ("q_proj", "v_proj")
_SIZE: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
}  # fmt: skip
_BYTES: dict[str, Any] = _SIZE | {
    "vocab_size": 258, "max_position_embeddings": 64, "num_key_value_heads": 2,
    "bos_token_id": 256, "eos_token_id": 257, "initializer_range": 0.3,
}  # fmt: skip
_QWEN2: dict[str, Any] = _BYTES | {"vocab_size": 262}  # its tokenizer has tokens of its own
_TARGETS = {
    "Bert": ("query", "value"), "Roberta": ("query", "value"), "DistilBert": ("q_lin", "v_lin"),
    "MPNet": ("q", "v"), "Electra": ("query", "value"), "Albert": ("query", "value"),
    "DebertaV2": ("query_proj", "value_proj"), "ModernBert": ("Wqkv",), "GPT2": ("c_attn",),
    "T5": ("q", "v"),
    "ConvNext": ("pwconv1",), "ConvNextV2": ("pwconv1",), "ResNet": ("layer.0.convolution",),
    "MobileNetV2": ("reduce_1x1.convolution",), "EfficientNet": ("project_conv",),
}  # fmt: skip
"""Modules that a LoRA is put on, by family; ``_QV`` for all others."""


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


def trips() -> dict[str, Trip]:
    """By their names, in the order of the table in the documents."""
    found = [*_readers(), *_pictures(), *_writers()]
    return {f"{trip.architecture}, {trip.asked}": trip for trip in found}


def _readers() -> list[Trip]:
    kinds = {
        "text-classification": ("ForSequenceClassification", "SEQ_CLS", (
            "Bert", "Roberta", "DistilBert", "MPNet", "Electra", "Albert", "DebertaV2",
            "ModernBert", "GPT2", "Llama", "Qwen3", "Mistral", "Gemma", "Bart",
        )),
        "token-classification": ("ForTokenClassification", "TOKEN_CLS", (
            "Bert", "Roberta", "DistilBert", "Electra", "DebertaV2", "ModernBert", "Qwen3",
        )),
        "multiple-choice": ("ForMultipleChoice", None, ("Bert", "Roberta", "DebertaV2")),
    }  # fmt: skip
    return [
        Trip(
            family, kind, f"{family}Model", family + suffix, lambda c=family + suffix: sized(c),
            _TARGETS.get(family, _QV), task_type,
        )
        for kind, (suffix, task_type, families) in kinds.items()
        for family in families
    ]  # fmt: skip


def sized(model_class: str) -> Any:
    """A small configuration of a class of texts."""
    made = getattr(t, model_class).config_class
    known = made()
    return made(**{k: v for k, v in classifiers.SIZES.items() if hasattr(known, k)})


def _pictures() -> list[Trip]:
    families = (
        "ViT", "DeiT", "Swin", "Dinov2", "Beit", "ConvNext", "ConvNextV2", "ResNet", "MobileNetV2",
        "EfficientNet", "CLIP", "Siglip",
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
        for family in ("CLIP", "Siglip")
    ]  # fmt: skip
    return own + zero


def _pictured(family: str) -> Any:
    config = pictures.sized(family)
    if hasattr(config, "tf_padding"):  # with it a layer asks its convolution what no LoRA has
        config.tf_padding = False
    return config


def _writers() -> list[Trip]:
    made: dict[str, tuple[str, Callable[[], Any], tuple[str, ...]]] = {
        "GPT2": ("GPT2LMHeadModel", lambda: t.GPT2Config(
            vocab_size=258, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=256,
            eos_token_id=257, initializer_range=0.3,
        ), ("c_attn",)),
        "Llama": ("LlamaForCausalLM", lambda: t.LlamaConfig(**_BYTES), _QV),
        "Qwen2": (
            "Qwen2ForCausalLM",
            lambda: t.Qwen2Config(**_QWEN2, tie_word_embeddings=True), _QV,
        ),
        "Qwen3": ("Qwen3ForCausalLM", lambda: t.Qwen3Config(**_BYTES, head_dim=8), _QV),
        "Mistral": ("MistralForCausalLM", lambda: t.MistralConfig(**_BYTES), _QV),
        "OPT": ("OPTForCausalLM", lambda: t.OPTConfig(
            vocab_size=258, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=64, word_embed_proj_dim=32, bos_token_id=256, eos_token_id=257,
            init_std=0.3,
        ), _QV),
        "Gemma": ("GemmaForCausalLM", lambda: t.GemmaConfig(**_BYTES, head_dim=8), _QV),
        "Gemma 3 with pictures": ("Gemma3ForConditionalGeneration", lambda: t.Gemma3Config(
            text_config=_BYTES | {"head_dim": 8, "sliding_window": 16},
            vision_config=_SIZE | {"image_size": 28, "patch_size": 14}, mm_tokens_per_image=4,
        ), (r".*language_model\..*\.(q_proj|v_proj)",)),
    }  # fmt: skip
    found = [
        Trip(name, "causal-lm", own, own, config, targets, "CAUSAL_LM")
        for name, (own, config, targets) in made.items()
    ]
    chosen = [
        Trip(name, "multiple-choice", made[name][0], made[name][0], *made[name][1:], "CAUSAL_LM")
        for name in ("GPT2", "Llama")
    ]
    both = {"T5": ("q", "v"), "BART": _QV}
    translated = [
        Trip(
            name, kind, type(choosers.TRANSLATORS[name]()).__name__,
            type(choosers.TRANSLATORS[name]()).__name__,
            lambda n=name: choosers.TRANSLATORS[n]().config, both[name], "SEQ_2_SEQ_LM",
        )
        for kind in ("seq2seq", "multiple-choice")
        for name in both
    ]  # fmt: skip
    return [*found, *chosen, *translated]


def build(trip: Trip, folder: Path) -> Path:
    """Write base, experts and a zoo whose rows are answered by the experts themselves."""
    torch.manual_seed(0)
    base = getattr(t, trip.base)(trip.config())
    _much_moved(base, 7).save_pretrained(folder / "base")
    asked = _ASKED[trip.asked]
    asked.reader(folder / "base", base)
    tasks = []
    for seed, name in enumerate(TASKS, 1):
        begun = _begun(trip, folder, seed)
        model = _adapted(trip, begun) if name == "lora" else _much_moved(begun, seed)
        _centred(trip, model.eval(), folder)
        model.save_pretrained(str(folder / name))
        data = {}
        for split in _ROWS:
            file = asked.write(folder / name / split, model, folder)
            data[split] = f"{name}/{file.name}"
        kind = "image-classification" if trip.asked == ZERO_SHOT else trip.asked
        tasks.append({"name": name, "checkpoint": name, "type": kind, "data": data} | asked.entry)
    (folder / "zoo.yaml").write_text(json.dumps({"base": "base", "tasks": tasks}))
    return folder


def _loss(model: Any, folder: Path, texts: list[str]) -> float:
    """transformers' own, in nats per token, of all texts together."""
    reader = t.AutoTokenizer.from_pretrained(folder / "base")
    nats, tokens = 0.0, 0
    for text in texts:
        ids = reader(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            nats += float(model(input_ids=ids, labels=ids).loss) * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
    return nats / tokens


def _much_moved(model: Any, seed: int) -> Any:
    """With weights moved, and what has one dimension a little, in place of training.

    A model of pictures is moved as ``pictures.built`` does it: else some see next to nothing.
    """
    pictured = model.main_input_name == "pixel_values"
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            scale = 0.02 if parameter.ndim == 1 and not pictured else 0.1 + 0.05 * pictured
            parameter.add_(scale * torch.randn(parameter.shape, generator=draw))
    return model


def _begun(trip: Trip, folder: Path, seed: int) -> Any:
    """The experts' class on the base, with a head that tells rows apart, if it has one."""
    labels = _LABELS.get(trip.asked)
    told = {"num_labels": labels} if labels else {}
    torch.manual_seed(seed)
    made = getattr(t, trip.expert).from_pretrained(folder / "base", **told)
    if labels:
        ends = [x for x in made.modules() if isinstance(x, nn.Linear) and x.out_features == labels]
        nn.init.normal_(ends[-1].weight)
    return made


def _centred(trip: Trip, model: Any, folder: Path) -> None:
    """Give no label to all rows, where the last layer has a bias."""
    count = _LABELS.get(trip.asked)
    ends = [x for x in model.modules() if isinstance(x, nn.Linear) and x.out_features == count]
    if ends and ends[-1].bias is not None:
        with torch.no_grad():
            found = _LOGITS[trip.asked](model, folder)
            ends[-1].bias.sub_(torch.cat([x.reshape(-1, count) for x in found]).mean(0))


def _adapted(trip: Trip, model: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    behind = None
    if trip.asked in _LABELS or trip.expert.endswith("ForMultipleChoice"):
        own = model.named_children()
        behind = [name for name, x in own if name != body_of(model) and [*x.parameters()]]
    first = trip.targets[0]
    told = LoraConfig(
        r=4, init_lora_weights=False, task_type=trip.task_type, modules_to_save=behind,
        target_modules=first if "*" in first else list(trip.targets),
    )  # fmt: skip
    return get_peft_model(model, told)


@dataclass(frozen=True)
class _Asked:
    """How one kind is asked.

    Attributes:
        reader: writes what reads rows into the base's folder, told the base.
        write: writes a split of rows with a model's own answers, told its path without a suffix;
            gives the file.
        entry: what else stands in the zoo.
    """

    reader: Callable[[Path, Any], Any]
    write: Callable[[Path, Any, Path], Path]
    entry: dict[str, Any]


def _lines(file: Path, rows: list[dict]) -> Path:
    made = file.with_suffix(".jsonl")
    made.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return made


def _texts(file: Path, model: Any, folder: Path) -> Path:
    texts = classifiers.TEXTS[: _ROWS[file.name]]
    said = [int(x.argmax()) for x in classifiers.logits(model, folder, texts)]
    return _lines(file, [{"text": x, "label": y} for x, y in zip(texts, said, strict=True)])


def _words(file: Path, model: Any, folder: Path) -> Path:
    sentences = taggers.SENTENCES[: _ROWS[file.name]]
    said = [x.argmax(-1).tolist() for x in taggers.logits(model, folder, sentences)]
    pairs = zip(sentences, said, strict=True)
    return _lines(file, [{"words": words, "tags": tags} for words, tags in pairs])


def _pictures_said(file: Path, logits: torch.Tensor) -> Path:
    """Rows of the pictures of which a model is sure, whatever the last bits of its numbers are."""
    first, second = logits.topk(2).values.T
    sure = first - second > 0.02 * logits.abs().max()
    made = file.with_suffix(".npz")
    np.savez(made, images=pictures.images()[sure], labels=logits.argmax(-1)[sure].numpy())
    return made


def _shown(file: Path, model: Any, folder: Path) -> Path:
    return _pictures_said(file, pictures.logits(model))


def _named(file: Path, model: Any, folder: Path) -> Path:
    plain = getattr(model, "get_base_model", lambda: model)()  # whose class says how texts are read
    return _pictures_said(file, towers.logits(folder, plain))


def _written(file: Path, model: Any, folder: Path) -> Path:
    texts = speakers.texts(_ROWS[file.name])
    (file.parent / OWN_LOSS).write_text(json.dumps(_loss(model, folder, texts)))
    return _lines(file, [{"text": each} for each in texts])


def _chosen(file: Path, model: Any, folder: Path) -> Path:
    reader = t.AutoTokenizer.from_pretrained(folder / "base")
    headed = hasattr(model, "classifier")

    def score(question: str, options: list[str]) -> list[float]:
        if not headed:
            return choosers.spoken(model, reader, question, options)
        given = reader([question] * len(options), options, return_tensors="pt", padding=True)
        with torch.no_grad():
            return model(**{k: x[None] for k, x in given.items()}).logits[0].tolist()

    rows = (_HEADED_ROWS if headed else choosers.ROWS)[: _ROWS[file.name]]
    return _lines(file, choosers.answered(rows, score, by_bytes=not headed))


def _translated(file: Path, model: Any, folder: Path) -> Path:
    reader, rows = t.AutoTokenizer.from_pretrained(folder / "base"), []
    for text in speakers.texts(_ROWS[file.name]):
        values = choosers.spoken(model, reader, text, choosers.TARGETS)
        rows.append({"text": text, "target": choosers.TARGETS[int(np.argmax(values))]})
    return _lines(file, rows)


_HEADED_ROWS = [
    {"question": text, "options": [f"w{7 * at % 60} w{k}" for k in range(2 + at % 3)]}
    for at, text in enumerate(classifiers.TEXTS)
]


def _of_words(folder: Path, base: Any) -> None:
    classifiers.tokenizer(folder)


def _of_bytes(folder: Path, base: Any) -> None:
    both = base.config.is_encoder_decoder
    (choosers.tokenizer() if both else speakers.tokenizer(True)).save_pretrained(folder)


def _of_either(folder: Path, base: Any) -> None:
    (_of_words if base.config.vocab_size == 64 else _of_bytes)(folder, base)


_LABELS = {
    "text-classification": 3, "token-classification": len(taggers.TAGS), "image-classification": 3,
}  # fmt: skip
"""How many of them the heads have, by what is asked."""
_LOGITS: dict[str, Callable[[Any, Path], Any]] = {
    "text-classification": lambda model, folder: classifiers.logits(
        model, folder, classifiers.TEXTS
    ),
    "token-classification": lambda model, folder: taggers.logits(model, folder),
    "image-classification": lambda model, folder: pictures.logits(model),
}
_SIDE: dict[str, Any] = {"image_size": pictures.SIDE}
_ASKED = {
    "text-classification": _Asked(_of_words, _texts, {}),
    "token-classification": _Asked(_of_words, _words, {}),
    "image-classification": _Asked(lambda folder, base: None, _shown, _SIDE),
    ZERO_SHOT: _Asked(
        lambda folder, base: towers.readers(folder, type(base).__name__.removesuffix("Model")),
        _named, {"labels": list(towers.LABELS), "templates": ["{}"]},
    ),
    "causal-lm": _Asked(_of_bytes, _written, {}),
    "multiple-choice": _Asked(_of_either, _chosen, {}),
    "seq2seq": _Asked(_of_bytes, _translated, {"targets": list(choosers.TARGETS)}),
}  # fmt: skip
