"""Tiny token classifiers of transformers and PEFT, and what they say themselves of some words."""

import json
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from tests.tasks.kinds import classifiers
from tests.tasks.kinds.classifiers import noisy, tokenizer

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
SENTENCES = [
    [f"w{(7 * i + 3 * j) % 60}" + ("-w5" if (i + j) % 4 == 0 else "") for j in range(1 + i % 6)]
    for i in range(40)
]
"""Every fourth word becomes three tokens."""


def built(folder: Path, family: str, base: str = "Model", seed: int = 1) -> Any:
    """A base in ``folder/base`` and its token classifier of five tags in ``folder/expert``."""
    import transformers

    torch.manual_seed(0)
    tagger = getattr(transformers, f"{family}ForTokenClassification")
    known = tagger.config_class()
    sizes = {k: v for k, v in classifiers.SIZES.items() if hasattr(known, k)}
    body = getattr(transformers, family + base)(tagger.config_class(**sizes))
    noisy(body).save_pretrained(folder / "base")
    tokenizer(folder / "base")
    torch.manual_seed(seed)
    expert = noisy(tagger.from_pretrained(folder / "base", **named()), seed=seed).eval()
    spread(expert, folder)
    expert.save_pretrained(folder / "expert")
    return expert


def adapted(folder: Path, family: str, base: str, **options: Any) -> Any:
    """A base in ``folder/base`` and a token classifier's LoRA on it in ``folder/expert``."""
    import transformers
    from peft import LoraConfig, get_peft_model

    built(folder, family, base)
    (folder / "expert").rename(folder / "another")
    tagger = getattr(transformers, f"{family}ForTokenClassification")
    plain = tagger.from_pretrained(folder / "base", **named()).eval()
    spread(plain, folder)
    model = get_peft_model(plain, LoraConfig(task_type="TOKEN_CLS", r=4, **options))
    noisy(model, 0.1).eval().save_pretrained(str(folder / "expert"))
    return model


def named() -> dict[str, Any]:
    """The tags, as a configuration names them."""
    return {
        "id2label": dict(enumerate(TAGS)),
        "label2id": {name: place for place, name in enumerate(TAGS)},
    }


def spread(model: Any, folder: Path) -> None:
    """Give no tag to all words: a large last layer, centred where it has a bias."""
    last = [x for x in model.modules() if isinstance(x, nn.Linear) and x.out_features == len(TAGS)]
    nn.init.normal_(last[-1].weight)
    if last[-1].bias is not None:
        with torch.no_grad():
            last[-1].bias.sub_(torch.cat(logits(model, folder)).mean(0))


def logits(model: Any, folder: Path, sentences: list[list[str]] = SENTENCES) -> list[Tensor]:
    """``(words, tags)`` of every sentence, by the first token of each word."""
    reader = tokenizer(folder / "base")
    read = [reader(words, is_split_into_words=True) for words in sentences]

    def firsts(found: Tensor, one: Any) -> Tensor:
        own = one.word_ids()
        return found[[own.index(word) for word in range(max(x or 0 for x in own) + 1)]].float()

    return classifiers.of_as_many(model, read, firsts)


def tags_of(model: Any, folder: Path, sentences: list[list[str]] = SENTENCES) -> list[list[str]]:
    """What transformers says itself, sentence by sentence."""
    said = [x.argmax(-1).tolist() for x in logits(model, folder, sentences)]
    assert len({each for own in said for each in own}) > 1
    return [[TAGS[each] for each in own] for own in said]


def rows_of(model: Any, folder: Path) -> list[dict]:
    """Sentences with the tags that a model gives them itself."""
    pairs = zip(SENTENCES, tags_of(model, folder), strict=True)
    return [{"words": words, "tags": tags} for words, tags in pairs]


def write_zoo(folder: Path, rows: list[dict], **entry: Any) -> Path:
    """A zoo of the one expert whose held-out rows are given."""
    return classifiers.write_zoo(folder, rows, type="token-classification", **entry)


def two_experts(folder: Path) -> Path:
    """A zoo of two taggers whose rows are their own answers."""
    tasks = []
    for seed, name in enumerate(("first", "second"), 1):
        rows = rows_of(built(folder / name, "Bert", seed=seed), folder / name)
        for split in ("held_out", "validation"):
            write_rows(folder / name / f"{split}.jsonl", rows)
        data = {split: f"{name}/{split}.jsonl" for split in ("held_out", "validation")}
        typed = {"name": name, "type": "token-classification", "data": data}
        tasks.append(typed | {"checkpoint": f"{name}/expert"})
    (folder / "zoo.yaml").write_text(yaml.safe_dump({"base": "first/base", "tasks": tasks}))
    return folder


def write_rows(file: Path, rows: list) -> Path:
    """Rows as JSON lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file
