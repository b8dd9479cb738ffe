"""Texts as a model reads them: token ids of one text or of a pair, padded to a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from studio.errors import BadData
from studio.tasks.kinds.text_rows import TextRow

_FIRST, _MOST_UNKNOWN = 200, 0.9  # texts that are looked at; share of their tokens
_CORRECT = (
    "Put the tokenizer files that the base was trained with there, such as those of an expert; "
    "tokenizer_class in tokenizer_config.json names their class."
)


@dataclass(frozen=True)
class Encoded:
    """One row: token ids, and which of a pair's texts each is of, where the tokenizer says so."""

    ids: list[int]
    types: list[int] | None = None

    def __len__(self) -> int:
        return len(self.ids)


def encoded(
    tokenizer: Any, rows: Sequence[TextRow], length: int, cut: str = "longest_first"
) -> list[Encoded]:
    """Rows with special tokens, cut after so many tokens.

    Args:
        tokenizer: of the base.
        rows: to read.
        length: tokens of a row.
        cut: which text of a pair, as transformers calls it.
    """
    found = [Encoded([])] * len(rows)
    for paired in (False, True):
        places = [at for at, row in enumerate(rows) if (row.pair is not None) is paired]
        if not places:
            continue
        texts = [[rows[at].text for at in places]]
        if paired:
            texts.append([rows[at].pair or "" for at in places])
        read = tokenizer(*texts, truncation=cut, max_length=length)
        types = read.get("token_type_ids") or [[]] * len(places)
        for at, ids, own in zip(places, read["input_ids"], types, strict=True):
            found[at] = Encoded(ids, own if any(own) else None)
    return found


def refuse_unread_texts(tokenizer: Any, texts: Sequence[str], where: str) -> None:
    """Refuse a tokenizer that makes nothing, or almost only the unknown token, of the first rows.

    Args:
        tokenizer: of the base.
        texts: of a split's rows, of which the first are looked at.
        where: they stand, for the sentence.

    Raises:
        BadData: it does, as one of another model, or one that is loaded as another class.
    """
    texts = [text for text in texts[:_FIRST] if any(each.isalnum() for each in text)]
    if not texts:
        return
    read = tokenizer(texts, add_special_tokens=False)["input_ids"]
    whose = f"The tokenizer in {tokenizer.name_or_path} ({type(tokenizer).__name__})"
    empty = next((text for text, ids in zip(texts, read, strict=True) if not ids), None)
    if empty is not None:
        raise BadData(f"{where}: {whose} makes no token of the text {empty[:60]!r}. {_CORRECT}")
    total, unknown = sum(map(len, read)), tokenizer.unk_token_id
    missed = sum(ids.count(unknown) for ids in read)
    if missed > _MOST_UNKNOWN * total:
        raise BadData(
            f"{where}: {whose} knows almost none of the first {len(texts)} texts: {missed:,} of "
            f"their {total:,} tokens are {tokenizer.unk_token}. {_CORRECT}"
        )


def batched(items: Sequence[Encoded], padding: int) -> dict[str, Tensor]:
    """What the model is called with; ``token_type_ids`` only where a second text is marked."""
    inputs = padded([item.ids for item in items], padding)
    if any(item.types for item in items):
        types = [item.types or [0] * len(item.ids) for item in items]
        inputs["token_type_ids"] = padded(types, 0)["input_ids"]
    return inputs


def padded(items: Sequence[list[int]], padding: int) -> dict[str, Tensor]:
    """``input_ids`` and ``attention_mask`` of token ids, both ``(rows, longest)``."""
    longest = max(len(ids) for ids in items)
    ids = torch.full((len(items), longest), padding, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, each in enumerate(items):
        ids[row, : len(each)] = torch.tensor(each)
        mask[row, : len(each)] = 1
    return {"input_ids": ids, "attention_mask": mask}
