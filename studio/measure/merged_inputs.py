"""What enters layers when the layers before them are merged already: Grams, block by block."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache

from studio.checkpoints.deltas import Deltas
from studio.measure.blocks import Block, blocks_of
from studio.measure.layer_order import layers_of, no_way
from studio.measure.layer_walk import Read, expert_alone
from studio.measure.lockstep import Pass, in_lockstep
from studio.measure.unfolded import CONVOLUTIONS, add_products
from studio.merge import Merge, merged_into
from studio.methods import REGRESSION
from studio.progress import Progress, silent
from studio.recipe import Recipe, TaskEntry
from studio.tasks.live_model import LiveModel
from studio.tasks.quick_pass import using_threads

Grams = dict[tuple[str, str], Tensor]
AIM = (
    "sent through its merged layers one after another",
    "Take statistics of the experts ('statistics: experts', or RegMean) instead.",
)


def merged_grams(
    model: LiveModel, deltas: Deltas, rows: Mapping[str, Sequence[Read]],
    progress: Progress = silent,
) -> Grams:  # fmt: skip
    """Grams of what enters the layers of every expert, behind blocks that are merged already.

    Each task's rows go through the blocks merged so far. What comes out enters the next block of
    the task's expert, in which the Grams of its layers are taken; then that block is merged, too,
    and the rows go through it. Blocks are merged by RegMean with all its defaults and coefficients
    of 1, whatever the mix that asks: so the Grams depend on which tasks there are, and on nothing
    else of a mix. That is two forward passes of every row.

    Args:
        model: that wears the blocks.
        deltas: of the tasks.
        rows: per task of the deltas, batches of its rows.
        progress: told the share done after every block; raising stops it.

    Returns:
        By task and the base's name of a layer's weight, as ``information.input_grams``.

    Raises:
        BadRecipe: the model cannot be walked block by block.
        NotFinite: what enters a layer is NaN or infinite.

    Source: RegMean++, arXiv 2508.03121, whose layers are a transformer's, as blocks are here.
    """
    found: Grams = {}
    merge = replace(_regression(deltas), measured=lambda kind, most: lambda *of: found.get(of))
    experts = {name: expert_alone(deltas, name) for name in deltas.tasks}
    inputs = {name: each[0].inputs for name, each in rows.items()}
    model.wear(None)
    with using_threads(1):
        layers = layers_of(model, inputs, AIM)
        blocks = blocks_of(model, layers, next(iter(inputs.values())))
        inside = {name for block in blocks for name in block.names}
        _put_on(model, merge, [name for name in layers.loose if name not in inside])
        batches = [each for task in rows.values() for each in task]
        runs = [partial(model.states, each.inputs) for each in batches]
        with in_lockstep([block.module for block in blocks], runs) as passes:
            _advance(passes)
            for place, block in enumerate(blocks):
                if any(each.layer is not block.module for each in passes):
                    raise no_way(model, f"not every row reaches {block.words} with the others", AIM)
                waiting = iter(passes)
                for task in rows if block.fitted else ():
                    _put_on(model, experts[task], block.names)
                    grams = _seen(block, [(next(waiting), each) for each in rows[task]])
                    found |= {(task, name): gram for name, gram in grams.items()}
                _put_on(model, merge, block.names)
                _advance(passes)
                done = f"{place + 1} of {len(blocks)} blocks merged: {block.words}"
                progress((place + 1) / len(blocks), done)
    return found


def _regression(deltas: Deltas) -> Merge:
    pairs = zip(deltas.tasks, deltas.checkpoints, strict=True)
    tasks = tuple(TaskEntry(name, str(each.folder), 1.0) for name, each in pairs)
    return Merge(Recipe(str(deltas.base.folder), tasks, REGRESSION), deltas)


def _advance(passes: Sequence[Pass]) -> None:
    for each in passes:
        each.advance()


def _put_on(model: LiveModel, merge: Merge, names: Sequence[str]) -> None:
    """Some of a merge's tensors; the base's where it changes nothing."""
    places, changed = model.places(names), {*merge.changed}
    for name in places.keys() - changed:
        places[name].copy_(merge.base.tensor(name).view(places[name].shape))
    merged_into(merge, {name: places[name] for name in names if name in changed})


def _seen(block: Block, given: Sequence[tuple[Pass, Read]]) -> dict[str, Tensor]:
    """Grams of what enters the layers of a block, as it is worn, of what waits before it."""
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    masks: dict[torch.Size, Tensor] = {}
    with torch.inference_mode(), _watched(block, masks, sums, counts):
        for each, read in given:
            masks.clear()
            masks.update(read.masks)
            inputs = [_fresh(x) for x in each.inputs]
            block.module(*inputs, **{name: _fresh(x) for name, x in each.named.items()})
    return {name: total / counts[name] for name, total in sums.items()}


@contextmanager
def _watched(
    block: Block, masks: Mapping[torch.Size, Tensor], sums: dict[str, Tensor],
    counts: dict[str, int],
) -> Iterator[None]:  # fmt: skip
    """Products of what enters its layers are added up while the context lasts."""

    def hook(name: str, module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        states = next(iter((*inputs, *named.values())))
        if not isinstance(module, CONVOLUTIONS):
            mask = masks.get(states.shape[:2])
            real = states if mask is None else states[mask]
            states = real.reshape(-1, states.shape[-1])
        sums[name], more = add_products(sums.get(name), module, states)
        counts[name] = counts.get(name, 0) + more

    handles = [
        module.register_forward_pre_hook(partial(hook, name), with_kwargs=True)
        for name, module in block.fitted.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _fresh(given: Any) -> Any:
    """What a block is called with, without what the pass itself will remember of it."""
    return None if isinstance(given, Cache) else given
