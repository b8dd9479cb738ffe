"""The layers of a language model behind its body, asked at some positions and in slices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from studio.tasks.own_class import answered, given_body

_FLOATS = 2**23  # of a slice of logits, about 32 MB


@dataclass(frozen=True)
class SharedHead:
    """The model's own layers answer: what a task keeps to itself is nothing."""

    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """Nothing beside the settings."""
        return ""


def token_losses(model: Any, output: Any, states: Tensor, targets: Tensor) -> Tensor:
    """What each token costs after the state before it, in nats.

    Logits are those of the architecture's own class, with whatever it does to them. They are made
    for a slice of positions at a time and, where gradients are recorded, made again on the way
    back, so that those of a whole vocabulary are never held for all positions.

    Args:
        model: a class with a language-model head behind its body.
        output: of the body, as its class gives it.
        states: ``(k, hidden)`` of the body, at the positions before the tokens.
        targets: ``(k,)`` token ids.

    Returns:
        ``(k,)`` float32, on the device of the states.
    """
    behind = given_body(model)
    size = max(_FLOATS // max(model.config.get_text_config().vocab_size, 1), 1)

    def cost(some: Tensor, own: Tensor) -> Tensor:
        given = type(output)(last_hidden_state=some.unsqueeze(0))
        logits = answered(behind, given, {}).logits[0].float()
        return nn.functional.cross_entropy(logits, own, reduction="none")

    pairs = zip(states.split(size), targets.split(size), strict=True)
    if torch.is_grad_enabled():
        found = [checkpoint(cost, *pair, use_reentrant=False) for pair in pairs]
    else:
        found = [cost(*pair) for pair in pairs]
    return torch.cat([each for each in found if isinstance(each, Tensor)])


def last_logits(model: Any, output: Any) -> Tensor:
    """What comes after the last state of one text.

    Args:
        model: a class with a language-model head behind its body.
        output: of the body, for one row.

    Returns:
        ``(vocabulary,)`` float32, on the CPU.
    """
    given = type(output)(last_hidden_state=output.last_hidden_state[:, -1:])
    return answered(given_body(model), given, {}).logits[0, -1].float().cpu()
