"""Blocks of a model: parts that a forward pass goes through once, one after another."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from studio.measure.layer_fit import WEIGHT
from studio.measure.layer_order import Layer, Layers
from studio.measure.unfolded import CONVOLUTIONS, LINEAR
from studio.tasks.live_model import LiveModel

_MULTIPLIED = (*LINEAR, *CONVOLUTIONS)


@dataclass(frozen=True)
class Block:
    """A part of a model, such as a transformer's layer, or a layer that lies in none of them.

    Attributes:
        module: that is called once by a pass.
        names: the base's names of all that it holds.
        fitted: its linear layers and convolutions, by the base's names of their weights.
        words: its name, for people.
    """

    module: nn.Module
    names: tuple[str, ...]
    fitted: Mapping[str, nn.Module]
    words: str


def blocks_of(model: LiveModel, layers: Layers, inputs: dict[str, Tensor]) -> tuple[Block, ...]:
    """The blocks of a model in forward order; every layer lies in one of them.

    Those of a list of like parts are blocks, the innermost that are called once by a pass and
    whose layers follow one another; any other layer is a block of its own.

    Args:
        model: that is called.
        layers: of the model.
        inputs: of a batch.
    """
    within = _parts(model, layers, inputs)
    modules = dict(model.whole.named_modules())
    own = {mine: name for name, mine in model.own_names(model.base.names).items()}
    loose = {*layers.loose}
    found: list[tuple[str, list[Layer]]] = []
    for layer in layers.order:
        part = within.get(layer.words, layer.words)
        if not found or found[-1][0] != part:
            found.append((part, []))
        found[-1][1].append(layer)
    made = []
    for part, inside in found:
        beside = (n for mine, n in own.items() if n in loose and mine.startswith(f"{part}."))
        names = (*(name for layer in inside for name in layer.names), *beside)
        fitted = {
            name: layer.module
            for layer in inside if layer.fitted and isinstance(layer.module, _MULTIPLIED)
            for name, mine in layer.names.items() if mine == WEIGHT
        }  # fmt: skip
        made.append(Block(modules[part], tuple(dict.fromkeys(names)), fitted, part))
    return tuple(made)


def _parts(model: LiveModel, layers: Layers, inputs: dict[str, Tensor]) -> dict[str, str]:
    """The part in which each layer lies, by their names; of layers in no part nothing."""
    modules, order = dict(model.whole.named_modules()), [layer.words for layer in layers.order]
    lists = (name for name, each in modules.items() if isinstance(each, nn.ModuleList))
    candidates = [f"{name}.{place}" for name in lists for place in range(len(modules[name]))]
    calls = _calls(model, {name: modules[name] for name in candidates}, inputs)
    within: dict[str, str] = {}
    for part in sorted(candidates, key=lambda name: -name.count(".")):  # the innermost first
        places = [at for at, name in enumerate(order) if name.startswith(f"{part}.")]
        apart = not places or places[-1] - places[0] >= len(places)
        if apart or calls[part] != 1 or any(order[at] in within for at in places):
            continue
        within |= {order[at]: part for at in places}
    return within


def _calls(
    model: LiveModel, parts: Mapping[str, nn.Module], inputs: dict[str, Tensor]
) -> dict[str, int]:
    """How often each part is called by a pass."""
    counts = dict.fromkeys(parts, 0)

    def counting(name: str) -> RemovableHandle:
        def hook(*_: object) -> None:
            counts[name] += 1

        return parts[name].register_forward_pre_hook(hook)

    handles = [counting(name) for name in parts]
    try:
        model.states(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return counts
