"""Tiny models that choose among options, and what transformers says of every option itself."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from studio.measure.bench import Bench
from studio.merge import Merge
from tests import bertzoo
from tests.tasks.kinds import classifiers, speakers

_ENDS: dict[str, Any] = {
    "vocab_size": 259, "pad_token_id": 258, "eos_token_id": 257, "decoder_start_token_id": 258,
}  # fmt: skip
TRANSLATORS = {
    "T5": lambda: T5ForConditionalGeneration(
        T5Config(
            d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, initializer_factor=2.0,
            dropout_rate=0.0, **_ENDS,
        )
    ),
    "BART": lambda: BartForConditionalGeneration(
        BartConfig(
            d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, init_std=0.3,
            max_position_embeddings=64, bos_token_id=256, forced_eos_token_id=None, dropout=0.0,
            **_ENDS,
        )
    ),
}  # fmt: skip
SPEAKERS = {"GPT2": "c_attn", "Llama": "q_proj", "T5": "q", "BART": "q_proj"}
"""Families of language models, and what their adapters change."""
OPTIONS = ("7", "naïve", "the cat", "sings quietly", "dog sleeps 7 times.")
ROWS = [
    {
        "question": " ".join(text.split()[:5]),
        "options": [OPTIONS[(at + k) % 5] for k in range(2 + at % 4)],
    }
    for at, text in enumerate(speakers.texts(24))
]
TARGETS = ("the", "cat", "dog")


def tokenizer() -> PreTrainedTokenizerFast:
    """A token per byte, one behind the end of every text, and one for padding."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: place for place, letter in enumerate(alphabet)}
    own = {"<s>": 256, "</s>": 257, "<pad>": 258}
    made = Tokenizer(models.BPE(vocab=vocabulary | own, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 257)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def experts(folder: Path, family: str) -> dict[str, Any]:
    """A base, a full expert and an adapter of a family, written, and as transformers has them."""
    from peft import LoraConfig, PeftModel, get_peft_model

    torch.manual_seed(0)
    made = (TRANSLATORS | speakers.MODELS)[family]
    reader = tokenizer() if family in TRANSLATORS else speakers.tokenizer(family == "Llama")
    base: Any = made()
    base.save_pretrained(folder / "base")
    reader.save_pretrained(folder / "base")
    expert = made()
    expert.load_state_dict(base.state_dict())
    bertzoo.nudge(expert)
    expert.save_pretrained(folder / "full")
    task = "SEQ_2_SEQ_LM" if family in TRANSLATORS else "CAUSAL_LM"
    options = {"r": 2, "lora_alpha": 4, "target_modules": [SPEAKERS[family]], "task_type": task}
    adapter = get_peft_model(base, LoraConfig(**options))
    bertzoo.nudge(adapter)
    adapter.save_pretrained(str(folder / "lora"))
    again = type(expert).from_pretrained(folder / "base")
    plain = type(expert).from_pretrained(folder / "base").eval()
    return {
        "base": plain, "full": expert.eval(),
        "lora": PeftModel.from_pretrained(again, str(folder / "lora")).eval(),
    }  # fmt: skip


def headed(folder: Path, family: str) -> Any:
    """A base and the ``ForMultipleChoice`` class on it, written as ``expert``."""
    import transformers

    classifiers.built(folder, family)
    model = getattr(transformers, f"{family}ForMultipleChoice").from_pretrained(folder / "base")
    classifiers.noisy(model).eval()
    torch.nn.init.normal_(model.classifier.weight)
    model.save_pretrained(folder / "expert")
    return model


def spoken(model: Any, reader: Any, question: str, options: Sequence[str]) -> list[float]:
    """Summed log-likelihoods by the class's own loss, one option at a time."""
    return [_spoken(model, reader, question, option) for option in options]


def _spoken(model: Any, reader: Any, question: str, option: str) -> float:
    if model.config.is_encoder_decoder:
        given = dict(reader(question, return_tensors="pt"))
        labels = reader(text_target=option, return_tensors="pt")["input_ids"]
        count = labels.shape[1]
    else:
        given = {"input_ids": reader(f"{question} {option}", return_tensors="pt")["input_ids"]}
        labels, first = given["input_ids"].clone(), len(reader(question)["input_ids"])
        labels[0, :first] = -100
        count = labels.shape[1] - first
    with torch.no_grad():
        return -float(model(**given, labels=labels).loss) * count


def answered(rows: list[dict], score: Any, by_bytes: bool = True) -> list[dict]:
    """Rows with the option that a model itself finds the likeliest."""
    found = []
    for row in rows:
        sizes = [len(each.encode()) if by_bytes else 1 for each in row["options"]]
        values = torch.tensor(score(row["question"], row["options"])) / torch.tensor(sizes)
        found.append(row | {"answer": int(values.argmax())})
    return found


def write_zoo(folder: Path, rows: dict[str, list[dict]], kind: str, **entry: Any) -> Path:
    """A zoo of tasks of a kind, by their checkpoints, whose rows of both splits are given."""
    tasks = []
    for name, own in rows.items():
        data = {split: f"{name}_{split}.jsonl" for split in ("validation", "held_out")}
        for file in data.values():
            speakers.write(folder / file, own)
        task = {"name": name, "checkpoint": name, "type": kind, "data": data}
        tasks.append(task | entry)
    (folder / "zoo.yaml").write_text(json.dumps({"base": "base", "tasks": tasks}))
    return folder


def rewrite(folder: Path, **entry: Any) -> Bench:
    """The zoo with other settings of its tasks, opened."""
    data = yaml.safe_load((folder / "zoo.yaml").read_text())
    data["tasks"] = [task | entry for task in data["tasks"]]
    (folder / "zoo.yaml").write_text(json.dumps(data))
    return speakers.bench(folder)


def scores(bench: Bench, merge: Merge | None, task: str) -> Tensor:
    """``(rows, options)`` of all held-out rows in one batch, of what is worn."""
    bench.live.wear(merge)
    own = bench.tasks[task]
    batch = bench.live.batch(own.kind, bench.live.encode(own, own.rows("held_out")))
    output = bench.live.states(batch.inputs)
    places = torch.arange(len(batch.items))
    assert own.head is not None
    with torch.no_grad():
        return own.kind.scores(own.spec, own.head, output, batch, places)
