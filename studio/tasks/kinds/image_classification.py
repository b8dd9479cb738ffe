"""Image classification: a picture goes in, one of a few labels comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import inside, source_folder
from studio.errors import BadCheckpoint, BadData, BadZoo, Findings
from studio.tasks.heads import Head, LinearHead, head_from_file, holds_head
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.classes import class_named, class_of, config_of
from studio.tasks.kinds.classifier_heads import (
    answered_by_class,
    head_beside,
    labels_of_rows,
    write_head,
)
from studio.tasks.kinds.contract import Kind, Opened
from studio.tasks.kinds.image_items import (
    FILE,
    LARGEST_SIDE,
    Picture,
    Preparation,
    preparation_of,
    prepared,
    refuse_shapes,
)
from studio.tasks.kinds.image_rows import ImageRow, read_images
from studio.tasks.kinds.image_snippets import OF_CLASS, OF_POOLED, OF_TEXTS
from studio.tasks.kinds.labels import zoo_labels
from studio.tasks.kinds.zero_shot import (
    USUAL_TEMPLATES,
    ZeroShotHead,
    has_text_tower,
    read_templates,
    vision_tower,
    zero_shot_head,
)
from studio.tasks.own_class import OwnHead
from studio.tasks.rows import UNLABELLED
from studio.tasks.spec import Settings, TaskSpec, named_file

_AUTO, _CLASS = "AutoModelForImageClassification", "ForImageClassification"
_TRIAL_ROWS, _TRIAL_SIDE = 16, 224


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
        templates: of sentences that a text tower reads; None if the zoo names none, and where
            something else answers.
        preparation: all of that with what the base says; None before the task is opened.
    """

    head: Path | None = None
    head_only: Path | None = None
    labels: tuple[str, ...] | None = None
    image_size: int | None = None
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None
    templates: tuple[str, ...] | None = None
    preparation: Preparation | None = None


class ImageClassification(Kind):
    """Pixels, and a classifier: the architecture's own, a linear one, or a base's text tower."""

    name = "image-classification"
    scores_labels = True
    keys = ("head", "head_only", "labels", "templates", "image_size", "mean", "std")
    expert_keys = ("head_only",)
    noun = "picture"
    smaller = "a smaller image_size"

    def settings(self, entry: dict, folder: Path, where: str) -> ImageSettings:
        """Files of the head and the labels, and how pictures are prepared."""
        wrong, size = Findings(where), entry.get("image_size")
        if "image_size" in entry and (type(size) is not int or not 1 <= size <= LARGEST_SIDE):
            wrong.add(BadZoo(f"{where} has image_size {size!r}; it must be a whole number from 1."))
        channels = {
            key: wrong.tried(partial(_channels, entry, key, where)) for key in ("mean", "std")
        }
        files = {
            key: wrong.tried(partial(named_file, entry, key, folder, where))
            for key in ("head", "head_only")
        }
        labels = wrong.tried(lambda: zoo_labels(entry, folder, where))
        templates = wrong.tried(partial(read_templates, entry, where))
        if templates and files["head"]:
            wrong.add(BadZoo(f"{where} has a head and templates; one of them answers. Name one."))
        wrong.refuse()
        return ImageSettings(
            files["head"], files["head_only"], labels, size, channels["mean"], channels["std"],
            templates,
        )  # fmt: skip

    def refuse_general(self, spec: TaskSpec, where: str) -> None:
        """The base has no head, so the entry must name one, or what a text tower reads."""
        own = _own(spec)
        if own.head is None and not (own.labels or own.templates):
            raise BadZoo(
                f"{where} ('{spec.name}') names no head; give one fitted on the base, or labels "
                "for its text tower."
            )

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
            found = _answer(spec, private, base, file, bool(written))
            how, said = _preparation(own, base)
        except (BadCheckpoint, BadData, BadZoo) as problem:
            if file or spec.data:
                raise
            why = problem.problem.removeprefix(f"'{spec.name}': ")
            return replace(unread, notes=(f"its head is not used: {why}",))
        templates = found.head.templates if isinstance(found.head, ZeroShotHead) else None
        settings = replace(own, preparation=how, templates=templates)
        return replace(found, head_only=fitted, settings=settings, notes=(*found.notes, *said))

    def successor(
        self, spec: TaskSpec, checkpoint: str, private: Mapping[str, Tensor]
    ) -> tuple[TaskSpec, bool]:
        """The new checkpoint's own head, in a file beside it or among its tensors; or no head."""
        head = head_beside(checkpoint)
        if _own(spec).templates is not None:
            return replace(spec, checkpoint=checkpoint), True
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

    def body(self, model: nn.Module) -> nn.Module:
        """Of two towers the one that reads pictures."""
        return vision_tower(model)

    def thumbnail(self, row: ImageRow) -> bytes:
        """Of at most 128 pixels a side."""
        return row.thumbnail

    def reader(self, checkpoint: Checkpoint) -> Preparation:
        """How the base wants its pictures."""
        return preparation_of(checkpoint)[0]

    def refuse_unread(self, reader: Any, rows: Sequence[ImageRow], where: str) -> None:
        """The first pictures can be read."""
        for row in rows[:_TRIAL_ROWS]:
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
        return Batch(items, prepared(items))

    def trial(self, reader: Preparation) -> Batch:
        """Grey pictures."""
        grey = ImageRow(np.full((_TRIAL_SIDE,) * 2, 128, np.uint8), UNLABELLED, None, "a trial")
        return self.batch(reader, [Picture(grey, reader)] * _TRIAL_ROWS)

    def scores(
        self, spec: TaskSpec, head: Head, output: Any, batch: Batch, places: Tensor
    ) -> Tensor:
        """Of the class that the head is in; by sentences; or of what the body pools."""
        if isinstance(head, OwnHead):
            return head.logits(output, batch.inputs, places).cpu()
        if isinstance(head, ZeroShotHead):
            return head.logits(batch.model, output, places).cpu()
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
        """A head file, label names, and how pictures are prepared; see ``write_head``."""
        own, head = _own(spec), opened.head
        settings = {}
        if isinstance(head, ZeroShotHead):
            settings = {"templates": head.templates, "reading": dict(head.reading)}
        write_head(folder, opened, settings)
        if own.preparation:
            (folder / FILE).write_text(own.preparation.plain, encoding="utf-8")

    def snippet(self, task: str, opened: Opened) -> str:
        """A function that classifies pictures."""
        texts = {OwnHead: OF_CLASS, ZeroShotHead: OF_TEXTS}
        return texts.get(type(opened.head), OF_POOLED).format(task=task)

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


