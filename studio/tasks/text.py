"""Text classification: tokens, batches, pooling, predictions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from studio.errors import BadData
from studio.tasks.heads import Head
from studio.tasks.live_model import LiveModel


def encode(model: LiveModel, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids per text, with special tokens, cut after ``max_length``."""
    encoded = model.tokenizer(list(texts), truncation=True, max_length=max_length)
    return encoded["input_ids"]


def batch(tokens: Sequence[list[int]], padding: int) -> dict[str, Tensor]:
    """Padded ``input_ids`` and ``attention_mask``, both ``(rows, longest)``."""
    longest = max(len(ids) for ids in tokens)
    ids = torch.full((len(tokens), longest), padding, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, each in enumerate(tokens):
        ids[row, : len(each)] = torch.tensor(each)
        mask[row, : len(each)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def pool(output: object, mask: Tensor, pooling: str, head: Head, rows: Tensor) -> Tensor:
    """One vector per row.

    Args:
        output: of the encoder; ``last_hidden_state`` is ``(rows, tokens, hidden)``.
        mask: ``(rows, tokens)``, 1 where there is a token.
        pooling: 'mean' over tokens, 'cls' the first token, 'pooler' a dense layer and tanh on it.
        head: whose own pooler, if it has one, is used.
        rows: indices of the rows wanted.

    Returns:
        ``(len(rows), hidden)``, in the dtype of the states.
    """
    states: Tensor = output.last_hidden_state[rows]  # type: ignore[attr-defined]
    if pooling == "mean":
        weights = mask[rows].to(states).unsqueeze(-1)
        return (states * weights).sum(1) / weights.sum(1).clamp(min=1)
    if pooling == "cls":
        return states[:, 0]
    if head.pooler is not None:
        weight, bias = (part.to(states) for part in head.pooler)
        return torch.tanh(torch.nn.functional.linear(states[:, 0], weight, bias))
    pooled = getattr(output, "pooler_output", None)
    if pooled is None:
        raise BadData("The zoo asks for pooling 'pooler', but the base has no pooler.")
    return pooled[rows]


def logits(
    output: object, mask: Tensor, pooling: str, head: Head, rows: Tensor, task: str
) -> Tensor:
    """Scores of the labels, ``(len(rows), labels)`` float32, of some rows of a batch.

    Raises:
        BadData: the head was made for another width than the encoder's.
    """
    pooled = pool(output, mask, pooling, head, rows).float()
    if pooled.shape[1] != head.weight.shape[1]:
        raise BadData(
            f"'{task}': the head takes {head.weight.shape[1]} numbers, the encoder gives "
            f"{pooled.shape[1]}. The head belongs to another base."
        )
    return head(pooled).cpu()
