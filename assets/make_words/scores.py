"""What models of the words zoo score: bits per byte, and which of four endings is the true one."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from assets.make_words.train import continued, read_model, read_tokenizer
from assets.make_zoo.whole import cosines, merged

SCALES = (0.3, 0.4, 0.5, 0.6, 0.8)  # of task arithmetic; the best is chosen on validation
PROMPTS = ("", "The")
_EVALUATED = 32  # texts of a batch
Say = Callable[[str], None]


def scores(
    folder: Path, names: Sequence[str], split: str, scales: Sequence[float], say: Say
) -> dict:
    """Bits and bytes of every document, and right choices, of every line of the table.

    Args:
        folder: the zoo.
        names: of its voices.
        split: the rows that are scored.
        scales: of task arithmetic; at the best one and at the average, each voice is also left
            out.
        say: is told of every line.
    """
    tokenizer = read_tokenizer(folder / "base")
    rows = {name: _rows(folder, name, split) for name in names}
    found: dict[str, dict] = {"base": {}, "expert": {}}
    written: dict[str, list[str]] = {}

    def told(line: str, model: LlamaForCausalLM, chooses: bool = True) -> None:
        found[line] = {
            name: _bits(model, tokenizer, texts)
            | ({"right": _right(model, tokenizer, asked)} if chooses else {})
            for name, (texts, asked) in rows.items()
        }
        written[line] = continued(model, tokenizer, PROMPTS, 60, 0)
        bits = [f"{name} {_rate(found[line][name]):.3f}" for name in names]
        say(f"{split}, {line}: {', '.join(bits)}")

    base = read_model(folder / "base")
    before = {name: value.clone() for name, value in base.state_dict().items()}
    told("base", base)
    states = {}
    for name in names:
        expert = read_model(folder / "tasks" / name)
        states[name] = expert.state_dict()
        told(f"expert {name}", expert)
        found["expert"][name] = found[f"expert {name}"][name]

    def merge(line: str, scale: float | None, out: str | None = None) -> None:
        kept = [states[name] for name in names if name != out]
        base.load_state_dict(merged(before, kept, scale or 1 / len(kept)))
        told(line if out is None else f"{line} without {out}", base, out is None)

    for scale in (None, *scales):
        merge("average" if scale is None else f"sum x {scale:g}", scale)
    best = min(scales, key=lambda scale: mean_rate(found[f"sum x {scale:g}"]))
    for name in names:
        merge("average", None, name)
        merge(f"sum x {best:g}", best, name)
    return {"rows": found, "cosines": cosines(before, list(states.values())), "written": written}


def _rows(folder: Path, name: str, split: str) -> tuple[list[dict], list[dict]]:
    place = folder / "tasks" / name
    files = (place / f"{split}.jsonl", place / f"choices_{split}.jsonl")
    texts, asked = ([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
                    for file in files)  # fmt: skip
    return texts, asked


def _bits(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, texts: list[dict]
) -> dict[str, list]:
    documents = [tokenizer(row["text"])["input_ids"] for row in texts]
    nats = losses(model, documents, [1] * len(documents))
    return {
        "bits": [each / math.log(2) for each in nats],
        "bytes": [len(row["text"].encode()) for row in texts],
    }


def _right(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, asked: list[dict]
) -> list[int]:
    """Whether the true ending has the largest log-likelihood per character."""
    tokens, starts = [], []
    for row in asked:
        question = tokenizer(row["question"])["input_ids"]
        for option in row["options"]:
            ending = tokenizer(" " + option, add_special_tokens=False)["input_ids"]
            tokens.append(question + ending)
            starts.append(len(question))
    found = torch.tensor(losses(model, tokens, starts))
    lengths = torch.tensor([float(len(option)) for row in asked for option in row["options"]])
    chosen = (found / lengths).view(-1, 4).argmin(1).tolist()
    return [int(row["answer"] == guess) for row, guess in zip(asked, chosen, strict=True)]


@torch.no_grad()
def losses(
    model: LlamaForCausalLM, tokens: Sequence[Sequence[int]], starts: Sequence[int]
) -> list[float]:
    """Nats of each text from its token ``start`` on."""
    model.eval()
    order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
    found: dict[int, float] = {}
    for first in range(0, len(order), _EVALUATED):
        chosen = order[first : first + _EVALUATED]
        rows = [torch.tensor(tokens[index]) for index in chosen]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        logits = model(input_ids=padded, attention_mask=_mask(rows, padded)).logits[:, :-1]
        each = F.cross_entropy(logits.transpose(1, 2), padded[:, 1:], reduction="none")
        for row, index in enumerate(chosen):
            found[index] = float(each[row, starts[index] - 1 : len(tokens[index]) - 1].sum())
    return [found[index] for index in range(len(tokens))]


def _mask(rows: Sequence[Tensor], padded: Tensor) -> Tensor:
    lengths = torch.tensor([len(row) for row in rows])
    return (torch.arange(padded.shape[1]) < lengths[:, None]).long()


def mean_rate(line: Mapping[str, Mapping[str, list]]) -> float:
    """Bits per byte, mean over the voices."""
    return sum(_rate(each) for each in line.values()) / len(line)


def _rate(each: Mapping[str, list]) -> float:
    return sum(each["bits"]) / sum(each["bytes"])
