"""What rows say of a model: Fisher information of its parameters, Grams of its layers' inputs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from studio.measure.examples import Examples
from studio.measure.unfolded import CONVOLUTIONS, LINEAR, add_products
from studio.progress import Progress, silent
from studio.tasks.heads import Head
from studio.tasks.live_model import LiveModel
from studio.tasks.quick_pass import using_threads

_BATCH = 32
Calls = list[tuple[nn.Embedding, Tensor, Tensor]]


def fisher(
    model: LiveModel, part: Examples, head: Head, rows: Sequence[int], progress: Progress = silent
) -> dict[str, Tensor]:
    """Diagonal empirical Fisher information of what the live model wears.

    One backward pass per row, on one thread, so that every machine of a kind finds the same bits.
    A row of an embedding table that is not looked up costs nothing.

    Args:
        model: that wears the expert.
        part: its task's rows.
        head: its task's.
        rows: indices of the rows to use, at least one.
        progress: told the share done after every row; raising stops it.

    Returns:
        By the base's names, in the shape of each parameter, float32: the mean over the rows of
        the squared gradient of log p(right answer), of all questions of a row together.

    Source: Matena and Raffel 2022 (arXiv 2111.09832), with the rows' own labels in the place of
    ones drawn from the model.
    """
    own = model.own_names(model.base.names)
    every = dict(model.whole.named_parameters(remove_duplicate=False))
    named = {name: every[mine] for name, mine in own.items() if mine in every}
    parameters = list({id(each): each for each in named.values()}.values())
    sums = {id(each): torch.zeros_like(each, requires_grad=False) for each in parameters}
    spec, kind = part.task.spec, part.task.kind
    with using_threads(1), torch.enable_grad(), _recorded_lookups(model.whole) as calls:
        for done, row in enumerate(rows):
            calls.clear()
            batch = model.batch(kind, [part.items[row]])
            output = model.encoder(**batch.inputs)
            right = torch.from_numpy(part.answers[part.questions([row])])
            found = kind.nats(spec, head, output, batch, torch.tensor([0]), right)
            _add_squares(found.sum(), parameters, calls, sums)
            progress((done + 1) / len(rows), f"{part.task.name}: {done + 1} of {len(rows)} rows")
    return {name: model.part(name, sums[id(each)]) / len(rows) for name, each in named.items()}


def input_grams(
    model: LiveModel, part: Examples, rows: Sequence[int], progress: Progress = silent
) -> dict[str, Tensor]:
    """Grams of what enters every linear layer and convolution of what the live model wears.

    Args:
        model: that wears the expert.
        part: its task's rows.
        rows: indices of the rows to use, at least one.
        progress: told the share done after every batch; raising stops it.

    Returns:
        By the base's names of the layers' weights, ``(in, in)`` float32: X^T X / n of the n
        positions that are no padding (or of the rows, for a layer that sees one vector per row).
        GPT-2's ``Conv1D`` is such a layer, too. A convolution's X are the patches that its kernel
        sees, n per row as its output has places; with groups, ``(groups, in, in)``.

    Source: Jin et al. 2023 (arXiv 2212.09849).
    """
    names = {mine: name for name, mine in model.own_names(model.base.names).items()}
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    masks: dict[torch.Size, Tensor] = {}

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            states = inputs[0]
            if not isinstance(module, CONVOLUTIONS):
                mask = masks.get(states.shape[:2])
                real = states if mask is None else states[mask]
                states = real.reshape(-1, states.shape[-1])
            sums[name], more = add_products(sums.get(name), module, states)
            counts[name] = counts.get(name, 0) + more

        return module.register_forward_pre_hook(hook)

    kinds = (*LINEAR, *CONVOLUTIONS)
    layers = [(n, m) for n, m in model.whole.named_modules() if isinstance(m, kinds)]
    watched = [(f"{n}.weight", m) for n, m in layers if f"{n}.weight" in names]
    handles = [watch(names[own], module) for own, module in watched]
    try:
        with using_threads(1):
            for start in range(0, len(rows), _BATCH):
                chosen = [part.items[row] for row in rows[start : start + _BATCH]]
                batch = model.batch(part.task.kind, chosen)
                found = part.task.kind.real(batch)
                every = (found,) if isinstance(found, Tensor) else found or ()
                masks.clear()
                masks.update((each.shape, each) for each in every)
                model.states(batch.inputs)
                done = min(start + _BATCH, len(rows))
                progress(done / len(rows), f"{part.task.name}: {done} of {len(rows)} rows")
    finally:
        for handle in handles:
            handle.remove()
    return {name: each / counts[name] for name, each in sums.items()}


@contextmanager
def _recorded_lookups(model: nn.Module) -> Iterator[Calls]:
    """What embedding tables are asked for and give, while the context lasts.

    A table that is another layer's weight, too, has gradients in every row and is no such table;
    nor is one that is asked by a class of its own, as BART's positions are.
    """
    calls: Calls = []

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.Embedding)
        calls.append((module, inputs[0], output))

    others = {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear)}
    every = [m for m in model.modules() if isinstance(m, nn.Embedding)]
    others |= {id(m.weight) for m in every if type(m).forward is not nn.Embedding.forward}
    handles = [m.register_forward_hook(hook) for m in every if id(m.weight) not in others]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _add_squares(
    value: Tensor, parameters: list[nn.Parameter], calls: Calls, sums: dict[int, Tensor]
) -> None:
    """Add the squared gradients of a value; those of a table only in the rows it was asked for."""
    tables = {id(module.weight): module for module, _, _ in calls}
    dense = [each for each in parameters if id(each) not in tables]
    targets = [*dense, *(output for _, _, output in calls)]
    gradients = torch.autograd.grad(value, targets, allow_unused=True)
    for parameter, gradient in zip(dense, gradients, strict=False):
        if gradient is not None:
            sums[id(parameter)].addcmul_(gradient, gradient)
    found = gradients[len(dense) :]
    for key, module in tables.items():
        if key in sums:
            asked = [
                (ids.reshape(-1), gradient.reshape(-1, module.embedding_dim))
                for (each, ids, _), gradient in zip(calls, found, strict=True)
                if id(each.weight) == key and gradient is not None
            ]
            _add_lookups(module, asked, sums[key])


def _add_lookups(module: nn.Embedding, asked: list[tuple[Tensor, Tensor]], total: Tensor) -> None:
    """Squared gradients of the rows of a table; a row that was asked for twice has their sum."""
    if not asked:
        return
    ids = torch.cat([each for each, _ in asked])
    rows, places = ids.unique(return_inverse=True)
    gradient = torch.zeros(len(rows), module.embedding_dim)
    gradient.index_add_(0, places, torch.cat([each for _, each in asked]))
    if module.padding_idx is not None:
        gradient[rows == module.padding_idx] = 0.0  # which is never trained
    total[rows] += gradient.square()
