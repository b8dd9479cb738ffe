"""What models of the pictures zoo get right, by tensor arithmetic and transformers alone."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import MobileNetV2Model

from assets.make_pictures.rows import Task
from assets.make_pictures.train import numbers, pixels, pooled, read_base, read_expert
from assets.make_zoo.whole import State, cosines, merged

SCALES = (0.1, 0.2, 0.3, 0.4, 0.5)  # of task arithmetic; the best is chosen on validation
_STATISTICS = ("running_mean", "running_var")
_CALIBRATED = 50  # pictures of a batch
Say = Callable[[str], None]
Right = dict[str, list[int]]


class Album:
    """The zoo's bodies and heads, and the pictures of a split.

    Args:
        folder: the zoo.
        tasks: in its order.
        split: the rows that are scored.
    """

    def __init__(self, folder: Path, tasks: Sequence[Task], split: str) -> None:
        self.names = [task.name for task in tasks]
        self.body = read_base(folder / "base")
        self.base = _copy(self.body)
        self.images = {task.name: pixels(task.splits[split]) for task in tasks}
        self.labels = {task.name: numbers(task, split) for task in tasks}
        self.experts, self.heads, self.fitted = {}, {}, {}
        for task in tasks:
            expert = read_expert(folder / "tasks" / task.name)
            self.experts[task.name] = _copy(expert.mobilenet_v2)
            self.heads[task.name] = expert.classifier
            self.fitted[task.name] = _head(folder / "tasks" / task.name / "head_only.safetensors")

    def right(self, state: State, name: str, heads: Mapping[str, nn.Module]) -> list[int]:
        """Whether a body with a head answers each row of a task."""
        self.body.load_state_dict(dict(state))
        with torch.no_grad():
            said = heads[name](pooled(self.body, self.images[name])).argmax(1)
        return (said == self.labels[name]).int().tolist()

    def sum(self, scale: float | None, out: str | None = None) -> dict[str, Tensor]:
        """The experts' changes times a scale, their average for none, without one of them."""
        kept = [state for name, state in self.experts.items() if name != out]
        return merged(self.base, kept, scale or 1 / len(kept))


def scores(
    folder: Path, tasks: Sequence[Task], split: str, scales: Sequence[float], say: Say
) -> dict:
    """Right answers of every row, for every line of the table.

    Args:
        folder: the zoo.
        tasks: in its order.
        split: the rows that are scored.
        scales: of task arithmetic; at the best one and at the average, each task is also left out.
        say: is told of every line.
    """
    album = Album(folder, tasks, split)
    found: dict[str, Right] = {}

    def told(line: str, right: Right) -> None:
        found[line] = right
        say(f"{split}, {line}: " + ", ".join(f"{name} {_share(right[name]):.3f}" for name in right))

    def scored(line: str, state: State) -> None:
        told(line, {name: album.right(state, name, album.heads) for name in album.names})

    names = album.names
    told("base", {name: album.right(album.base, name, album.fitted) for name in names})
    told("expert", {name: album.right(album.experts[name], name, album.heads) for name in names})
    scored("average", album.sum(None))
    scored("average, statistics of the base", _with_statistics(album.sum(None), album.base))
    seen = torch.cat([pixels(task.splits["validation"]) for task in tasks])
    scored("average, recalibrated", recalibrated(album.body, album.sum(None), seen))
    for scale in scales:
        scored(f"sum x {scale:g}", album.sum(scale))
    best = max(scales, key=lambda scale: mean_share(found[f"sum x {scale:g}"]))
    for name in names:
        scored(f"average without {name}", album.sum(None, name))
        scored(f"sum x {best:g} without {name}", album.sum(best, name))
    return {"rows": found, "cosines": cosines(album.base, list(album.experts.values()))}


def recalibrated(body: MobileNetV2Model, state: State, images: Tensor) -> dict[str, Tensor]:
    """The same weights, their statistics those of these pictures in an order drawn once."""
    body.load_state_dict(dict(state))
    body.train()
    layers = [each for each in body.modules() if isinstance(each, nn.BatchNorm2d)]
    usual = [each.momentum for each in layers]
    for each in layers:
        each.reset_running_stats()
        each.momentum = None  # the mean over batches
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for places in order.split(_CALIBRATED):
            body(images[places])
    for each, momentum in zip(layers, usual, strict=True):
        each.momentum = momentum
    body.eval()
    return _copy(body)


def mean_share(right: Mapping[str, Sequence[int]]) -> float:
    """Mean accuracy over tasks."""
    return sum(map(_share, right.values())) / len(right)


def _share(right: Sequence[int]) -> float:
    return sum(right) / len(right)


def _with_statistics(state: State, other: State) -> dict[str, Tensor]:
    return {name: other[name] if name.endswith(_STATISTICS) else value
            for name, value in state.items()}  # fmt: skip


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def _head(file: Path) -> nn.Linear:
    stored = {name: value.float() for name, value in load_file(file).items()}
    head = nn.Linear(stored["weight"].shape[1], len(stored["weight"]))
    head.load_state_dict(stored)
    return head
