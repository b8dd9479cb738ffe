"""The example of each type of task in the documents is opened and scored as it stands there."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from studio.measure.bench import Bench
from studio.tasks.kinds import KINDS
from studio.zoo import load_zoo
from tests.conftest import ROOT
from tests.round_trips import build
from tests.scored import score_experts
from tests.trips import trips

DOCUMENT = ROOT / "docs" / "formats.md"
ASKED_OF = {
    "text-classification": "Bert", "token-classification": "Bert", "image-classification": "ViT",
    "causal-lm": "Llama", "multiple-choice": "Llama", "seq2seq": "T5",
}  # fmt: skip


def examples() -> dict[str, tuple[dict, dict]]:
    """By type: the task and the row, read from the document."""
    lines = re.findall(r"^\| `(\{name: .*\})` \| `(\{.*\})` \|$", DOCUMENT.read_text(), re.M)
    pairs = [(yaml.safe_load(task), json.loads(row)) for task, row in lines]
    return {task["type"]: (task, row) for task, row in pairs}


def know(folder: Path, row: dict) -> None:
    """Give a tokenizer of words, where there is one, those of a row."""
    file = folder / "tokenizer.json"
    found: dict = json.loads(file.read_text()) if file.exists() else {"model": {"type": ""}}
    if found["model"]["type"] == "WordLevel":
        words = re.findall(r"\w+", " ".join(row.get("words", [row.get("text", "")])))
        vocabulary = found["model"]["vocab"]
        for at, word in enumerate(dict.fromkeys(words)):
            vocabulary[word] = vocabulary.pop(f"w{at}")
        file.write_text(json.dumps(found))


def draw(folder: Path, row: dict) -> None:
    """Write the picture that a row names, if it names one."""
    if "image" in row:
        (folder / row["image"]).parent.mkdir()
        noise = np.random.default_rng(0).integers(0, 256, (48, 40, 3)).astype(np.uint8)
        Image.fromarray(noise).save(folder / row["image"])


def test_every_type_has_its_example():
    assert set(examples()) == set(KINDS) == set(ASKED_OF)


@pytest.mark.parametrize("kind", ASKED_OF)
def test_an_example_opens_and_is_scored_as_it_stands(kind, tmp_path):
    task, row = examples()[kind]
    build(trips()[f"{ASKED_OF[kind]}, {kind}"], tmp_path)
    (tmp_path / "first").rename(tmp_path / task["checkpoint"])
    know(tmp_path / "base", row)
    draw(tmp_path, row)
    zoo: dict[str, Any] = {"base": "base", "tasks": [task]}
    (tmp_path / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    (tmp_path / task["data"]["held_out"]).write_text(json.dumps(row) + "\n")
    bench = Bench(load_zoo(tmp_path / "zoo.yaml"), torch.device("cpu"))
    found = score_experts(bench)[task["name"]]
    assert np.isfinite(found.value)
    assert bench.tasks[task["name"]].kind.name == kind
