"""An encoder-decoder that writes for a text: it reads it once, and decodes token by token."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from studio.errors import BadData
from studio.tasks.kinds.spelling import ends, spelled
from studio.tasks.kinds.writing import NO_PROMPT, Pen, Prompt, Writer
from studio.tasks.pretrained import longest_input


class TranslatedPen(Pen):
    """The text goes through the encoder once, and each token through the decoder once."""

    def __init__(self, model: Any, prompt: Prompt) -> None:
        self._model, self._prompt = model, prompt.ids
        self._first = _begins(model)
        self._states: Tensor | None = None  # of the text
        self._read: tuple[int, ...] = ()
        self._cache: Any = None  # of the tokens that the decoder has read

    def costs(self) -> tuple[float, ...]:
        """None: an encoder predicts no token of what it reads."""
        return ()

    def logits(self, written: Sequence[int]) -> Tensor:
        """By the class itself, of the tokens that it has not read."""
        ids, known = (self._first, *written), len(self._read)
        if self._cache is None or known >= len(ids) or self._read != ids[:known]:
            self._cache, known = None, 0
        output = self._model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self._encoded()),  # type: ignore
            attention_mask=torch.ones_like(self._given(self._prompt)),
            decoder_input_ids=self._given(ids[known:]),
            past_key_values=self._cache,
            use_cache=True,
        )
        self._read, self._cache = ids, output.past_key_values
        return output.logits[0, -1].float().cpu()

    def _encoded(self) -> Tensor:
        """``(1, tokens, hidden)`` states of the text."""
        if self._states is None:
            ids = self._given(self._prompt)
            encoder = self._model.get_encoder()
            found = encoder(input_ids=ids, attention_mask=torch.ones_like(ids))
            self._states = found.last_hidden_state
        assert self._states is not None
        return self._states

    def _given(self, ids: Sequence[int]) -> Tensor:
        return torch.tensor([ids], device=next(self._model.parameters()).device)


class TranslatedWriter(Writer):
    """The tokenizer reads the text whole; what is forced is forced as the class generates."""

    def prompt(self, tokenizer: Any, model: nn.Module, text: str, most: int) -> Prompt:
        """A text that is too long for the encoder loses the end that its tokenizer cuts."""
        longest = longest_input(model)
        ids = list(tokenizer(text, verbose=False)["input_ids"]) if text.strip() else []
        if not ids:
            raise BadData(NO_PROMPT)
        if longest is not None and most > longest:
            raise BadData(
                f"{most:,} tokens are asked for, but the decoder has positions for {longest:,}. "
                f"Ask for at most {longest:,}."
            )
        cut = max(len(ids) - longest, 0) if longest is not None else 0
        if cut:
            ids = list(tokenizer(text, truncation=True, max_length=longest)["input_ids"])
        _begins(model)
        side = "first" if tokenizer.truncation_side == "left" else "last"
        return Prompt(tuple(ids), cut, ends(tokenizer, model), _forced(model, most), side)

    def pen(self, model: nn.Module, prompt: Prompt) -> TranslatedPen:
        """The class, encoder and decoder."""
        return TranslatedPen(model, prompt)

    def said(self, tokenizer: Any, prompt: Prompt, written: Sequence[int]) -> str:
        """As it is read behind what was written before it: the decoder begins a text of its own."""
        return spelled(tokenizer, written)


def _begins(model: Any) -> int:
    """The token before all that a decoder writes, looked for where ``generate`` looks for it.

    Raises:
        BadData: no configuration names one.
    """
    own = getattr(model, "generation_config", None)
    for config, key in (
        (own, "decoder_start_token_id"),
        (model.config, "decoder_start_token_id"),
        (own, "bos_token_id"),
    ):
        found = getattr(config, key, None)
        if isinstance(found, int):
            return found
    raise BadData(
        f"{type(model).__name__} does not say what its decoder begins with, so it writes nothing. "
        "Put decoder_start_token_id into the base's generation_config.json."
    )


def _forced(model: Any, most: int) -> dict[int, int]:
    """By their places, the tokens that the configuration puts first and, where it is full, last."""
    own = model.generation_config
    found = ((0, own.forced_bos_token_id), (most - 1, own.forced_eos_token_id))
    return {
        place: min(token) if isinstance(token, list | tuple) else token
        for place, token in found
        if token is not None
    }
