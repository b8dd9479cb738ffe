"""Pictures as a model reads them: resized, cut, and normalised to its mean and deviation."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import inside, read_mapping
from studio.errors import BadCheckpoint
from studio.tasks.kinds.image_rows import ImageRow

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, where nobody says others."""
_USUAL_SIZE = 224
_FILE = "preprocessor_config.json"


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes what a model reads.

    Attributes:
        size: height and width of what it reads.
        shortest: to which the shorter side is resized first, after which the middle is cut out;
            None to resize to ``size`` at once.
        mean: of each channel.
        deviation: of each channel.
        scale: of the numbers 0 to 255.
    """

    size: tuple[int, int]
    shortest: int | None = None
    mean: tuple[float, ...] = MEAN
    deviation: tuple[float, ...] = DEVIATION
    scale: float = 1 / 255

    @property
    def plain(self) -> str:
        """All of it as text."""
        return json.dumps([*self.size, self.shortest, *self.mean, *self.deviation, self.scale])


@dataclass(frozen=True)
class Picture:
    """One row, and how it is prepared."""

    row: ImageRow
    preparation: Preparation


def preparation_of(base: Checkpoint) -> Preparation:
    """What ``preprocessor_config.json`` says; ImageNet's numbers where there is none.

    Raises:
        BadCheckpoint: it cannot be understood.
    """
    file = base.folder / _FILE
    found = read_mapping(inside(base.folder, file), BadCheckpoint) if file.exists() else {}
    usual = base.config.get("image_size", _USUAL_SIZE)
    size, shortest = found.get("size", usual), None
    try:
        if isinstance(size, Mapping) and "shortest_edge" in size:
            shortest = int(size["shortest_edge"])
            size = found.get("crop_size", shortest) if found.get("do_center_crop", True) else size
        if isinstance(size, Mapping) and "height" not in size:
            raise BadCheckpoint(
                f"{file}: pictures keep their shape (size {dict(size)}, no crop), so they do not "
                "share a batch. Set image_size in the zoo file."
            )
        height, width = (
            (size["height"], size["width"]) if isinstance(size, Mapping)
            else size if isinstance(size, Sequence) else (size, size)
        )  # fmt: skip
        mean, deviation = found.get("image_mean", MEAN), found.get("image_std", DEVIATION)
        if found.get("do_normalize") is False:
            mean, deviation = (0.0,) * 3, (1.0,) * 3
        scale = float(found.get("rescale_factor", 1 / 255))
        return Preparation(
            (int(height), int(width)), shortest, tuple(map(float, mean)),
            tuple(map(float, deviation)), scale if found.get("do_rescale", True) else 1.0,
        )  # fmt: skip
    except (TypeError, ValueError, KeyError) as problem:
        raise BadCheckpoint(f"{file} cannot be understood: {problem!r}.") from None


def prepared(items: Sequence[Picture]) -> Tensor:
    """``(rows, 3, height, width)`` float32, bilinear with antialiasing."""
    return torch.stack([_prepared(item.row, item.preparation) for item in items])


def _prepared(row: ImageRow, how: Preparation) -> Tensor:
    pixels = torch.from_numpy(row.pixels().copy()).permute(2, 0, 1).float()
    height, width = how.size
    if how.shortest is None:
        pixels = _resized(pixels, height, width)
    else:
        _, own_height, own_width = pixels.shape
        factor = how.shortest / min(own_height, own_width)
        larger = (max(round(own_height * factor), height), max(round(own_width * factor), width))
        pixels = _resized(pixels, *larger)
        top, left = (larger[0] - height) // 2, (larger[1] - width) // 2
        pixels = pixels[:, top : top + height, left : left + width]
    mean, deviation = (torch.tensor(x).view(-1, 1, 1) for x in (how.mean, how.deviation))
    return (pixels * how.scale - mean) / deviation


def _resized(pixels: Tensor, height: int, width: int) -> Tensor:
    if pixels.shape[1:] == (height, width):
        return pixels
    return torch.nn.functional.interpolate(
        pixels[None], (height, width), mode="bilinear", antialias=True
    )[0]
