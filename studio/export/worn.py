"""A written adapter is put on the base by PEFT, and answers as the studio's own tensors do."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from studio.checkpoints.architecture import Architecture, architecture_of
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.errors import BadCheckpoint
from studio.merge import Merge, merged_into
from studio.methods import SUM
from studio.recipe import Recipe, TaskEntry
from studio.tasks.pretrained import load_pretrained, loaded_adapter, worn_adapter
from studio.tasks.random_input import TOLERANCE, answers, apart, random_input

_WIDE = "float32"  # in which PEFT adds, whatever the base's dtype is


def wear_again(work: Path, merge: Merge) -> str:
    """Compare PEFT's forward pass with a written adapter with the studio's, on random input.

    The studio's are the answers of the base's class with two sets of tensors in it: base and
    written factors, which PEFT must repeat; and those of the merge, from which a compressed or
    rounded adapter differs. Two models are loaded in turn. Where another tensor is tied to an
    adapted one, PEFT adapts it only once the adapter is merged, so that this is compared.

    Args:
        work: folder of the adapter.
        merge: that it was written from.

    Returns:
        A sentence on what was found, or why nothing could be compared.

    Raises:
        BadCheckpoint: PEFT does not open the adapter, or its answers differ from those of the
            factors by more than 1e-5 of their largest value.
    """
    base, written = merge.base, open_checkpoint(work)
    ours = architecture_of(base)
    if ours is None:
        return "No class of the base is known, so PEFT's forward was not compared"
    if find_spec("peft") is None:
        return "PEFT is not installed, so its forward was not compared"
    with _one_draw():
        model = load_pretrained(base, ours.model_class)
    given = random_input(model)
    task = TaskEntry("adapter", str(work), 1.0)
    alone = Recipe(str(base.folder), (task,), SUM, dtype=_WIDE)
    factors = Merge(alone, Deltas(base, [(task.name, written)]))
    wide = replace(merge, recipe=replace(merge.recipe, dtype=_WIDE), recorded=merge.mixing)
    found = [_answers(model, ours, each, given or {}) for each in (factors, wide)]
    if not given or not found[0] or not found[1]:
        return f"{ours.model_class} takes no random input that is known, so nothing was compared"
    del model
    tied = any(ours.group(ours.own(ours.name(name)) or name) for name in factors.deltas.names)
    put_on = loaded_adapter if tied else worn_adapter
    with _one_draw():
        adapted = put_on(base, written, ours.model_class)
    worn = answers(adapted, given) or []
    if not apart(found[0], worn) <= TOLERANCE:
        raise BadCheckpoint(
            f"PEFT's forward with the written adapter differs from the studio's by "
            f"{_largest(found[0], worn):.2g}, on random input. It was removed; please report it "
            "with the name of the base."
        )
    how = "merged into it" if tied else "on it"
    return (
        f"{ours.model_class} with the adapter {how} by PEFT answers as base and factors do, to "
        f"{_largest(found[0], worn):.1e}, and as the merge does, to {_largest(found[1], worn):.1e} "
        f"(largest absolute differences of n = {sum(each.numel() for each in worn):,} numbers, on "
        "random input)"
        + ("; not merged, PEFT leaves alone what shares an adapted tensor" if tied else "")
    )


@contextmanager
def _one_draw() -> Iterator[None]:
    """What no file stores, such as a pooler, is drawn anew at each loading: here to one end."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _answers(
    model: nn.Module, ours: Architecture, merge: Merge, given: Mapping[str, Tensor]
) -> list[Tensor]:
    """What the base's class answers with merged tensors in it; nothing if it cannot hold one."""
    state, places = model.state_dict(), {}
    for name in merge.deltas.names:
        own = ours.own(ours.name(name)) or ""
        if own not in state or state[own].shape != merge.base.weights.entries[name].shape:
            return []
        places[name] = state[own]
    merged_into(merge, places)
    return answers(model, given) or []


def _largest(first: Sequence[Tensor], second: Sequence[Tensor]) -> float:
    """Largest absolute difference of two answers."""
    pairs = zip(first, second, strict=True)
    return max(
        (float((a.double() - b.double()).abs().max()) for a, b in pairs if a.numel()), default=0.0
    )
