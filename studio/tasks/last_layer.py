"""The last linear layer of a head: what enters it, and the same head with another one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from studio.tasks.heads import Head, LinearHead
from studio.tasks.own_class import OwnHead, body_of, built

WEIGHT, BIAS = "weight", "bias"


@dataclass(frozen=True)
class LastLayer:
    """What turns the last vector that a head forms into one score per label.

    Attributes:
        weight: ``(labels, hidden)``, a label a row, in the order of the task's labels.
        bias: ``(labels,)``; None if the head has none.
    """

    weight: Tensor
    bias: Tensor | None

    @property
    def tensors(self) -> dict[str, Tensor]:
        """By the names ``WEIGHT`` and ``BIAS``."""
        return {WEIGHT: self.weight} | ({} if self.bias is None else {BIAS: self.bias})

    def scores(self, entered: Tensor) -> Tensor:
        """``(…, labels)`` scores of ``(…, hidden)`` vectors, in their dtype."""
        bias = None if self.bias is None else self.bias.to(entered.dtype)
        return nn.functional.linear(entered, self.weight.to(entered.dtype), bias)


def last_layer(head: Head | None) -> LastLayer | None:
    """The last layer of a head that scores every label by one row of it.

    Returns:
        None where there is none: no head at all, answers by layers that are merged (language
        models, sentences of class names), or one number per option (multiple choice).
    """
    if isinstance(head, LinearHead):
        return LastLayer(head.weight, head.bias)
    if not isinstance(head, OwnHead) or (name := _place(head)) is None:
        return None
    order = list(head.order or range(head.options))
    weight, bias = head.tensors[f"{name}.{WEIGHT}"], head.tensors.get(f"{name}.{BIAS}")
    return LastLayer(weight[order], None if bias is None else bias[order])


def open_ended(head: Head) -> Head:
    """The head without its last layer: its scores are what would enter that, ``(…, hidden)``."""
    last = last_layer(head)
    assert last is not None
    width = last.weight.shape[1]
    return _with(head, torch.eye(width), torch.zeros(width), by_label=False)


def refitted_head(head: Head, tensors: Mapping[str, Tensor]) -> Head:
    """The head with another last layer.

    Args:
        head: of which ``last_layer`` is known.
        tensors: of the layer, see ``LastLayer.tensors``.
    """
    return _with(head, tensors[WEIGHT], tensors.get(BIAS), by_label=True)


def _with(head: Head, weight: Tensor, bias: Tensor | None, by_label: bool) -> Head:
    if isinstance(head, LinearHead):
        return replace(head, weight=weight, bias=head.bias if bias is None else bias)
    assert isinstance(head, OwnHead)
    name, found = _place(head), dict(head.tensors)
    if by_label and head.order is not None:
        back = torch.tensor(head.order).argsort()
        weight, bias = weight[back], None if bias is None else bias[back]
    known = found[f"{name}.{WEIGHT}"].dtype
    found[f"{name}.{WEIGHT}"] = weight.to(known)
    if f"{name}.{BIAS}" in found and bias is not None:
        found[f"{name}.{BIAS}"] = bias.to(known)
    return replace(head, tensors=found, order=head.order if by_label else None)


def _place(head: OwnHead) -> str | None:
    """The path of the last linear layer of a class, behind its body, with a row per label."""
    model = built(head.model_class, head.config)
    body, found = body_of(model), None
    for name, module in model.named_modules():
        inside = name == body or name.startswith(f"{body}.")
        if not inside and isinstance(module, nn.Linear) and head.options > 1:
            fits = head.tensors[f"{name}.{WEIGHT}"].shape[0] == head.options
            found = name if fits else found
    return found
