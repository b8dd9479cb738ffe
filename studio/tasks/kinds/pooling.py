"""Pooling: how token states become one vector, as the architecture has it where a zoo is silent."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import inside, mapping, parse_json, read_mapping, read_text
from studio.errors import BadCheckpoint, BadData
from studio.tasks.heads import LinearHead

POOLINGS = ("mean", "cls", "pooler", "last")
_CLASSIFIER = "ForSequenceClassification"
# Families of transformers whose sequence classifier is one linear layer on: the first token
# behind a dense layer and tanh; the last token that is no padding.
_POOLER = (
    "Albert", "Bert", "Canine", "Ernie", "FNet", "LayoutLM", "Luke", "MarkupLM", "MegatronBert",
    "MobileBert", "RemBert", "RoCBert", "SqueezeBert",
)  # fmt: skip
_LAST = (
    "Arcee", "BioGpt", "Bloom", "CTRL", "DeepseekV2", "DeepseekV3", "DiffLlama", "Doge", "Exaone4",
    "Falcon", "Gemma", "Gemma2", "Gemma3Text", "Glm", "Glm4", "GPT2", "GPTBigCode", "GPTJ",
    "GPTNeo", "GPTNeoX", "GptOss", "Helium", "HunYuanDenseV1",
    "HunYuanMoEV1", "Jamba", "JetMoe", "Llama", "MiniMax", "Ministral",
    "Mistral", "Mixtral", "Mpt", "Nemotron", "Olmo", "Olmo2", "Olmo3", "OpenAIGPT", "OPT",
    "Persimmon", "Phi", "Phi3", "Phimoe", "Qwen2", "Qwen2Moe", "Qwen3", "Qwen3Moe", "Qwen3Next",
    "SeedOss", "SmolLM3", "StableLm", "Starcoder2", "Zamba", "Zamba2",
)  # fmt: skip
_OWN = {**dict.fromkeys(_POOLER, "pooler"), **dict.fromkeys(_LAST, "last")}
_OF_TYPE = {family.lower(): family for family in _OWN}
_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
}


@dataclass(frozen=True)
class Source:
    """What says how states are pooled.

    Attributes:
        words: its name.
        pooling: that it has; None if it is none of those known here.
        other: name of a pooling that is none of those known here; empty if it has none.
    """

    words: str
    pooling: str | None
    other: str = ""


def decided(
    asked: str | None, task: str, folder: Path, base: Checkpoint, own_head: bool
) -> tuple[str, tuple[str, ...]]:
    """How a task's states are pooled, and what a user should know of that.

    Args:
        asked: by the zoo; None if it leaves it out.
        task: its name.
        folder: of its checkpoint.
        base: of the zoo.
        own_head: whether the head is among the checkpoint's own tensors.

    Raises:
        BadData: the zoo leaves it out, and what the checkpoint has is not known here.
    """
    found = _architecture(folder, base, own_head) or _sentence(folder) or _sentence(base.folder)
    if asked is not None:
        if found is None or found.pooling == asked or not (found.pooling or own_head):
            return asked, ()
        other = f"has {found.pooling}" if found.pooling else "may have another"
        return asked, (f"pooling: {asked}, as the zoo says; {found.words} {other}.",)
    if found and found.pooling:
        return found.pooling, (f"pooling: {found.pooling}, as {found.words} has it.",)
    if found and (own_head or found.other):
        what = f"the pooling '{found.other}'" if found.other else "that"
        raise BadData(
            f"'{task}' says no pooling, and {what} of {found.words} is not known here. Write the "
            f"pooling that its head was trained with into the zoo file: {', '.join(POOLINGS)}."
        )
    return "mean", ("pooling: mean, as neither the zoo nor the checkpoint says another.",)


def refuse_other_pooler(task: str, folder: Path, base: Checkpoint) -> None:
    """Refuse a pooler of a task's own that is no dense layer and tanh.

    Raises:
        BadData: its architecture is known for another one.
    """
    named = _class(config_of(folder)) or _class(base.config)
    if named.startswith("Deberta"):
        raise BadData(
            f"'{task}': the pooler of {named} is no dense layer and tanh, so its head is more than "
            "one linear layer, which is not supported. Give the task a head file of its own."
        )


def other_task(folder: Path) -> str:
    """That a checkpoint's class answers something else than whole texts; empty if it does not."""
    named = _class(config_of(folder))
    if not _answers_otherwise(named):
        return ""
    return f"{named} does not classify texts, and nothing else is scored here."


def is_classifier(folder: Path) -> bool:
    """Whether an adapter was trained with a sequence classifier's head on its base."""
    file = folder / "adapter_config.json"
    if not os.path.lexists(file):
        return False
    return read_mapping(inside(folder, file), BadCheckpoint).get("task_type") == "SEQ_CLS"


