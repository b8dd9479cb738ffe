"""What a model thinks of every option of some questions, in lines of one width."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.causal_items import Document
from studio.tasks.kinds.language_head import Span, misses, summed_losses
from studio.tasks.kinds.option_items import Question
from studio.tasks.own_class import OwnHead

NEVER = -1e9
"""Stands where a question has fewer options than others."""


def log_likelihoods(output: Any, batch: Batch, places: Tensor) -> Tensor:
    """``(options,)`` sums over the tokens of each option of some rows, in nats, row after row."""
    return -summed_losses(batch.model, output, _spans(batch, places))


def likeliest(output: Any, batch: Batch, places: Tensor) -> Tensor:
    """``(options,)`` whether greedy generation would write each option of some rows."""
    return misses(batch.model, output, _spans(batch, places)) == 0


def of_head(head: OwnHead, output: Any, batch: Batch, places: Tensor) -> Tensor:
    """``(options,)`` what a class with one number per option gives for those of some rows."""
    alone = {name: each.unsqueeze(1) for name, each in batch.inputs.items()}  # one option each
    at = torch.tensor([at for at, _ in _sequences(batch, places)])
    return head.logits(output, alone, at)[:, 0].cpu()


def lined(values: Tensor, items: Sequence[Question]) -> Tensor:
    """``(questions, width)`` of values of all their options; per byte where that is asked."""
    counts = torch.tensor([len(item.options) for item in items])
    sizes = [size if item.by_bytes else 1 for item in items for size in item.sizes]
    owners = torch.repeat_interleave(torch.arange(len(items)), counts)
    columns = torch.cat([torch.arange(count) for count in counts.tolist()])
    found = torch.full((len(items), max(item.width for item in items)), NEVER)
    return found.index_put((owners, columns), values / torch.tensor(sizes))


def other_choice(scores: Tensor, items: Sequence[Question]) -> tuple[str, Tensor]:
    """What is chosen by the norm that is not asked for: its name, and ``(questions,)`` options.

    Args:
        scores: ``(questions, width)`` by the norm that is.
        items: the questions.
    """
    sizes = torch.ones_like(scores)
    for row, item in enumerate(items):
        sizes[row, : len(item.sizes)] = torch.tensor(item.sizes, dtype=sizes.dtype)
    if items[0].by_bytes:
        return "accuracy by sum", (scores * sizes).argmax(-1)
    return "accuracy per byte", (scores / sizes).argmax(-1)


def _sequences(batch: Batch, places: Tensor) -> list[tuple[int, Any]]:
    """The options of some rows, and where each stands among those of the whole batch."""
    starts = [0]
    for item in batch.items:
        starts.append(starts[-1] + len(item.options))
    return [
        (starts[place] + at, option)
        for place in places.tolist()
        for at, option in enumerate(batch.items[place].options)
    ]


def _spans(batch: Batch, places: Tensor) -> list[Span]:
    def span(at: int, option: Any) -> Span:
        if isinstance(option, Document):
            return Span(at, option.start - 1, option.ids[option.start :])
        return Span(at, 0, option)

    return [span(*each) for each in _sequences(batch, places)]
