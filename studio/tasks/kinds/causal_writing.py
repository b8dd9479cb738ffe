"""A causal language model that goes on with a text, token by token, over the cache of its body."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from studio.errors import BadData
from studio.tasks.kinds.causal_rows import Passage
from studio.tasks.kinds.language_head import last_logits, token_losses
from studio.tasks.kinds.writing import Pen, Prompt, Writer
from studio.tasks.own_class import body_of
from studio.tasks.pretrained import longest_input

_WORDS = 12  # of a row's text that are a prompt, at most
_NEAR = 8  # tokens before one that decide how it is spelled
_UNFINISHED = "\ufffd"  # what a decoder gives for a part of a letter


class CausalPen(Pen):
    """Each token goes through the body once, where its class has a cache; else all do each time."""

    def __init__(self, model: Any, prompt: Prompt) -> None:
        self._model, self._prompt = model, prompt.ids
        self._body: Any = model.get_submodule(body_of(model))
        self._read: tuple[int, ...] = ()
        self._output: Any = None  # of the tokens that were read last, with the cache of all

    def costs(self) -> tuple[float, ...]:
        """By the states before them."""
        if len(self._prompt) < 2:
            return ()
        self._read = ()
        states = self._after(self._prompt).last_hidden_state[0, :-1]
        targets = torch.tensor(self._prompt[1:], device=states.device)
        return tuple(token_losses(self._model, self._output, states, targets).tolist())

    def logits(self, written: Sequence[int]) -> Tensor:
        """By the state of the last token."""
        return last_logits(self._model, self._after((*self._prompt, *written)))

    def _after(self, ids: tuple[int, ...]) -> Any:
        """What the body gives for the tokens that it has not read; at least for the last."""
        if ids != self._read:
            cache, known = getattr(self._output, "past_key_values", None), len(self._read)
            if cache is None or self._read != ids[:known]:
                cache, known = None, 0
            given = torch.tensor([ids[known:]], device=next(self._model.parameters()).device)
            self._output = self._body(input_ids=given, past_key_values=cache, use_cache=True)
            self._read = ids
        return self._output


class CausalWriter(Writer):
    """The tokenizer reads the prompt and spells what comes; an end is the class's or its own."""

    def opening(self, row: Passage) -> str:
        """The row's prompt; of a text without one its first words, at most half of them."""
        if row.prompt:
            return row.prompt
        words, seen = row.text.split(), 0
        for word in words[: max(min(len(words) // 2, _WORDS), 1)]:
            seen = row.text.index(word, seen) + len(word)
        return row.text[:seen].lstrip()

    def prompt(self, reader: Any, model: nn.Module, text: str, most: int) -> Prompt:
        """The end of a prompt that is too long, behind the token that begins every text."""
        longest, ids = longest_input(model), _ids(reader, text) if text.strip() else []
        if not ids:
            raise BadData(
                "The prompt is empty, so there is nothing to go on with. Type some words."
            )
        if longest is not None and most >= longest:
            raise BadData(
                f"{most:,} tokens are asked for, but the model has positions for {longest:,}, "
                f"those of the prompt among them. Ask for at most {longest - 1:,}."
            )
        cut = max(len(ids) + most - longest, 0) if longest is not None else 0
        first = 1 if ids[0] == reader.bos_token_id and cut and len(ids) > cut + 1 else 0
        kept = ids[:first] + ids[first + cut :]
        return Prompt(tuple(kept), cut, _ends(reader, model))

    def pen(self, model: nn.Module, prompt: Prompt) -> CausalPen:
        """The body and the layers behind it."""
        return CausalPen(model, prompt)

    def read(self, reader: Any, prompt: Prompt) -> tuple[str, ...]:
        """One after the other."""
        return tuple(_spelled(reader, prompt.ids[: i + 1]) for i in range(len(prompt.ids)))

    def said(self, reader: Any, prompt: Prompt, written: Sequence[int]) -> str:
        """As it is read behind what stands before it."""
        return _spelled(reader, (*prompt.ids, *written))


def _ids(tokenizer: Any, text: str) -> list[int]:
    """A text's tokens without the one that a tokenizer may put behind it."""
    ids = list(tokenizer(text)["input_ids"])
    closing = {tokenizer.eos_token_id, tokenizer.sep_token_id} - {None}
    added = tokenizer.num_special_tokens_to_add() > 0
    while added and len(ids) > 1 and ids[-1] in closing:
        ids.pop()
    return ids


def _ends(tokenizer: Any, model: Any) -> frozenset[int]:
    """What ends a text: by the tokenizer, and by the configuration of what the class generates."""
    own = getattr(model.generation_config, "eos_token_id", None)
    listed = own if isinstance(own, list | tuple) else [own]
    return frozenset({tokenizer.eos_token_id, *listed} - {None})


def _spelled(tokenizer: Any, ids: Sequence[int]) -> str:
    """What the last token adds to the text of those before it."""
    near = list(ids[-_NEAR - 1 :])
    before, whole = (_text(tokenizer, some) for some in (near[:-1], near))
    same = 0
    while same < min(len(before), len(whole)) and before[same] == whole[same]:
        same += 1
    return whole[same:]


def _text(tokenizer: Any, ids: Sequence[int]) -> str:
    """Up to a letter of which a part is missing."""
    if not ids:
        return ""
    return tokenizer.decode(ids, clean_up_tokenization_spaces=False).rstrip(_UNFINISHED)
