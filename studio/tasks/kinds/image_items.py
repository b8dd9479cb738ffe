"""Pictures as a model reads them: resized, cut and normalised by the base's own image processor."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import inside, read_mapping
from studio.errors import BadCheckpoint
from studio.tasks.kinds.image_rows import ImageRow
from studio.tasks.pretrained import quiet_transformers

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, where nobody says others."""
FILE = "preprocessor_config.json"
"""In which a folder, or a task's head in an export, says how pictures are prepared."""
LARGEST_SIDE = 4096
"""In pixels, of what a model reads."""
_NESTED = "processor_config.json"  # of texts and pictures; the part 'image_processor' counts first
_USUAL_SIZE = 224


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes what a model reads.

    Attributes:
        plain: all of it as text, as ``preprocessor_config.json`` has it.
        processor: transformers' image processor that does it, on PIL, which every machine has.
    """

    plain: str
    processor: Any = field(compare=False, repr=False)

    def changed(
        self, side: int | None, mean: Sequence[float] | None, deviation: Sequence[float] | None
    ) -> "Preparation":
        """With what a zoo says otherwise: height and width, mean and deviation of each channel.

        Pictures are then resized to the one size as they are, unless the processor has a share of
        the picture that is cut out (``crop_pct``), which it keeps.
        """
        found = self.processor.to_dict()
        if side is not None:
            cut = "crop_pct" in found
            size = {"shortest_edge": side} if cut else {"height": side, "width": side}
            found |= {"size": size, "do_resize": True, "do_center_crop": False}
        given = {"image_mean": mean, "image_std": deviation}
        found |= {key: list(each) for key, each in given.items() if each is not None}
        if mean is not None or deviation is not None:
            found["do_normalize"] = True
        return _of(type(self.processor)(**found))


@dataclass(frozen=True)
class Picture:
    """One row, and how it is prepared."""

    row: ImageRow
    preparation: Preparation


def preparation_of(base: Checkpoint) -> tuple[Preparation, tuple[str, ...]]:
    """How a base wants its pictures, and what a user should know of that.

    Its image processor is the one of ``processor_config.json`` or ``preprocessor_config.json``,
    as transformers reads them; ImageNet's numbers where there is neither.

    Raises:
        BadCheckpoint: it cannot be understood, or is foreign code.
    """
    for name in (_NESTED, FILE):
        file = base.folder / name
        said = read_mapping(inside(base.folder, file), BadCheckpoint) if file.exists() else {}
        said = said.get("image_processor") if name == _NESTED else said
        if said:
            return _of(_loaded(base, file, said)), ()
    size = base.config.get("image_size") or _of_tower(base).get("image_size") or _USUAL_SIZE
    height, width = size if isinstance(size, Sequence) else (size, size)
    usual = transformers.ViTImageProcessorPil(
        size={"height": height, "width": width}, image_mean=list(MEAN), image_std=list(DEVIATION)
    )
    note = f"pictures: {height} by {width}, ImageNet's mean and deviation, since the base has no "
    return _of(usual), (f"{note}{FILE}.",)


def refuse_shapes(how: Preparation, where: str) -> None:
    """Refuse a preparation after which pictures of two shapes do not share a batch.

    Args:
        how: it prepares.
        where: it is from, for the sentence.

    Raises:
        BadCheckpoint: it does, or it fails.
    """
    wide, high = (ImageRow(np.zeros(s, np.uint8), 0, None, "") for s in ((60, 90, 3), (90, 60, 3)))
    try:
        found = [prepared([Picture(row, how)]) for row in (wide, high)]
    except (TypeError, ValueError, KeyError, AttributeError) as problem:
        raise BadCheckpoint(f"{where} cannot be understood: {problem}.") from None
    shapes = [{name: tuple(x.shape) for name, x in each.items()} for each in found]
    if shapes[0] != shapes[1]:
        raise BadCheckpoint(
            f"{where}: pictures keep their shape, so they do not share a batch. Set image_size in "
            "the zoo file."
        )


def prepared(items: Sequence[Picture]) -> dict[str, Tensor]:
    """What the model is called with, by name, a line for every picture."""
    parts = [
        item.preparation.processor(
            images=[item.row.pixels()], input_data_format="channels_last", return_tensors="pt"
        )
        for item in items
    ]
    return {name: torch.cat([each[name] for each in parts]) for name in parts[0]}


def _of(processor: Any) -> Preparation:
    found = json.loads(json.dumps(processor.to_dict(), default=str))
    return Preparation(json.dumps(found, sort_keys=True), processor)


def _of_tower(base: Checkpoint) -> Mapping[str, Any]:
    found = base.config.get("vision_config")
    return found if isinstance(found, Mapping) else {}


def _loaded(base: Checkpoint, file: Path, said: Mapping[str, Any]) -> Any:
    """The processor that a file names, or that is usual for the base's class."""
    sides = [x for key in ("size", "crop_size") for x in _numbers(said.get(key))]
    if wrong := [x for x in sides if not 1 <= x <= LARGEST_SIDE]:
        raise BadCheckpoint(f"{file} has a side of {wrong[0]}; 1 to {LARGEST_SIDE} are read.")
    named = str(said.get("image_processor_type", "")).removesuffix("Fast")
    if named and not hasattr(transformers, named):
        raise BadCheckpoint(
            f"{file} names the image processor {named}, which transformers does not know; code of "
            "a folder is not run."
        )
    plain = {k: v for k, v in base.config.items() if k not in ("auto_map", "quantization_config")}
    try:
        config = transformers.AutoConfig.for_model(**plain) if "model_type" in plain else None
        with quiet_transformers():
            return transformers.AutoImageProcessor.from_pretrained(
                base.folder, config=config, backend="pil", local_files_only=True,
                trust_remote_code=False,
            )  # fmt: skip
    except Exception as problem:  # transformers raises whatever its processors raise
        why = str(problem).split("\n")[0]
        raise BadCheckpoint(f"{file} cannot be understood: {why}") from None


def _numbers(value: object) -> list[float]:
    """The numbers in a size, however it is written."""
    if isinstance(value, Mapping):
        value = [*value.values()]
    if isinstance(value, list):
        return [x for each in value for x in _numbers(each)]
    return [value] if isinstance(value, int | float) else []
