"""A tiny real zoo: a two-layer BERT, a full classifier, a PEFT adapter, labelled rows."""

import json
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file

WORDS = ["red", "green", "blue", "cat", "dog", "bird", "runs", "sleeps", "sings", "the", "big"]
LABELS = {"color": ["red", "green", "blue"], "animal": ["cat", "dog", "bird"]}


def build(folder: Path) -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=5 + len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=32, initializer_range=0.5,
    )  # fmt: skip
    config.num_labels = 3
    base = BertModel(config)
    base.save_pretrained(folder / "base")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder / "base")
    classifier = BertForSequenceClassification(config)
    classifier.bert.load_state_dict(base.state_dict())
    nudge(classifier)
    torch.nn.init.normal_(classifier.classifier.weight)
    classifier.save_pretrained(folder / "color")
    adapter = get_peft_model(
        base,
        LoraConfig(
            r=4,
            lora_alpha=8,
            target_modules=["query", "value", "intermediate.dense", "output.dense"],
        ),
    )
    nudge(adapter)
    adapter.save_pretrained(str(folder / "animal"))
    heads = {"weight": torch.randn(3, 16), "bias": torch.randn(3)}
    save_file(heads, folder / "animal" / "head.safetensors")
    save_file({k: v + 1 for k, v in heads.items()}, folder / "animal" / "head_only.safetensors")
    for task, labels in LABELS.items():
        (folder / task / "labels.json").write_text(json.dumps(labels))
        for split, count in (("validation", 30), ("held_out", 50)):
            write_rows(folder / task / f"{split}.jsonl", labels, count, grouped=task == "animal")
    (folder / "zoo.yaml").write_text(yaml.safe_dump(zoo()))
    return folder


def zoo() -> dict:
    files = {s: f"{{}}/{s}.jsonl" for s in ("validation", "held_out")}
    common = {"type": "text-classification", "max_length": 16}
    return {
        "name": "Tiny <zoo>",
        "base": "base",
        "tasks": [
            common
            | {
                "name": "color",
                "checkpoint": "color",
                "pooling": "pooler",
                "labels": "color/labels.json",
                "data": {s: f.format("color") for s, f in files.items()},
            },
            common
            | {
                "name": "animal",
                "checkpoint": "animal",
                "head": "animal/head.safetensors",
                "labels": "animal/labels.json",
                "data": {s: f.format("animal") for s, f in files.items()},
            },
        ],
    }


def nudge(model: torch.nn.Module) -> None:
    """Change everything that is trained, as fine-tuning would."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))


def write_rows(file: Path, labels: list[str], count: int, grouped: bool) -> None:
    generator = torch.Generator().manual_seed(count)
    lines = []
    for i in range(count):
        picks = torch.randint(len(WORDS), (4 + i % 5,), generator=generator).tolist()
        label = int(torch.randint(len(labels), (1,), generator=generator))
        row = {
            "text": " ".join(WORDS[p] for p in picks),
            "label": labels[label] if i % 2 else label,
        }
        lines.append(json.dumps(row | ({"group": f"g{i // 3}"} if grouped else {})))
    file.write_text("\n".join(lines))