def _preparation(own: ImageSettings, base: Checkpoint) -> tuple[Preparation, tuple[str, ...]]:
    """How pictures are prepared, by the zoo and the base, and what a user should know of that."""
    how, said = preparation_of(base)
    if own.image_size or own.mean or own.deviation:
        how = how.changed(own.image_size, own.mean, own.deviation)
        said = () if own.image_size and own.mean and own.deviation else said
    refuse_shapes(how, f"The image processor of {base.folder}")
    return how, said


def _answer(
    spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, file: Path | None,
    written: bool,
) -> Opened:  # fmt: skip
    own, folder = _own(spec), source_folder(spec.checkpoint)
    classifier = (
        bool(file) or holds_head(private) or class_named(config_of(folder)).endswith(_CLASS)
    )
    sentences = own.templates is not None or not classifier
    if sentences and has_text_tower(base):
        return _zero_shot(spec, base)
    if own.templates is not None:
        raise BadData(
            f"'{spec.name}': its base has no text tower that could read templates. Give the task "
            "a head file."
        )
    return answered_by_class(spec, own.labels, private, base, file, _AUTO, written)


def _zero_shot(spec: TaskSpec, base: Checkpoint) -> Opened:
    """What the base's text tower makes of the labels."""
    names, templates, said = _own(spec).labels, _own(spec).templates, ()
    if names is None:
        names, said = labels_of_rows(spec)
    if names is None:
        raise BadData(
            f"'{spec.name}' has no head, so the base's text tower answers, but the zoo names no "
            "labels for it. Give their names: 'labels: [NAME, NAME]'."
        )
    if len(names) < 2:
        raise BadData(
            f"'{spec.name}' is answered by the base's text tower, but its one label "
            f"{''.join(names)!r} leaves nothing to choose between. Name two or more."
        )
    head, notes = zero_shot_head(spec.name, base, names, templates or USUAL_TEMPLATES)
    return Opened(names, head, None, None, (*notes, *said))
