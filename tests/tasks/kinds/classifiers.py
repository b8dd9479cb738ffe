"""Tiny classifiers of transformers and PEFT, and what they say themselves of some texts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from studio.measure.bench import Bench
from studio.measure.intervals import Score
from studio.zoo import load_zoo

TEXTS = [" ".join(f"w{(7 * i + 3 * j) % 60}" for j in range(1 + i % 6)) for i in range(60)]
PAIRS = [(text, TEXTS[(5 * i + 1) % 60]) for i, text in enumerate(TEXTS)]
SIZES: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 136, "pad_token_id": 0,
    "num_key_value_heads": 1, "head_dim": 16, "n_embd": 32, "n_layer": 2, "n_head": 2,
    "n_positions": 136, "embedding_size": 16, "ffn_dim": 64, "word_embed_proj_dim": 32,
}  # fmt: skip


def tokenizer(folder: Path) -> Any:
    """Of words w0 to w59, between [CLS] and [SEP]; a pair's second text has type 1."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(60))]
    fast = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, "[UNK]"))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    fast.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )  # fmt: skip
    made = PreTrainedTokenizerFast(
        tokenizer_object=fast, pad_token="[PAD]", unk_token="[UNK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip
    made.save_pretrained(folder)
    return made


def built(folder: Path, family: str, base: str = "Model", **options: Any) -> Any:
    """A base in ``folder/base`` and its classifier of three labels in ``folder/expert``."""
    import transformers

    torch.manual_seed(0)
    classifier = getattr(transformers, f"{family}ForSequenceClassification")
    known = classifier.config_class()
    config = classifier.config_class(**{k: v for k, v in SIZES.items() if hasattr(known, k)})
    body = getattr(transformers, family + base)(config)
    noisy(body).save_pretrained(folder / "base")
    tokenizer(folder / "base")
    options = {"num_labels": 3} | options
    expert = noisy(classifier.from_pretrained(folder / "base", **options)).eval()
    _spread(expert, folder)
    expert.save_pretrained(folder / "expert")
    return expert


def adapted(folder: Path, family: str, base: str, **options: Any) -> Any:
    """A base in ``folder/base`` and a sequence classifier's LoRA on it in ``folder/expert``."""
    import transformers
    from peft import LoraConfig, get_peft_model

    built(folder, family, base)
    (folder / "expert").rename(folder / "another")
    classifier = getattr(transformers, f"{family}ForSequenceClassification")
    plain = classifier.from_pretrained(folder / "base", num_labels=3)
    _spread(plain.eval(), folder)
    model = get_peft_model(plain, LoraConfig(task_type="SEQ_CLS", r=4, **options))
    noisy(model, 0.1).eval()
    for name, module in model.named_modules():
        if name.endswith((".classifier.modules_to_save.default", ".score.modules_to_save.default")):
            _centre(_last(module), model, folder)
    model.save_pretrained(str(folder / "expert"))
    return model


def noisy(model: Any, scale: float = 0.15, seed: int = 1) -> Any:
    """With everything that is trained moved, as fine-tuning would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    return model


def _spread(model: Any, folder: Path) -> None:
    """Give no label to all texts: a large last layer, centred where it has a bias."""
    last = _last(model)
    nn.init.normal_(last.weight)
    _centre(last, model, folder)


def _last(head: nn.Module) -> Any:
    """The layer that gives the three labels."""
    found = [x for x in head.modules() if isinstance(x, nn.Linear) and x.out_features == 3]
    return found[-1]


def _centre(last: Any, model: Any, folder: Path) -> None:
    if last.bias is not None:
        with torch.no_grad():
            last.bias.sub_(torch.cat(logits(model, folder, TEXTS)).mean(0))


def logits(model: Any, folder: Path, texts: list, reader: Any = None) -> list[Tensor]:
    """Of every text, those of as many tokens together, so that nothing is padded."""
    reader = reader or tokenizer(folder / "base")
    read = [reader(*([text] if isinstance(text, str) else text)) for text in texts]
    return of_as_many(model, read, lambda found, _: found[None])


def of_as_many(
    model: Any, read: list[Any], take: Callable[[Tensor, Any], Tensor]
) -> list[Tensor]:  # fmt: skip
    """What is taken of a model's logits for each of some texts, without padding."""
    found: list[Any] = [None] * len(read)
    lengths = [len(each["input_ids"]) for each in read]
    alone = model.config.get_text_config().pad_token_id is None  # some classes refuse several then
    groups = (
        [[at] for at in range(len(read))]
        if alone
        else [[at for at, each in enumerate(lengths) if each == length] for length in {*lengths}]
    )
    for own in groups:
        given = {name: torch.tensor([read[at][name] for at in own]) for name in read[0]}
        if not given.get("token_type_ids", torch.zeros(1)).any():
            given.pop("token_type_ids", None)
        with torch.no_grad():
            said = model(**given).logits
        for at, each in zip(own, said, strict=True):
            found[at] = take(each, read[at])
    return found


def predicted(model: Any, folder: Path, texts: list = TEXTS) -> list[int]:
    """What transformers says itself, text by text; a text may be a pair."""
    found = [int(each.argmax()) for each in logits(model, folder, texts)]
    assert len(set(found)) > 1
    return found


def rows_of(model: Any, folder: Path, texts: list = TEXTS) -> list[dict]:
    """Texts with the labels that a model gives them itself."""
    return [
        {"text": text, "label": label}
        for text, label in zip(texts, predicted(model, folder, texts), strict=True)
    ]


def write_config(folder: Path, **changes: Any) -> None:
    """Change what a folder's configuration says, or begin one."""
    file = folder / "config.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found | changes))


def write_zoo(folder: Path, rows: list[dict], **entry: Any) -> Path:
    """A zoo of the one expert whose held-out rows are given."""
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {"name": "expert", "checkpoint": "expert", "data": {"held_out": "rows.jsonl"}} | entry
    (folder / "zoo.yaml").write_text(yaml.safe_dump({"base": "base", "tasks": [task]}))
    return folder


def bench(folder: Path) -> Bench:
    """The zoo, opened."""
    return Bench(load_zoo(folder), torch.device("cpu"))


def expert_score(opened: Bench) -> Score:
    """Of the expert alone."""
    opened.live.wear(opened.expert("expert"))
    found = opened.evaluation(opened.heads(["expert"]), "held_out")
    list(found.run(opened.live))
    return found.scores()["expert"]
