"""A tiny zoo of two full experts and a LoRA, whose rows they answered themselves."""

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
from tests.trips import ZERO_SHOT, Trip

TASKS = ("first", "second", "lora")
OWN_LOSS = "own_loss.json"
"""What transformers says an expert's held-out loss is, beside its rows."""
_ROWS, _VALIDATION = 16, 8


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
        file = asked.write(folder / name / "held_out", model, folder)
        data = {"held_out": f"{name}/{file.name}", "validation": f"{name}/validation{file.suffix}"}
        _begin(file, folder / data["validation"])
        kind = "image-classification" if trip.asked == ZERO_SHOT else trip.asked
        tasks.append({"name": name, "checkpoint": name, "type": kind, "data": data} | asked.entry)
    (folder / "zoo.yaml").write_text(json.dumps({"base": "base", "tasks": tasks}))
    return folder


def _begin(file: Path, beginning: Path) -> None:
    """Write the first rows of a file into another one; all, where they are pictures."""
    lines = file.read_bytes().splitlines(keepends=True)
    first = b"".join(lines[:_VALIDATION]) if file.suffix == ".jsonl" else file.read_bytes()
    beginning.write_bytes(first)


def _loss(model: Any, folder: Path, texts: list[str]) -> float:
    """transformers' own, in nats per token, of all texts together."""
    reader = _reader(folder)
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


def _reader(folder: Path) -> Any:
    return t.AutoTokenizer.from_pretrained(folder / "base")


def _lines(file: Path, rows: list[dict]) -> Path:
    made = file.with_suffix(".jsonl")
    made.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return made


def _texts(file: Path, model: Any, folder: Path) -> Path:
    texts = classifiers.TEXTS[:_ROWS]
    said = [int(x.argmax()) for x in classifiers.logits(model, folder, texts, _reader(folder))]
    return _lines(file, [{"text": x, "label": y} for x, y in zip(texts, said, strict=True)])


def _words(file: Path, model: Any, folder: Path) -> Path:
    sentences = taggers.SENTENCES[:_ROWS]
    said = [x.argmax(-1).tolist() for x in taggers.logits(model, folder, sentences)]
    pairs = zip(sentences, said, strict=True)
    return _lines(file, [{"words": words, "tags": tags} for words, tags in pairs])


def _pictures_said(file: Path, logits: torch.Tensor) -> Path:
    """Rows of the pictures of which a model is sure, whatever the last bits of its numbers are."""
    first, second = logits.topk(2).values.T
    sure = first - second > 0.1 * logits.abs().max()  # some see little but their biases
    made = file.with_suffix(".npz")
    np.savez(made, images=pictures.images()[sure], labels=logits.argmax(-1)[sure].numpy())
    return made


def _shown(file: Path, model: Any, folder: Path) -> Path:
    return _pictures_said(file, pictures.logits(model))


def _named(file: Path, model: Any, folder: Path) -> Path:
    plain = getattr(model, "get_base_model", lambda: model)()  # whose class says how texts are read
    return _pictures_said(file, towers.logits(folder, plain))


def _written(file: Path, model: Any, folder: Path) -> Path:
    texts = speakers.texts(_ROWS)
    (file.parent / OWN_LOSS).write_text(json.dumps(_loss(model, folder, texts)))
    return _lines(file, [{"text": each} for each in texts])


def _chosen(file: Path, model: Any, folder: Path) -> Path:
    reader = _reader(folder)
    headed = hasattr(model, "classifier")

    def score(question: str, options: list[str]) -> list[float]:
        if not headed:
            return choosers.spoken(model, reader, question, options)
        given = reader([question] * len(options), options, return_tensors="pt", padding=True)
        with torch.no_grad():
            return model(**{k: x[None] for k, x in given.items()}).logits[0].tolist()

    rows = (_HEADED_ROWS if headed else choosers.ROWS)[:_ROWS]
    return _lines(file, choosers.answered(rows, score, by_bytes=not headed))


def _translated(file: Path, model: Any, folder: Path) -> Path:
    reader, rows = _reader(folder), []
    for text in speakers.texts(_ROWS):
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
        model, folder, classifiers.TEXTS[:_ROWS], _reader(folder)
    ),
    "token-classification": lambda model, folder: taggers.logits(
        model, folder, taggers.SENTENCES[:_ROWS]
    ),
    "image-classification": lambda model, folder: pictures.logits(model),
}
_SIDE: dict[str, Any] = {"image_size": pictures.SIDE}
_ASKED = {
    "text-classification": _Asked(_of_either, _texts, {}),
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