def config_of(folder: Path) -> dict:
    """A folder's ``config.json``; empty if it has none."""
    file = folder / "config.json"
    return read_mapping(inside(folder, file), BadCheckpoint) if os.path.lexists(file) else {}


def padding_of(folder: Path, base: Checkpoint) -> int | None:
    """The token that a classifier on the last token passes over, by its config."""
    found = (config_of(folder) or base.config).get("pad_token_id")
    return found if type(found) is int else None


def pool(output: Any, mask: Tensor, pooling: str, head: LinearHead, rows: Tensor) -> Tensor:
    """One vector per row.

    Args:
        output: of the encoder; ``last_hidden_state`` is ``(rows, tokens, hidden)``.
        mask: ``(rows, tokens)``, 1 where there is a token.
        pooling: 'mean' over tokens, 'cls' the first token, 'pooler' a dense layer and tanh on it,
            'last' the last token.
        head: whose own pooler, if it has one, is used.
        rows: indices of the rows wanted.

    Returns:
        ``(len(rows), hidden)``, in the dtype of the states.
    """
    states: Tensor = output.last_hidden_state[rows]
    if pooling == "mean":
        weights = mask[rows].to(states).unsqueeze(-1)
        return (states * weights).sum(1) / weights.sum(1).clamp(min=1)
    if pooling == "cls":
        return states[:, 0]
    if pooling == "last":
        places = torch.arange(states.shape[1], device=states.device)
        ends = (places * mask[rows].to(places)).argmax(-1)
        return states[torch.arange(len(states), device=states.device), ends]
    if head.pooler is not None:
        weight, bias = (part.to(states) for part in head.pooler)
        return torch.tanh(torch.nn.functional.linear(states[:, 0], weight, bias))
    pooled = getattr(output, "pooler_output", None)
    if pooled is None:
        raise BadData("The zoo asks for pooling 'pooler', but the base has no pooler.")
    return pooled[rows]


def _architecture(folder: Path, base: Checkpoint, own_head: bool) -> Source | None:
    """By the class that the checkpoint's config names; that of the base for a classifier's adapter.

    A head among a checkpoint's own tensors is its family's classifier if no class says other.
    """
    config = config_of(folder)
    named = _class(config)
    if named.endswith(_CLASSIFIER):
        return Source(named, _OWN.get(named.removesuffix(_CLASSIFIER)))
    if own_head and _answers_otherwise(named):
        return Source(named, None)
    if is_classifier(folder) or own_head:
        family = _family(config) or _family(base.config)
        words = family and family + _CLASSIFIER
        return Source(words or f"the classifier of {folder}", _OWN.get(family))
    return None


def _answers_otherwise(named: str) -> bool:
    """Whether a class has a head that is neither of texts nor of training before all tasks."""
    task = named.split("For")[-1] if "For" in named else ""
    return bool(task) and not named.endswith(_CLASSIFIER) and not re.search("LM|Pre", task)


def _class(config: dict) -> str:
    named = config.get("architectures")
    return named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""


def _family(config: dict) -> str:
    """The beginning of the names of a config's classes; empty if it does not say."""
    kind = re.sub(r"[-_]", "", str(config.get("model_type", "")))
    named = re.split(r"For[A-Z]|LMHead|DoubleHeads|PreTrained|Model$", _class(config))[0]
    return _OF_TYPE.get(kind.lower()) or named or kind


def _sentence(folder: Path) -> Source | None:
    """By the pooling module of a folder of sentence-transformers."""
    file = folder / "modules.json"
    if not os.path.lexists(file):
        return None
    modules = parse_json(read_text(inside(folder, file), BadCheckpoint), str(file), BadCheckpoint)
    for module in modules if isinstance(modules, list) else ():
        each = mapping(module, str(file), BadCheckpoint)
        place = each.get("path")
        if str(each.get("type")).endswith("Pooling") and isinstance(place, str) and place:
            inner = (folder / place).resolve()
            if inner.parent != folder.resolve():
                raise BadCheckpoint(f"{file} names {place!r}, which is not inside its folder.")
            config = read_mapping(inside(inner, inner / "config.json"), BadCheckpoint)
            mode, words = _mode(config), f"{place}/config.json"
            return Source(words, mode) if mode in POOLINGS else Source(words, None, mode)
    return None


def _mode(config: dict) -> str:
    """The name of a pooling module's mode, as it is called here if it is known."""
    named = config.get("pooling_mode")
    if isinstance(named, str):
        return {"lasttoken": "last"}.get(named, named)
    chosen = [str(k) for k, on in config.items() if str(k) in _MODES and on is True]
    return " and ".join(_MODES[key] for key in chosen) or "none"
