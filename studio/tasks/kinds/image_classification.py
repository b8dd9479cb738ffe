"""Image classification: a picture goes in, one of a few labels comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import inside, source_folder
from studio.errors import BadCheckpoint, BadData, BadZoo, Findings
from studio.tasks.heads import Head, LinearHead, head_from_file, holds_head
from studio.tasks.kinds.classes import class_of, head_of, other_task
from studio.tasks.kinds.classifier_heads import head_beside, opened_with_labels, write_head
from studio.tasks.kinds.contract import Batch, Kind, Opened
from studio.tasks.kinds.image_items import Picture, Preparation, preparation_of, prepared
from studio.tasks.kinds.image_rows import ImageRow, read_images
from studio.tasks.kinds.image_snippets import OF_CLASS, OF_POOLED
from studio.tasks.kinds.labels import zoo_labels
from studio.tasks.own_class import OwnHead
from studio.tasks.rows import UNLABELLED
from studio.tasks.spec import Settings, TaskSpec, named_file

_AUTO = "AutoModelForImageClassification"
_TRIAL_ROWS = 16
_LARGEST = 4096


@dataclass(frozen=True)
class ImageSettings(Settings):
    """What an entry of the zoo file says of an image classification.

    Attributes:
        head: file with ``weight`` (labels, hidden) and ``bias``; None if the checkpoint holds it.
        head_only: the same, fitted on the untouched base; None if there is none.
        labels: names in the order of the zoo; None leaves them to the checkpoint.
        image_size: height and width; None leaves it to the base, as the two below.
        mean: of each channel.
        deviation: of each channel, ``std`` in the zoo file.
        preparation: all of that with what the base says; None before the task is opened.
    """

    head: Path | None = None
    head_only: Path | None = None
    labels: tuple[str, ...] | None = None
    image_size: int | None = None
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None
    preparation: Preparation | None = None


class ImageClassification(Kind):
    """Pixels, the architecture's own classifier, or a linear head on what the body pools."""

    name = "image-classification"
    keys = ("head", "head_only", "labels", "image_size", "mean", "std")
    expert_keys = ("head_only",)
    noun = "picture"
    smaller = "a smaller image_size"

    def settings(self, entry: dict, folder: Path, where: str) -> ImageSettings:
        """Files of the head and the labels, and how pictures are prepared."""
        wrong, size = Findings(where), entry.get("image_size")
        if "image_size" in entry and (type(size) is not int or not 1 <= size <= _LARGEST):
            wrong.add(BadZoo(f"{where} has image_size {size!r}; it must be a whole number from 1."))
        channels = {
            key: wrong.tried(partial(_channels, entry, key, where)) for key in ("mean", "std")
        }
        files = {
            key: wrong.tried(partial(named_file, entry, key, folder, where))
            for key in ("head", "head_only")
        }
        labels = wrong.tried(lambda: zoo_labels(entry, folder, where))
        wrong.refuse()
        return ImageSettings(
            files["head"], files["head_only"], labels, size, channels["mean"], channels["std"]
        )

    def refuse_general(self, spec: TaskSpec, where: str) -> None:
        """The base has no head, so the entry must name one."""
        if _own(spec).head is None:
            raise BadZoo(f"{where} ('{spec.name}') names no head; give one fitted on the base.")

    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        """The head of a file, or the checkpoint's own in its class."""
        own = _own(spec)
        count = len(own.labels) if own.labels else None
        fitted = head_from_file(own.head_only, count, spec.name) if own.head_only else None
        file = written / HEAD_FILES[0] if written else None
        file = inside(file.parent, file) if file and file.exists() else own.head
        unread = Opened(own.labels or (), None, fitted, own)
        if not (file or spec.data or holds_head(private)):
            return unread
        try:
            settings = replace(own, preparation=_preparation(own, base))
            found = _answer(spec, private, base, file, bool(written))
        except (BadCheckpoint, BadData, BadZoo) as problem:
            if file or spec.data:
                raise
            why = problem.problem.removeprefix(f"'{spec.name}': ")
            return replace(unread, notes=(f"its head is not used: {why}",))
        return replace(found, head_only=fitted, settings=settings)

    def successor(
        self, spec: TaskSpec, checkpoint: str, private: Mapping[str, Tensor]
    ) -> tuple[TaskSpec, bool]:
        """The new checkpoint's own head, in a file beside it or among its tensors."""
        head = head_beside(checkpoint)
        settings = replace(_own(spec), head=head, head_only=None)
        made = replace(spec, checkpoint=checkpoint, settings=settings)
        return made, head is not None or holds_head(private)

    def own_settings(
        self, base: Checkpoint, checkpoint: str, private: Mapping[str, Tensor]
    ) -> ImageSettings | None:
        """Known where a class of transformers for pictures answers."""
        folder = source_folder(checkpoint)
        known = holds_head(private) and class_of(folder, base, _AUTO)
        return ImageSettings() if known else None

    def read(
        self, file: Path, labels: tuple[str, ...], labelled: bool, most: int | None = None
    ) -> tuple[ImageRow, ...]:
        """See ``read_images``."""
        return read_images(file, labels, labelled, most)

    def plain(self, row: ImageRow) -> list:
        """Digest of the pixels, or of the file that holds them, and the label."""
        return [row.digest, row.label]

    def shown(self, row: ImageRow) -> str:
        """Where it stands."""
        return row.source.name if isinstance(row.source, Path) else Path(row.where).name

    def thumbnail(self, row: ImageRow) -> bytes:
        """Of at most 128 pixels a side."""
        return row.thumbnail

    def reader(self, checkpoint: Checkpoint) -> Preparation:
        """How the base wants its pictures."""
        return preparation_of(checkpoint)

    def refuse_unread(self, reader: Any, rows: Sequence[ImageRow], where: str) -> None:
        """The first pictures can be read."""
        for row in rows:
            row.pixels()

    def encode(self, reader: Any, spec: TaskSpec, rows: Sequence[ImageRow]) -> list[Picture]:
        """The rows as they are; pixels are read when their batch comes."""
        how = _own(spec).preparation or reader
        return [Picture(row, how) for row in rows]

    def together(self, spec: TaskSpec) -> str:
        """How pictures are prepared."""
        how = _own(spec).preparation
        return how.plain if how else ""

    def length(self, item: Picture) -> int:
        """All are of one size."""
        return 1

    def batch(self, reader: Any, items: Sequence[Picture]) -> Batch:
        """Pictures of one size."""
        return Batch(items, {"pixel_values": prepared(items)})

    def trial(self, reader: Preparation) -> Batch:
        """Grey pictures."""
        grey = ImageRow(np.full((*reader.size, 3), 128, np.uint8), UNLABELLED, None, "a trial")
        return self.batch(reader, [Picture(grey, reader)] * _TRIAL_ROWS)

    def scores(
        self, spec: TaskSpec, head: Head, output: Any, batch: Batch, places: Tensor
    ) -> Tensor:
        """Of the class that the head is in; or what the body pools, through a linear head."""
        if isinstance(head, OwnHead):
            return head.logits(output, batch.inputs, places).cpu()
        assert isinstance(head, LinearHead)
        pooled = getattr(output, "pooler_output", None)
        if pooled is None:
            raise BadData(f"'{spec.name}': the base pools nothing that a linear head could read.")
        pooled = pooled[places.to(pooled.device)].flatten(1).float()
        if pooled.shape[1] != head.weight.shape[1]:
            raise BadData(
                f"'{spec.name}': the head takes {head.weight.shape[1]} numbers, the encoder gives "
                f"{pooled.shape[1]}. The head belongs to another base."
            )
        return head(pooled).cpu()

    def reads(self, spec: TaskSpec) -> list:
        """How pictures are prepared."""
        return [self.together(spec)]

    def asks(self, spec: TaskSpec) -> list:
        """Nothing beside the head."""
        return []

    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        """A head file, label names, and the settings as JSON; of a class its configuration, too."""
        how = _own(spec).preparation or Preparation((0, 0))
        settings = {
            "size": how.size, "shortest_edge": how.shortest, "mean": how.mean,
            "std": how.deviation, "scale": how.scale,
        }  # fmt: skip
        write_head(folder, opened, settings)

    def snippet(self, task: str, opened: Opened) -> str:
        """A function that classifies pictures."""
        return (OF_CLASS if isinstance(opened.head, OwnHead) else OF_POOLED).format(task=task)

    def own_class(self, base: Checkpoint, spec: TaskSpec, opened: Opened) -> OwnHead | None:
        """The head in its class."""
        return opened.head if isinstance(opened.head, OwnHead) else None


