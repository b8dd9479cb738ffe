"""Merges of whole fine-tunes by tensor arithmetic alone, computed without the studio."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

State = Mapping[str, Tensor]
_MEAN, _VARIANCE = "running_mean", "running_var"


def merged(base: State, experts: Sequence[State], scale: float) -> dict[str, Tensor]:
    """The base plus ``scale`` times the sum of the experts' changes; 1 / n gives the average.

    Running statistics are those of a mixture in which every expert has the share ``scale``, or
    an equal one where the shares would sum to more than 1: its mean and its second moment.
    """
    found = {}
    for name, value in base.items():
        if name.endswith((_MEAN, _VARIANCE)):
            found[name] = _mixed(name, base, experts, min(scale, 1 / len(experts)))
        elif value.is_floating_point():
            changes = torch.stack([expert[name] - value for expert in experts]).sum(0)
            found[name] = value + scale * changes
        else:
            found[name] = value
    return found


def _mixed(name: str, base: State, experts: Sequence[State], share: float) -> Tensor:
    parts = [(1 - share * len(experts), base), *((share, expert) for expert in experts)]
    layer = name.removesuffix(_MEAN).removesuffix(_VARIANCE)
    mean = sum(part * state[layer + _MEAN] for part, state in parts)
    if name.endswith(_MEAN):
        return torch.as_tensor(mean)
    second = sum(
        part * (state[layer + _VARIANCE] + state[layer + _MEAN].square()) for part, state in parts
    )
    return torch.as_tensor(second - torch.as_tensor(mean).square()).clamp_min(0)


def cosines(base: State, experts: Sequence[State]) -> list[list[float]]:
    """Cosine of every two experts' changes of the weights."""
    names = [name for name, value in base.items()
             if value.is_floating_point() and not name.endswith((_MEAN, _VARIANCE))]  # fmt: skip
    flat = [
        torch.cat([(expert[name] - base[name]).double().flatten() for name in names])
        for expert in experts
    ]
    return [[float(torch.cosine_similarity(one, other, dim=0)) for other in flat] for one in flat]
