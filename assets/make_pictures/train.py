"""Heads on the untouched base, and whole fine-tunes of it."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    MobileNetV2Config,
    MobileNetV2ForImageClassification,
    MobileNetV2Model,
    PreTrainedModel,
)

from assets.make_pictures.body import SIDE
from assets.make_pictures.rows import Row, Task

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH, _EVALUATED = 32, 128
_DECAY, _SMOOTHED, _WARM_UP, _MOMENTUM = 0.02, 0.05, 20, 0.05
_DECAYS = (1e-4, 1e-3, 1e-2)  # of a head on the base, chosen on validation rows
Say = Callable[[str], None]


@dataclass(frozen=True)
class Course:
    """How long and how fast an expert is trained."""

    steps: int
    rate: float


def pixels(rows: Sequence[Row]) -> Tensor:
    """``(rows, 3, 48, 48)`` float32: resized as the studio does, normalized as the base wants."""
    seen = []
    for row in rows:
        image = row.image if row.image.ndim == 3 else np.repeat(row.image[..., None], 3, 2)
        picture = torch.from_numpy(image.copy()).permute(2, 0, 1).float()[None]
        seen.append(F.interpolate(picture, (SIDE, SIDE), mode="bilinear", antialias=True))
    mean, deviation = (torch.tensor(each).view(-1, 1, 1) for each in (MEAN, DEVIATION))
    return (torch.cat(seen) / 255 - mean) / deviation


def numbers(task: Task, split: str) -> Tensor:
    """Labels as indices."""
    return torch.tensor([task.labels.index(row.label) for row in task.splits[split]])


@torch.no_grad()
def pooled(body: nn.Module, images: Tensor) -> Tensor:
    """``(rows, 1280)``: what the body pools."""
    body.eval()
    return torch.cat([body(each).pooler_output for each in images.split(_EVALUATED)])


def fitted_head(
    features: tuple[Tensor, Tensor], labels: tuple[Tensor, Tensor], classes: int
) -> nn.Linear:
    """Of train and validation features; its decay is the best of a few on validation rows."""
    heads = []
    for decay in _DECAYS:
        head = nn.Linear(features[0].shape[1], classes)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        optimizer = torch.optim.LBFGS(head.parameters(), max_iter=100, history_size=10,
                                      line_search_fn="strong_wolfe")  # fmt: skip

        def loss(head: nn.Linear = head, decay: float = decay,
                 optimizer: torch.optim.Optimizer = optimizer) -> Tensor:  # fmt: skip
            optimizer.zero_grad()
            found = F.cross_entropy(head(features[0]), labels[0])
            found = found + decay * head.weight.square().sum()
            found.backward()
            return found

        optimizer.step(loss)
        heads.append(head)
    return max(heads, key=lambda head: _right(head(features[1]), labels[1]))


def trained(
    base: MobileNetV2Model, task: Task, course: Course, seed: int, say: Say
) -> MobileNetV2ForImageClassification:
    """The base and a head of zeros, trained together on all weights."""
    torch.manual_seed(seed)
    images, labels = pixels(task.splits["train"]), numbers(task, "train")
    model = classifier(base, task.labels)
    model = model.train().to(memory_format=torch.channels_last)
    model.dropout.p = 0.0
    for each in model.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.momentum = _MOMENTUM
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=_DECAY, fused=True)
    lately, waiting = 0.0, torch.empty(0, dtype=torch.long)
    for step in range(course.steps):
        if len(waiting) < _BATCH:
            waiting = torch.cat([waiting, torch.randperm(len(images))])
        places, waiting = waiting[:_BATCH], waiting[_BATCH:]
        share = min((step + 1) / _WARM_UP, (1 + math.cos(math.pi * step / course.steps)) / 2)
        optimizer.param_groups[0]["lr"] = course.rate * share
        seen = _turned(images[places], task.turned)
        answer = model(seen.contiguous(memory_format=torch.channels_last)).logits
        loss = F.cross_entropy(answer, labels[places], label_smoothing=_SMOOTHED)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        lately = loss.item() if step == 0 else 0.95 * lately + 0.05 * loss.item()
        if step % 50 == 0:
            say(f"{task.name}, step {step} of {course.steps}: loss {lately:.3f}")
    return model.eval().to(memory_format=torch.contiguous_format)


def classifier(base: MobileNetV2Model, labels: Sequence[str]) -> MobileNetV2ForImageClassification:
    """A copy of the body in the class of transformers, with a head of zeros and its label names."""
    told: Mapping = base.config.to_dict() | {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: place for place, label in enumerate(labels)},
    }
    model = MobileNetV2ForImageClassification(MobileNetV2Config(**told))
    model.mobilenet_v2.load_state_dict(copy.deepcopy(base.state_dict()))
    nn.init.zeros_(model.classifier.weight)
    nn.init.zeros_(model.classifier.bias)
    return model


@torch.no_grad()
def right(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of right answers of a classifier."""
    model.eval()
    said = torch.cat([model(each).logits for each in images.split(_EVALUATED)])
    return _right(said, labels)


def _right(said: Tensor, labels: Tensor) -> float:
    return float((said.argmax(1) == labels).float().mean())


def _turned(images: Tensor, much: float) -> Tensor:
    """Each picture turned by up to 20 degrees, sheared, sized and moved, ``much`` of that."""
    if not much:
        return images
    count = len(images)
    angle, shear = (torch.empty(count).uniform_(-0.35, 0.35) * much for _ in range(2))
    size = 1 + torch.empty(count).uniform_(-0.2, 0.2) * much
    stretch = 1 + torch.empty(count).uniform_(-0.15, 0.15) * much
    moved = torch.empty(count, 2).uniform_(-0.15, 0.15) * much
    rows = [
        torch.stack([size * stretch * angle.cos(), -size * (angle + shear).sin(), moved[:, 0]], 1),
        torch.stack([size / stretch * angle.sin(), size * angle.cos(), moved[:, 1]], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def read_base(folder: Path) -> MobileNetV2Model:
    """The stored body in float32."""
    return MobileNetV2Model.from_pretrained(folder, dtype=torch.float32).eval()


def save(model: PreTrainedModel, folder: Path) -> None:
    """Write the model in float16."""
    copy.deepcopy(model).half().save_pretrained(folder)


def save_head(head: nn.Linear, file: Path) -> None:
    """Write a head in float16."""
    tensors = {name: value.half() for name, value in head.state_dict().items()}
    save_file(tensors, file, {"format": "pt"})


def read_expert(folder: Path) -> MobileNetV2ForImageClassification:
    """A stored expert in float32."""
    found = MobileNetV2ForImageClassification.from_pretrained(folder, dtype=torch.float32)
    return found.eval()