def _own(spec: TaskSpec) -> ImageSettings:
    assert isinstance(spec.settings, ImageSettings)
    return spec.settings


def _channels(entry: dict, key: str, where: str) -> tuple[float, ...] | None:
    """Three numbers of an entry; None if it does not say."""
    given = entry.get(key)
    if given is None:
        return None
    numbers = given if isinstance(given, list) else []
    if len(numbers) != 3 or not all(type(x) in (int, float) for x in numbers):
        raise BadZoo(f"{where} has {key} {given!r}; it must be three numbers.")
    if key == "std" and not all(x > 0 for x in numbers):
        raise BadZoo(f"{where} has std {given!r}; each must be above 0.")
    return tuple(float(x) for x in numbers)


def _preparation(own: ImageSettings, base: Checkpoint) -> Preparation:
    how = preparation_of(base)
    if own.image_size is not None:
        how = replace(how, size=(own.image_size,) * 2, shortest=None)
    return replace(how, mean=own.mean or how.mean, deviation=own.deviation or how.deviation)


def _answer(
    spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, file: Path | None,
    written: bool,
) -> Opened:  # fmt: skip
    names = _own(spec).labels
    found = head_of(spec, private, base, file, _AUTO, names or (), written)
    if found is None:
        why = other_task(source_folder(spec.checkpoint), _AUTO) or "no class is known for its head."
        raise BadData(f"'{spec.name}': {why} Give the task a head file.")
    return opened_with_labels(spec, names, base, written, found)
