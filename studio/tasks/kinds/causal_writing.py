"""A causal language model that goes on with a text, token by token, over the cache of its body."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from studio.errors import BadData
from studio.tasks.kinds.language_head import last_logits, token_losses
from studio.tasks.kinds.spelling import ends, spelled
from studio.tasks.kinds.writing import NO_PROMPT, Pen, Prompt, Writer
from studio.tasks.own_class import body_of
from studio.tasks.pretrained import longest_input


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

    def prompt(self, tokenizer: Any, model: nn.Module, text: str, most: int) -> Prompt:
        """The end of a prompt that is too long, behind the token that begins every text."""
        longest, ids = longest_input(model), _ids(tokenizer, text) if text.strip() else []
        if not ids:
            raise BadData(NO_PROMPT)
        if longest is not None and most >= longest:
            raise BadData(
                f"{most:,} tokens are asked for, but the model has positions for {longest:,}, "
                f"those of the prompt among them. Ask for at most {longest - 1:,}."
            )
        cut = max(len(ids) + most - longest, 0) if longest is not None else 0
        first = 1 if ids[0] == tokenizer.bos_token_id and cut and len(ids) > cut + 1 else 0
        kept = ids[:first] + ids[first + cut :]
        return Prompt(tuple(kept), cut, ends(tokenizer, model))

    def pen(self, model: nn.Module, prompt: Prompt) -> CausalPen:
        """The body and the layers behind it."""
        return CausalPen(model, prompt)

    def said(self, tokenizer: Any, prompt: Prompt, written: Sequence[int]) -> str:
        """As it is read behind what stands before it."""
        return spelled(tokenizer, (*prompt.ids, *written))


def _ids(tokenizer: Any, text: str) -> list[int]:
    """A text's tokens without the one that a tokenizer may put behind it."""
    ids = list(tokenizer(text, verbose=False)["input_ids"])  # what does not fit is cut
    closing = {tokenizer.eos_token_id, tokenizer.sep_token_id} - {None}
    added = tokenizer.num_special_tokens_to_add() > 0
    while added and len(ids) > 1 and ids[-1] in closing:
        ids.pop()
    return ids
