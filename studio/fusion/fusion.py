"""A fusion of a zoo's adapters: where it sits in the live model, what it weighs, who is in it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from studio.checkpoints.deltas import Deltas
from studio.checkpoints.low_rank import Factors
from studio.errors import BadCheckpoint, BadRecipe
from studio.fusion.layer import Adapter, FusionLayer
from studio.measure.bench import Bench
from studio.tasks.live_model import LiveModel

_WEIGHT = ".weight"


class Fusion(nn.Module):
    """A fusion layer beside every linear layer that some adapter changes.

    Attributes:
        tasks: whose n adapters it holds, in the zoo's order.
        layers: by the model's own name of the linear layer, its dots as slashes.
    """

    def __init__(self, tasks: Sequence[str], layers: Mapping[str, FusionLayer]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.layers = nn.ModuleDict({name.replace(".", "/"): x for name, x in layers.items()})

    @property
    def each(self) -> tuple[FusionLayer, ...]:
        """Its layers."""
        return tuple(x for x in self.layers.values() if isinstance(x, FusionLayer))

    @property
    def kept(self) -> tuple[str, ...]:
        """The tasks whose adapters are attended."""
        flags = self.each[0].kept.tolist()
        return tuple(name for name, kept in zip(self.tasks, flags, strict=True) if kept)

    def attend(self, tasks: Sequence[str]) -> None:
        """Attend to the adapters of some of the tasks alone; queries, keys and values stay."""
        kept = torch.tensor([name in tasks for name in self.tasks])
        for layer in self.each:
            layer.kept.copy_(kept)

    def penalty(self) -> Tensor:
        """The sum of all layers' ``||I - V||^2``."""
        return torch.stack([layer.distance() for layer in self.each]).sum()

    @property
    def trained(self) -> int:
        """Numbers in queries, keys and values, which are trained."""
        return sum(each.numel() for each in self.parameters())

    @contextmanager
    def attached(self, live: LiveModel) -> Iterator[None]:
        """Add what it makes to the linear layers of a model that wears the base, for a while."""
        modules, hooks = dict(live.whole.named_modules()), []
        try:
            for name, layer in self.layers.items():
                hook = partial(added, layer)
                hooks.append(modules[name.replace("/", ".")].register_forward_hook(hook))
            yield
        finally:
            for hook in hooks:
                hook.remove()


def refuse_unfusable(bench: Bench) -> None:
    """Refuse a zoo whose checkpoints are not all low-rank adapters of linear layers; reads headers.

    Raises:
        BadRecipe: fewer than two tasks, or a task that has no adapter, naming it.
        BadCheckpoint: an adapter that changes something else, naming what.
    """
    deltas = bench.deltas
    if len(deltas) < 2:
        raise BadRecipe("AdapterFusion attends over at least two adapters; the zoo has one task.")
    for name, checkpoint in zip(deltas.tasks, deltas.checkpoints, strict=True):
        if checkpoint.adapter is None:
            raise BadRecipe(
                f"AdapterFusion attends over the outputs of adapters, and '{name}' is a full "
                f"fine-tune ({checkpoint.folder}), which has none. Leave AdapterFusion out, or "
                "open a zoo whose tasks are LoRA adapters."
            )
    for name in deltas.names:
        vectors = deltas.at(name)
        for task, present, factors in zip(
            deltas.tasks, vectors.present, vectors.factors, strict=True
        ):
            if present and factors is None:
                raise _other(task, name)


def make_fusion(bench: Bench, tasks: Sequence[str], seed: int = 0) -> Fusion:
    """An untrained fusion of some tasks' adapters, on the device of the bench's live model.

    It is a function of the base, these adapters, their order and the seed alone: one that never
    saw a task is the same as one that is made without it.

    Args:
        bench: the zoo, opened.
        tasks: names, at least one, in order.
        seed: of queries and keys.

    Raises:
        StudioError: see ``refuse_unfusable``; or the model has no linear layer of a name.
    """
    refuse_unfusable(bench)
    deltas, live = bench.deltas.subset(tasks), bench.live
    generator, layers = torch.Generator().manual_seed(seed), {}
    for module, (name, width, height, turned) in adapted_layers(live, deltas).items():
        adapters = [_adapter(each, turned) for each in deltas.at(name).factors]
        layers[module] = FusionLayer(adapters, width, height, generator)
    return Fusion(tasks, layers).to(live.device)


class Adapted(NamedTuple):
    """A linear layer that adapters change.

    Attributes:
        name: of its weight in the base.
        width: of its input.
        height: of its output.
        turned: whether its weight is stored as (in, out).
    """

    name: str
    width: int
    height: int
    turned: bool


def adapted_layers(live: LiveModel, deltas: Deltas) -> dict[str, Adapted]:
    """The linear layers that some deltas change, by the model's own names.

    Raises:
        BadCheckpoint: one of them changes what is no linear layer.
    """
    own, modules, found = live.own_names(deltas.names), dict(live.whole.named_modules()), {}
    shared = Counter(own.values())
    for name in deltas.names:
        mine = own.get(name, "")
        module = modules.get(mine.removesuffix(_WEIGHT))
        sides = _sides(module)
        if sides is None or shared[mine] > 1 or not mine.endswith(_WEIGHT):
            raise _other(deltas.tasks[0], name)
        found[mine.removesuffix(_WEIGHT)] = Adapted(name, *sides, not isinstance(module, nn.Linear))
    return found


def _sides(module: nn.Module | None) -> tuple[int, int] | None:
    """Widths of a linear layer's input and output; None if it is none."""
    weight = getattr(module, "weight", None)
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if type(module).__name__ == "Conv1D" and isinstance(weight, Tensor):  # of transformers
        return weight.shape[0], weight.shape[1]
    return None


def _adapter(factors: Factors | None, turned: bool) -> Adapter | None:
    if factors is None:
        return None
    own = factors.turned() if turned else factors
    return Adapter(own.a.float(), own.b.float() * own.scale)


def added(layer: nn.Module, module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """A linear layer's output with what a layer beside it makes of the same input; a hook."""
    return output + layer(given[0].float()).to(output.dtype)


def _other(task: str, name: str) -> BadCheckpoint:
    return BadCheckpoint(
        f"'{task}': AdapterFusion attends over LoRA's outputs at linear layers, but {name} is "
        "changed otherwise (another type of adapter, a bias, an embedding or a stack of experts). "
        "Leave AdapterFusion out."
    )
