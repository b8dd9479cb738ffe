"""Pooling: how token states become the one vector that a linear head of its own file reads."""

import os
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
    asked: str | None, task: str, folder: Path, base: Checkpoint
) -> tuple[str, tuple[str, ...]]:
    """How the states are pooled that a task's linear head reads, and what a user should know.

    Args:
        asked: by the zoo; None if it leaves it out.
        task: its name.
        folder: of its checkpoint.
        base: of the zoo.

    Raises:
        BadData: the zoo leaves it out, and what the checkpoint has is not known here.
    """
    found = _sentence(folder) or _sentence(base.folder)
    if asked is not None:
        if found is None or found.pooling in (asked, None):
            return asked, ()
        return asked, (f"pooling: {asked}, as the zoo says; {found.words} has {found.pooling}.",)
    if found and found.pooling:
        return found.pooling, (f"pooling: {found.pooling}, as {found.words} has it.",)
    if found and found.other:
        raise BadData(
            f"'{task}' says no pooling, and the pooling '{found.other}' of {found.words} is not "
            "known here. Write the pooling that its head was trained with into the zoo file: "
            f"{', '.join(POOLINGS)}."
        )
    return "mean", ("pooling: mean, as neither the zoo nor the checkpoint says another.",)


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
