"""Layers of a model in the order in which its forward pass reaches them."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from studio.errors import BadRecipe
from studio.measure.layer_fit import FITTED, WEIGHT
from studio.tasks.live_model import LiveModel

CALIBRATED = (
    "calibrated layer by layer",
    "Leave 'calibrate' out, or take a method that measures the experts instead.",
)
"""What a walk is for, and what to do where there is none."""


@dataclass(frozen=True)
class Layer:
    """One layer that a pass goes through once.

    Attributes:
        module: the layer.
        names: the layer's own name of each of its tensors, by the base's.
        words: its name, for people.
        fitted: whether it has a closed form.
    """

    module: nn.Module
    names: Mapping[str, str]
    words: str
    fitted: bool


@dataclass(frozen=True)
class Layers:
    """What a forward pass is made of.

    Attributes:
        order: layers that hold tensors, as they are reached.
        loose: the base's names of the body's other tensors, which may be read at any time.
    """

    order: tuple[Layer, ...]
    loose: tuple[str, ...]


def layers_of(
    model: LiveModel, inputs: Mapping[str, dict[str, Tensor]], aim: tuple[str, str] = CALIBRATED
) -> Layers:
    """The layers of a model, as batches of its tasks go through it.

    Args:
        model: that is called.
        inputs: of one batch per task.
        aim: what for, see ``CALIBRATED``.

    Raises:
        BadRecipe: it cannot be walked layer by layer: tasks take different ways through it, or
            pass a linear layer or a convolution twice; or none is passed.
    """
    modules = dict(model.whole.named_modules())
    leaves = {name: m for name, m in modules.items() if not [*m.children()] and m.state_dict()}
    (first, way), *others = ((task, _way(model, leaves, each)) for task, each in inputs.items())
    for task, other in others:
        if other != way:
            reason = f"rows of '{first}' and of '{task}' pass its layers otherwise"
            raise no_way(model, reason, aim)
    twice = {name for name in way if way.count(name) > 1}
    shared = [name for name in way if name in twice and isinstance(leaves[name], FITTED)]
    if shared:
        times = way.count(shared[0])
        raise no_way(model, f"{shared[0]} is passed {times} times by every row", aim)
    own = {mine: name for name, mine in model.own_names(model.base.names).items()}
    held = _holders(modules)
    order = tuple(_layer(name, leaves[name], own, held) for name in way if name not in twice)
    if not any(layer.fitted for layer in order):
        raise no_way(model, "none of its layers is a linear one or a convolution", aim)
    inside = {name for layer in order for name in layer.names}
    body = {id(x) for x in model.encoder.state_dict(keep_vars=True).values()}
    every = model.whole.state_dict(keep_vars=True)
    loose = (name for mine, name in own.items() if id(every[mine]) in body and name not in inside)
    return Layers(order, tuple(loose))


def no_way(model: LiveModel, reason: str, aim: tuple[str, str] = CALIBRATED) -> BadRecipe:
    """The error for a model that cannot be walked layer by layer."""
    what, instead = aim
    return BadRecipe(f"{type(model.whole).__name__} cannot be {what}: {reason}. {instead}")


def _way(model: LiveModel, leaves: Mapping[str, nn.Module], inputs: dict[str, Tensor]) -> list[str]:
    """Names of the layers that a batch passes, in order."""
    way: list[str] = []

    def watch(name: str, module: nn.Module) -> RemovableHandle:
        return module.register_forward_pre_hook(lambda *_: way.append(name))

    handles = [watch(name, module) for name, module in leaves.items()]
    try:
        model.states(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return way


def _holders(modules: Mapping[str, nn.Module]) -> dict[int, int]:
    """In how many modules each parameter stands, by its identity."""
    found: dict[int, int] = {}
    for module in modules.values():
        for parameter in module.parameters(recurse=False):
            found[id(parameter)] = found.get(id(parameter), 0) + 1
    return found


def _layer(name: str, module: nn.Module, own: Mapping[str, str], held: Mapping[int, int]) -> Layer:
    names = {own[f"{name}.{k}"]: k for k in module.state_dict() if f"{name}.{k}" in own}
    tied = any(held[id(parameter)] > 1 for parameter in module.parameters())
    fitted = isinstance(module, FITTED) and WEIGHT in names.values() and not tied
    return Layer(module, names, name, fitted)
