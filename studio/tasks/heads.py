"""Task heads: the layer that stays with its task while the encoder is merged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from studio.checkpoints.names import HEADS
from studio.checkpoints.weights import Weights
from studio.errors import BadData

_POOLER = ("pooler.weight", "pooler.bias")


class Head(Protocol):
    """What a task keeps to itself, to answer from what the model gives; its kind knows how."""

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Its weights by name, in a fixed order; empty if the model's own layers answer."""
        ...

    @property
    def about(self) -> str:
        """What reads the tensors, beside the settings of the task; empty if these say all."""
        ...


@dataclass(frozen=True)
class LinearHead:
    """Scores labels from one vector per example.

    Attributes:
        weight: ``(labels, hidden)`` float32.
        bias: ``(labels,)`` float32.
        pooler: weight ``(hidden, hidden)`` and bias of the task's own pooler, or None.
    """

    weight: Tensor
    bias: Tensor
    pooler: tuple[Tensor, Tensor] | None = None

    @property
    def about(self) -> str:
        """Nothing: the task's settings say all."""
        return ""

    @property
    def options(self) -> int:
        """Labels that it chooses between."""
        return len(self.weight)

    def reordered(self, order: Sequence[int]) -> "LinearHead":
        """The head whose label ``i`` is this one's ``order[i]``."""
        chosen = list(order)
        return replace(self, weight=self.weight[chosen], bias=self.bias[chosen])

    @property
    def tensors(self) -> dict[str, Tensor]:
        """By the names of a head file."""
        named = {"weight": self.weight, "bias": self.bias}
        return named | dict(zip(_POOLER, self.pooler or (), strict=False))

    def __call__(self, pooled: Tensor) -> Tensor:
        """Logits ``(rows, labels)`` of pooled states ``(rows, hidden)``."""
        device = pooled.device
        return torch.nn.functional.linear(pooled, self.weight.to(device), self.bias.to(device))


def holds_head(private: Mapping[str, Tensor]) -> bool:
    """Whether there is a head among a checkpoint's private tensors."""
    return any(name.split(".")[0] in HEADS for name in private)


def head_from_file(path: Path, labels: int | None, task: str) -> LinearHead:
    """A head file: ``weight`` (labels, hidden) and, if it has one, ``bias`` (labels).

    Raises:
        BadData: a tensor is missing or does not fit the labels.
    """
    return _head(tensors_of(path), labels, f"'{task}': the head {path}")


def tensors_of(path: Path) -> dict[str, Tensor]:
    """All tensors of a file."""
    weights = Weights((path,))
    return {name: weights.tensor(name) for name in weights.entries}


def head_from_checkpoint(
    private: Mapping[str, Tensor], labels: int | None, task: str
) -> LinearHead:
    """The head among a checkpoint's private tensors, with its pooler if that is private too.

    Raises:
        BadData: there is none, or it is not one linear layer.
    """

    def where(module: str) -> str:
        return f"'{task}': the checkpoint's {module}"

    for module in HEADS:
        own = {
            name.removeprefix(module + "."): tensor
            for name, tensor in private.items()
            if name.startswith(module + ".")
        }
        if own:
            head = _head(own, labels, where(module))
            poolers = ("pooler.dense", "pooler")  # the second by ALBERT
            known = tuple(f"{each}.{n}" for each in poolers for n in ("weight", "bias"))
            rest = sorted(n for n in private if not n.startswith(f"{module}.") and n not in known)
            if rest:
                raise BadData(
                    f"'{task}': beside {module} the checkpoint keeps {', '.join(rest[:5])} to "
                    "itself, so its head is more than one linear layer, which is not supported. "
                    "Give the task a head file of its own."
                )
            pooler = {f"pooler.{n.split('.')[-1]}": private[n] for n in known if n in private}
            return _head({"weight": head.weight, "bias": head.bias} | pooler, labels, where(module))
    raise BadData(
        f"'{task}' has no head: the zoo names no head file, and its checkpoint holds none of "
        f"{', '.join(HEADS)}."
    )


def _head(tensors: Mapping[str, Tensor], labels: int | None, where: str) -> LinearHead:
    pooler = tuple(tensors[k].float() for k in _POOLER if k in tensors)
    if set(tensors) - {"weight", "bias", *_POOLER} or "weight" not in tensors or len(pooler) == 1:
        raise BadData(
            f"{where} holds {', '.join(tensors)}; supported is one linear layer, weight and bias."
        )
    weight = tensors["weight"].float()
    if weight.ndim != 2:
        raise BadData(f"{where} has a weight of shape {tuple(weight.shape)}, not (labels, hidden).")
    bias = tensors["bias"].float() if "bias" in tensors else torch.zeros(len(weight))
    if bias.shape != weight.shape[:1] or (labels is not None and len(weight) != labels):
        raise BadData(
            f"{where} has weight {tuple(weight.shape)} and bias {tuple(bias.shape)}"
            + (f", but there are {labels} labels." if labels is not None else ".")
        )
    if pooler and (pooler[0].shape, pooler[1].shape) != ((weight.shape[1],) * 2, weight.shape[1:]):
        raise BadData(
            f"{where} has a pooler of shape {tuple(pooler[0].shape)}, not (hidden, hidden)."
        )
    if not all(bool(x.isfinite().all()) for x in (weight, bias, *pooler)):
        raise BadData(f"{where} holds values that are NaN or infinite.")
    return LinearHead(weight, bias, pooler if len(pooler) == 2 else None)
