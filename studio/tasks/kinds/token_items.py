"""Sentences as a model reads them: token ids, and the first token of every word that is scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadCheckpoint
from studio.tasks.kinds.text_items import Encoded
from studio.tasks.kinds.token_rows import TokenRow
from studio.tasks.pretrained import load_tokenizer

NO_TOKEN = -1
"""In place of a word's first token, where it has none."""
_NEVER = -1e4  # a score whose share of a softmax is 0


@dataclass(frozen=True)
class Sentence(Encoded):
    """One row.

    Attributes:
        firsts: of every word that is scored the place of its first token, or ``NO_TOKEN``.
        full: whether there was no room for further tokens.
    """

    firsts: tuple[int, ...] = ()
    full: bool = False

    @property
    def lacking(self) -> int:
        """Words that are scored and have no token."""
        return self.firsts.count(NO_TOKEN)


def word_tokenizer(checkpoint: Checkpoint) -> Any:
    """A tokenizer that reads words one by one and says which tokens are of which word.

    One that tells words at the beginning of a text from those behind a space (RoBERTa, GPT-2)
    reads every word as if behind a space, as the examples of transformers do.

    Raises:
        BadCheckpoint: there is none, or it does not say.
    """
    found = load_tokenizer(checkpoint)
    if getattr(found, "add_prefix_space", None) is False:
        found = load_tokenizer(checkpoint, add_prefix_space=True)
    if not found.is_fast:
        raise BadCheckpoint(
            f"The tokenizer in {checkpoint.folder} ({type(found).__name__}) does not say which "
            "tokens a word becomes. Put a tokenizer.json there: "
            "AutoTokenizer.from_pretrained(FOLDER, use_fast=True).save_pretrained(FOLDER)."
        )
    return found


def sentences(tokenizer: Any, rows: Sequence[TokenRow], length: int) -> list[Sentence]:
    """Rows with special tokens, cut after so many tokens."""
    words = [list(row.words) for row in rows]
    read = tokenizer(words, is_split_into_words=True, truncation=True, max_length=length)
    found = []
    for place, row in enumerate(rows):
        firsts: dict[int, int] = {}
        for at, word in enumerate(read.word_ids(place)):
            if word is not None:
                firsts.setdefault(word, at)
        ids = list(read["input_ids"][place])
        own = tuple(firsts.get(word, NO_TOKEN) for word in row.scored)
        found.append(Sentence(ids, None, own, len(ids) >= length))
    return found


def word_scores(found: Tensor, items: Sequence[Sentence]) -> Tensor:
    """Scores of the tags of words, with one more option: that there is no answer.

    A word without a token has that answer, which is never right and which no weight changes; all
    other words have a share of 0 of it.

    Args:
        found: ``(rows, tokens, tags)`` by tokens.
        items: the rows.

    Returns:
        ``(words, tags + 1)`` float32 on the CPU, row after row.
    """
    rows = [row for row, item in enumerate(items) for _ in item.firsts]
    places = torch.tensor([place for item in items for place in item.firsts])
    none = places == NO_TOKEN
    device = found.device
    own = found[torch.tensor(rows, device=device), places.clamp(min=0).to(device)].float().cpu()
    own = own.masked_fill(none[:, None], 0.0)
    return torch.cat([own, torch.where(none, 1.0, _NEVER)[:, None]], 1)
