"""Small stand-ins for what a recipe names: a base of the same class, tables of the same layout."""

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import torch
import transformers as t
from PIL import Image

from studio.training.recipe import TrainingRecipe
from tests.own_models import save_base
from tests.tasks.kinds import choosers, speakers, towers

SIDE = 32
_GLUE = {
    "cola": (["sentence"], ["unacceptable", "acceptable"]),
    "sst2": (["sentence"], ["negative", "positive"]),
    "mrpc": (["sentence1", "sentence2"], ["not_equivalent", "equivalent"]),
    "qqp": (["question1", "question2"], ["not_duplicate", "duplicate"]),
    "mnli": (["premise", "hypothesis"], ["entailment", "neutral", "contradiction"]),
    "qnli": (["question", "sentence"], ["entailment", "not_entailment"]),
    "rte": (["sentence1", "sentence2"], ["entailment", "not_entailment"]),
}
_TOPICS = {
    "ag-news": ("text", "label", ["World", "Sports", "Business"]),
    "dbpedia": ("content", "label", ["Company", "Artist"]),
    "yahoo-answers": ("question_title", "topic", ["Health", "Sports"]),
}


def base(recipe: TrainingRecipe, folder: Path) -> Path:
    """A small model of the class that a recipe's base is of."""
    torch.manual_seed(0)
    named = recipe.base
    if "resnet" in named:
        config = t.ResNetConfig(
            embedding_size=8, hidden_sizes=[16, 16], depths=[1, 1], layer_type="bottleneck",
            id2label={0: "a", 1: "b", 2: "c"}, label2id={"a": 0, "b": 1, "c": 2},
        )  # fmt: skip
        t.ResNetForImageClassification(config).save_pretrained(folder)
        t.ConvNextImageProcessorPil(size={"shortest_edge": SIDE}).save_pretrained(folder)
    elif "clip" in named:
        made: Any = t.CLIPModel(towers.config_of("CLIP"))
        made.save_pretrained(folder)
        towers.readers(folder, "CLIP")
    elif "flan-t5" in named:
        choosers.TRANSLATORS["T5"]().save_pretrained(folder)
        choosers.tokenizer().save_pretrained(folder)
    elif "gpt2" in named:
        speakers.MODELS["GPT2"]().save_pretrained(folder)
        speakers.tokenizer(False).save_pretrained(folder)
    else:
        save_base(folder)
    return folder


def rows(recipe: TrainingRecipe, folder: Path, classes: int = 3) -> dict[str, Path]:
    """A folder for each data set, with a table where the recipe's patterns look for one."""
    found = {}
    for name in recipe.rows:
        home = folder / name
        for task in (each for each in recipe.tasks if each.rows == name):
            files = task.files or recipe.rows[name].files
            for split, pattern in files.items():
                count = 8 if split == "train" else 5
                _table(recipe, task.name, name, home / _file(pattern), split, count, classes)
        found[name] = home
    return found


def _file(pattern: str) -> str:
    return re.sub(r"\*", "-00000-of-00001", pattern.replace("**/", "data/"))


def _table(
    recipe: TrainingRecipe, task: str, name: str, file: Path, split: str, each: int, classes: int
) -> None:
    draw = np.random.default_rng([*f"{task} {name} {split}".encode()])
    if name == "glue":
        texts, labels = _GLUE[task]
        made = [
            {column: _text(draw) for column in texts} | {"label": at % len(labels)}
            for at in range(each * len(labels))
        ]
        _write(file, made, {"label": labels})
    elif name in _TOPICS:
        text, label, labels = _TOPICS[name]
        made = [
            {text: _text(draw), label: at % len(labels), "best_answer": _text(draw)}
            for at in range(each * len(labels))
        ]
        _write(file, made, {label: labels})
    else:
        columns = recipe.rows[name].columns
        image, label = columns.get("image", "image"), columns.get("label", "label")
        labels = [f"w{at} w{at + 1}" for at in range(classes)]
        made = [
            {image: _picture(draw, at % classes), label: at % classes}
            for at in range(each * classes)
        ]
        _write(file, made, {label: labels}, image)


def _text(draw: np.random.Generator) -> str:
    return " ".join(draw.choice(speakers.WORDS, 5)) + f" {draw.integers(10**9)}"


def _picture(draw: np.random.Generator, label: int) -> bytes:
    pixels = draw.integers(0, 60, (SIDE, SIDE, 3)).astype(np.uint8) + np.uint8(20 * label % 180)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _write(file: Path, made: Sequence[dict], names: dict[str, list[str]], image: str = "") -> None:
    """A table as the datasets library writes it: pictures as bytes, labels as named indices."""
    features: dict[str, Any] = {
        label: {"names": each, "_type": "ClassLabel"} for label, each in names.items()
    }
    if image:
        features[image] = {"_type": "Image"}
        made = [{**row, image: {"bytes": row[image], "path": None}} for row in made]
    table = pyarrow.Table.from_pylist(list(made))
    about = json.dumps({"info": {"features": features}})
    file.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table.replace_schema_metadata({"huggingface": about}), file)
