"""Tiny models with real tokenizers: bases of 60 words, and experts that changed the vocabulary."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.architectures import Example, examples, moved

WORDS = tuple(f"w{number}" for number in range(60))
CHAT = ("<|im_start|>", "<|im_end|>")
EXAMPLES = examples()


def save_tokenizer(folder: Path, words: Sequence[str], added: Sequence[str] = ()) -> None:
    """Write a tokenizer of whole words, each the token of its place, and added tokens behind."""
    model = models.WordLevel({word: row for row, word in enumerate(words)}, unk_token=words[0])
    plain = Tokenizer(model)
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    made = PreTrainedTokenizerFast(tokenizer_object=plain, unk_token=words[0])
    made.add_special_tokens({"additional_special_tokens": list(added)} if added else {})
    made.save_pretrained(str(folder))


def save_base(example: Example, folder: Path, words: Sequence[str] = WORDS) -> None:
    """Write the base and its tokenizer."""
    torch.manual_seed(0)
    getattr(transformers, example.base)(example.config).save_pretrained(folder / "base")
    save_tokenizer(folder / "base", words)


def save_extended(
    example: Example, folder: Path, name: str, seed: int, added: Sequence[str] = CHAT,
    pad: int | None = None,
) -> Any:  # fmt: skip
    """Write an expert whose tokenizer has more tokens; returns its model."""
    model = getattr(transformers, example.expert).from_pretrained(folder / "base")
    rows = len(WORDS) + len(added)
    model.resize_token_embeddings(rows, pad_to_multiple_of=pad, mean_resizing=False)
    moved(model, seed).save_pretrained(folder / name)
    save_tokenizer(folder / name, WORDS, added)
    return model


def permute(model: Any, order: Sequence[int]) -> None:
    """Let row ``i`` of a model's vocabulary be what ``order[i]`` was before."""
    rows, taken = torch.tensor(order), set()
    with torch.no_grad():
        for name, each in [*model.named_parameters(), *model.named_buffers()]:
            of_tokens = len(order) in each.shape and "position" not in name and "wpe" not in name
            if of_tokens and each.data_ptr() not in taken:
                taken.add(each.data_ptr())
                each.copy_(each.index_select(each.shape.index(len(order)), rows))


def tokens_of(folder: Path) -> dict[str, int]:
    """``{token: row}`` as transformers reads the tokenizer."""
    return PreTrainedTokenizerFast.from_pretrained(folder).get_vocab()
