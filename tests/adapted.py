"""A tiny real zoo of three LoRA adapters of different ranks, with rows of every split."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file

from tests import bertzoo
from tests.own_models import sentences

TASKS: Mapping[str, tuple[int, Sequence[str]]] = {
    "color": (3, ("query", "value", "intermediate.dense")),
    "animal": (2, ("value", "intermediate.dense", "output.dense")),
    "tint": (4, ("query", "output.dense")),
}
"""Of every task the adapter's rank and where it is."""
LABELS = ("red", "green", "blue")
SPLITS = {"train": 60, "validation": 45, "held_out": 30}


def build(folder: Path) -> Path:
    """The zoo: a two-layer BERT, adapters that were never trained, and rows that can be learned."""
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=5 + len(bertzoo.WORDS), hidden_size=16, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=24, max_position_embeddings=32,
        initializer_range=0.3,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder / "base")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *bertzoo.WORDS]
    (folder / "vocabulary.txt").write_text("\n".join(words))
    BertTokenizer(str(folder / "vocabulary.txt")).save_pretrained(folder / "base")
    for seed, (name, (rank, modules)) in enumerate(TASKS.items(), 1):
        _adapter(folder, name, rank, modules, seed)
    (folder / "zoo.yaml").write_text(yaml.safe_dump(zoo(TASKS)))
    return folder


def zoo(names: Mapping[str, object] | Sequence[str]) -> dict:
    """The zoo file of some of the tasks."""
    return {
        "name": "Adapted",
        "base": "base",
        "tasks": [
            {
                "name": name, "checkpoint": name, "type": "text-classification", "max_length": 16,
                "head": f"{name}/head.safetensors", "labels": f"{name}/labels.json",
                "data": {split: f"{name}/{split}.jsonl" for split in SPLITS},
            }
            for name in names
        ],
    }  # fmt: skip


def _adapter(folder: Path, name: str, rank: int, modules: Sequence[str], seed: int) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import BertModel

    torch.manual_seed(seed)
    base = BertModel.from_pretrained(folder / "base")
    options = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(modules))
    model = get_peft_model(base, options)
    bertzoo.nudge(model)
    model.save_pretrained(str(folder / name))
    head = {"weight": torch.randn(3, 16), "bias": torch.randn(3)}
    save_file(head, folder / name / "head.safetensors")
    (folder / name / "labels.json").write_text(json.dumps(LABELS))
    for place, (split, count) in enumerate(SPLITS.items()):
        rows = sentences(LABELS, count, 10 * seed + place)
        (folder / name / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))
