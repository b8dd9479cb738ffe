"""The layers of a language model behind its body, asked at some positions and in slices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from studio.tasks.own_class import answered, given_body

_FLOATS = 2**24  # of a slice of logits: 64 MB, for the C library keeps freed blocks of up to 32


@dataclass(frozen=True)
class SharedHead:
    """The model's own layers answer: what a task keeps to itself is nothing."""

    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """Nothing beside the settings."""
        return ""


@dataclass(frozen=True)
class Span:
    """Tokens of a sequence that count.

    Attributes:
        sequence: its place in the output of the body.
        before: place of the state before the first of them.
        tokens: ids, at least one.
    """

    sequence: int
    before: int
    tokens: Sequence[int]


def summed_losses(model: Any, output: Any, spans: Sequence[Span]) -> Tensor:
    """``(spans,)`` float32 on the CPU: what the tokens of each span cost together, in nats."""
    return _per_span(token_losses, model, output, spans).cpu()


def misses(model: Any, output: Any, spans: Sequence[Span]) -> Tensor:
    """``(spans,)`` on the CPU: how many tokens of each span are not the likeliest at their place.

    Where none is, greedy generation would write the very span.
    """
    return _per_span(_missed, model, output, spans).cpu()


def _per_span(
    asked: Callable[..., Tensor], model: Any, output: Any, spans: Sequence[Span]
) -> Tensor:
    """``(spans,)`` sums of what is asked of every token and the state before it."""
    counts = torch.tensor([len(each.tokens) for each in spans])
    rows = torch.repeat_interleave(torch.tensor([each.sequence for each in spans]), counts)
    places = torch.cat([torch.arange(len(each.tokens)) + each.before for each in spans])
    states = output.last_hidden_state
    device = states.device
    targets = torch.tensor([token for each in spans for token in each.tokens], device=device)
    chosen = states[rows.to(device), places.to(device)].to(model.dtype)  # a quick pass has less
    found = asked(model, output, chosen, targets)
    owners = torch.repeat_interleave(torch.arange(len(spans)), counts).to(device)
    return torch.zeros(len(spans), device=device).index_add(0, owners, found)


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
    return _of_logits(_costs, model, output, states, targets)


def _costs(logits: Tensor, tokens: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits, tokens, reduction="none")


def _missed(model: Any, output: Any, states: Tensor, targets: Tensor) -> Tensor:
    def other(logits: Tensor, tokens: Tensor) -> Tensor:
        return (logits.argmax(-1) != tokens).float()

    with torch.no_grad():
        return _of_logits(other, model, output, states, targets)


def _of_logits(
    asked: Callable[[Tensor, Tensor], Tensor], model: Any, output: Any, states: Tensor,
    targets: Tensor,
) -> Tensor:  # fmt: skip
    """``(k,)`` of some states and tokens, a slice of logits at a time."""
    behind = given_body(model, _decoder_of(model))
    size = max(_FLOATS // max(model.config.get_text_config().vocab_size, 1), 1)

    def one(some: Tensor, own: Tensor) -> Tensor:
        given = type(output)(last_hidden_state=some.unsqueeze(0))
        inputs = {}
        if model.config.is_encoder_decoder:  # which would run its encoder, and its decoder's input
            inputs = {"encoder_outputs": some[None, None], "decoder_input_ids": own[None]}
        return asked(answered(behind, given, inputs).logits[0].float(), own)

    pairs = zip(states.split(size), targets.split(size), strict=True)
    if torch.is_grad_enabled():
        found = [checkpoint(one, *pair, use_reentrant=False) for pair in pairs]
    else:
        found = [one(*pair) for pair in pairs]
    return torch.cat([each for each in found if isinstance(each, Tensor)])


def _decoder_of(model: Any) -> str | None:
    """The path of the decoder, whose states are asked in place of a body's; None if it has none."""
    if not model.config.is_encoder_decoder:
        return None
    decoder = model.get_decoder()
    return next(name for name, each in model.named_modules() if each is decoder)


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
