"""How a model goes on with a text: what it is told, what it says next, and which of that is taken.

A draw is by noise that depends on the seed and the place alone (the Gumbel-max trick), so that two
models which say the same write the same, and what differs is theirs and not the draw's.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadData
from studio.tasks.kinds.spelling import spelled

MOST = 256
"""Tokens that may be asked for at a time."""
NO_PROMPT = "The prompt is empty, so there is nothing to go on with. Type some words."


@dataclass(frozen=True)
class Manner:
    """How much is written, and how the next token is taken.

    Attributes:
        most: tokens that are written at most, 1 to ``MOST``.
        temperature: that logits are divided by before a draw; 0 takes the likeliest token.
        seed: of the draws, 0 or above; without effect at temperature 0.
    """

    most: int = 32
    temperature: float = 0.0
    seed: int = 0

    def refuse(self) -> None:
        """Refuse numbers that mean nothing.

        Raises:
            BadData: with the number and its range.
        """
        if type(self.most) is not int or not 1 <= self.most <= MOST:
            raise BadData(
                f"{self.most} tokens are asked for; give a whole number from 1 to {MOST}."
            )
        if not 0 <= self.temperature <= 10:  # NaN is neither
            raise BadData(
                f"The temperature is {self.temperature}; give 0 for the likeliest token each time, "
                "or a number up to 10."
            )
        if type(self.seed) is not int or not 0 <= self.seed < 2**63:
            raise BadData(f"The seed is {self.seed}; give a whole number from 0 to 2^63 - 1.")


@dataclass(frozen=True)
class Prompt:
    """A text to go on with, as the model reads it.

    Attributes:
        ids: of its tokens.
        cut: tokens that did not fit and were left out.
        ends: tokens after which nothing comes.
        given: by its place in what is written, a token that stands there whatever a model says.
        cut_at: at which end: 'first' or 'last'.
    """

    ids: tuple[int, ...]
    cut: int = 0
    ends: frozenset[int] = frozenset()
    given: Mapping[int, int] = field(default_factory=dict)
    cut_at: str = "first"


class Pen(ABC):
    """One text that one model writes; it keeps what the model has read of it."""

    @abstractmethod
    def costs(self) -> tuple[float, ...]:
        """What each token of the prompt but the first costs, in nats; none if it costs nothing."""

    @abstractmethod
    def logits(self, written: Sequence[int]) -> Tensor:
        """``(vocabulary,)`` float32 on the CPU: of what comes after the prompt and these tokens.

        Args:
            written: those of the call before and at most a few more.
        """


class Writer(ABC):
    """What has models of a sort go on with a text; a ``tokenizer`` is the kind's speller."""

    @abstractmethod
    def prompt(self, tokenizer: Any, model: nn.Module, text: str, most: int) -> Prompt:
        """A text as the model reads it, cut so that as many tokens have room behind it.

        Raises:
            BadData: it is empty, or the model has no room for so many tokens.
        """

    @abstractmethod
    def pen(self, model: nn.Module, prompt: Prompt) -> Pen:
        """What writes by the weights that the model has; ``whole`` of a live model."""

    def read(self, tokenizer: Any, prompt: Prompt) -> tuple[str, ...]:
        """What each token of the prompt says, behind those before it."""
        return tuple(spelled(tokenizer, prompt.ids[: i + 1]) for i in range(len(prompt.ids)))

    @abstractmethod
    def said(self, tokenizer: Any, prompt: Prompt, written: Sequence[int]) -> str:
        """What the last of the written tokens says; empty for a part of a letter."""


class Writes:
    """What a kind says of writing; as it stands here its models write nothing."""

    def writer(self, base: Checkpoint) -> Writer | None:
        """What has models of a base go on with a text; None where they write nothing."""
        return None

    def opening(self, row: Any) -> str:
        """A prompt made of a row."""
        return ""

    def speller(self, reader: Any) -> Any:
        """What of the kind's reader knows what its tokens say."""
        return reader


def taken(logits: Tensor, manner: Manner, place: int) -> tuple[int, float]:
    """The next token, and the share that the model's own softmax gives it.

    Args:
        logits: ``(vocabulary,)``.
        manner: how it is taken.
        place: of the token in what is written, from 0.

    Raises:
        BadData: a logit is no number.
    """
    if bool(logits.isnan().any()):
        raise BadData("The model's logits are not numbers (NaN), so it says nothing.")
    found = logits.double()
    if manner.temperature:
        found = found / manner.temperature + _noise(len(found), manner.seed, place)
    token = int(found.argmax())
    return token, float(logits.double().softmax(-1)[token])


def _noise(size: int, seed: int, place: int) -> Tensor:
    """``(size,)`` float64 drawn from the standard Gumbel distribution."""
    digest = sha256(f"{seed} {place}".encode()).digest()
    draw = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))
    uniform = torch.rand(size, generator=draw, dtype=torch.float64).clamp_min(1e-300)
    return -(-uniform.log()).log()
