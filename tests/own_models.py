"""Models and tables as people's trainings leave them: folders of runs without a zoo file."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from tests.bertzoo import WORDS, nudge

COLORS = ("blue", "green", "red")
ANIMALS = ("bird", "cat", "dog")


def save_base(folder: Path) -> Path:
    """A two-layer BERT with a tokenizer of few words."""
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=5 + len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=32, initializer_range=0.5,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    words = folder.parent / "words.vocabulary"
    words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    BertTokenizer(str(words)).save_pretrained(folder)
    return folder


def save_lora(folder: Path, base: Path, named: str | None = None, seed: int = 1, **options) -> Path:
    """An adapter without a head, whose configuration names the base as it is told to."""
    from peft import LoraConfig, get_peft_model
    from transformers import BertModel

    torch.manual_seed(seed)
    config = LoraConfig(r=2, lora_alpha=4, target_modules=["query", "value"], **options)
    model = get_peft_model(BertModel.from_pretrained(base), config)
    nudge(model)
    model.save_pretrained(str(folder))
    file = folder / "adapter_config.json"
    found = json.loads(file.read_text()) | {"base_model_name_or_path": named}
    file.write_text(json.dumps(found))
    return folder


def save_classifier(folder: Path, base: Path, labels: Sequence[str] = (), seed: int = 2) -> Path:
    """A full fine-tune with a head of three labels, which have names or not."""
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    torch.manual_seed(seed)
    config = BertConfig.from_pretrained(base)
    config.num_labels = 3
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: at for at, label in enumerate(labels)}
    model = BertForSequenceClassification(config)
    model.bert.load_state_dict(BertModel.from_pretrained(base).state_dict())
    nudge(model)
    model.save_pretrained(folder)
    return folder


def sentences(labels: Sequence[str], count: int, seed: int = 0) -> list[dict[str, str]]:
    """Rows that differ, each of whose texts says its label as its first word."""
    draw = torch.Generator().manual_seed(seed)
    rows: dict[str, str] = {}
    while len(rows) < count:
        label = labels[len(rows) % len(labels)]
        places = torch.randint(len(WORDS), (5,), generator=draw).tolist()
        rows[" ".join([label, *(WORDS[place] for place in places)])] = label
    return [{"text": text, "label": label} for text, label in rows.items()]


def save_csv(
    file: Path, rows: Sequence[dict], mark: str = ",", encoding: str = "utf-8", end: str = "\n"
) -> Path:
    """A table as spreadsheets save it."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=mark, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.getvalue().encode(encoding))
    return file


def save_runs(folder: Path) -> Path:
    """A base, an adapter without a head, a classifier, and a table for each."""
    base = save_base(folder / "base")
    save_lora(folder / "animals-lora", base, str(base))
    save_classifier(folder / "colors", base, COLORS)
    save_csv(folder / "animals.csv", sentences(ANIMALS, 120), ";", "utf-8-sig", "\r\n")
    save_csv(folder / "colors" / "test.csv", sentences(COLORS, 90))
    return folder
