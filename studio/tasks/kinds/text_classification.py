"""Text classification: a text goes in, one of a few labels comes out of a linear head."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import source_folder
from studio.errors import BadData
from studio.tasks.heads import Head, LinearHead, head_from_checkpoint
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.classes import class_of, file_in_class, head_of, other_task
from studio.tasks.kinds.classifier_heads import opened_with_labels, write_head
from studio.tasks.kinds.contract import Opened
from studio.tasks.kinds.lengths import cut_remark
from studio.tasks.kinds.pooling import POOLINGS, pool
from studio.tasks.kinds.text_items import Encoded, encoded, refuse_unread_texts
from studio.tasks.kinds.text_kind import TextKind, linear
from studio.tasks.kinds.text_rows import TextRow, read_rows
from studio.tasks.kinds.text_settings import USUAL_LENGTH, pooled, settings_of
from studio.tasks.kinds.text_snippets import OF_CLASS, OF_STATES
from studio.tasks.own_class import OwnHead
from studio.tasks.rows import UNLABELLED
from studio.tasks.spec import TaskSpec

_AUTO = "AutoModelForSequenceClassification"
_WHOLE = 1_000_000  # tokens, to count those of rows that are not cut
_POOLED = {"bert": "BertForSequenceClassification"}  # a linear head on what pooling 'pooler' gives
_SAME = {("pooler", named) for named in _POOLED.values()}


class TextClassification(TextKind):
    """Pooled states and a linear head, or the architecture's own class."""

    name = "text-classification"
    scores_labels = True
    auto = _AUTO
    keys = ("head", "head_only", "labels", "pooling", "max_length")

    def answer(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, file: Path | None,
        written: bool,
    ) -> Opened:  # fmt: skip
        """The head with its labels, and how the states are pooled that it reads."""
        found = _head(spec, private, base, file, written)
        opened = opened_with_labels(spec, settings_of(spec).labels, base, written, found)
        if not isinstance(opened.head, LinearHead):
            return replace(opened, settings=settings_of(spec))
        settings, said = pooled(spec, base, opened.head)
        return replace(opened, settings=settings, notes=(*said, *opened.notes))

    def read(
        self, file: Path, labels: tuple[str, ...], labelled: bool, most: int | None = None
    ) -> tuple[TextRow, ...]:
        """See ``read_rows``."""
        return read_rows(file, labels, labelled, most)

    def plain(self, row: TextRow) -> list:
        """Text and label, and the pair's second text if there is one."""
        return [row.text, row.label] + ([] if row.pair is None else [row.pair])

    def shown(self, row: TextRow) -> str:
        """The text, or both texts of a pair."""
        return row.text if row.pair is None else f"{row.text} | {row.pair}"

    def own_row(self, text: str) -> TextRow:
        """A text without a label."""
        return TextRow(text, UNLABELLED, None)

    def refuse_unread(self, reader: Any, rows: Sequence[TextRow], where: str) -> None:
        """See ``refuse_unread_texts``."""
        refuse_unread_texts(reader, [row.text for row in rows], where)

    def remarks(self, spec: TaskSpec, base: Checkpoint, rows: Sequence[TextRow]) -> str:
        """How many rows are cut."""
        length = settings_of(spec).max_length or USUAL_LENGTH
        whole = encoded(self.reader(base), rows, _WHOLE)
        return cut_remark([max(len(each) - length, 0) for each in whole], length)

    def encode(self, reader: Any, spec: TaskSpec, rows: Sequence[TextRow]) -> list[Encoded]:
        """Token ids, with special tokens, cut after ``max_length``."""
        return encoded(reader, rows, settings_of(spec).max_length or USUAL_LENGTH)

    def scores(
        self, spec: TaskSpec, head: Head, output: object, batch: Batch, places: Tensor
    ) -> Tensor:
        """Of the class that the head is in; or pooled states through a linear head."""
        if isinstance(head, OwnHead):
            return head.logits(output, batch.inputs, places).cpu()
        assert isinstance(head, LinearHead)
        mask, pooling = batch.inputs["attention_mask"], settings_of(spec).pooling or "mean"
        return linear(head, pool(output, mask, pooling, head, places), spec.name).cpu()

    def asks(self, spec: TaskSpec) -> list:
        """How states are pooled; empty text where the head's class knows."""
        return [settings_of(spec).pooling or ""]

    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        """A head file, label names, and the settings as JSON; of a class its configuration, too."""
        own, settings = settings_of(spec), {}
        if isinstance(opened.head, LinearHead):
            settings = {"pooling": own.pooling}
        write_head(folder, opened, {**settings, "max_length": own.max_length})

    def snippet(self, task: str, opened: Opened) -> str:
        """A function that classifies texts."""
        own = isinstance(opened.head, OwnHead)
        return (OF_CLASS if own else OF_STATES).format(task=task)

    def own_class(self, base: Checkpoint, spec: TaskSpec, opened: Opened) -> OwnHead | None:
        """The head in its class; a linear one, if the architecture's classifier pools like it."""
        if isinstance(opened.head, OwnHead):
            return opened.head
        named = _POOLED.get(str(base.config.get("model_type")))
        if not named or not isinstance(opened.head, LinearHead):
            return None
        if settings_of(spec).pooling != "pooler":
            return None
        return file_in_class(spec.name, named, base.folder, base, opened.head)


def _head(
    spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, file: Path | None,
    written: bool,
) -> tuple[LinearHead | OwnHead, bool, tuple[str, ...]]:  # fmt: skip
    """The head, whether it is the checkpoint's own, and what a user should know."""
    own, folder = settings_of(spec), source_folder(spec.checkpoint)
    if own.pooling is not None and not file:
        head, named = head_from_checkpoint(private, None, spec.name), class_of(folder, base, _AUTO)
        said = ()
        if named and (own.pooling, named) not in _SAME:
            said = (f"pooling: {own.pooling}, as the zoo says, in place of {named}'s own.",)
        return head, True, said
    labels = own.labels or ()
    found = head_of(spec, private, base, file, _AUTO, labels, written, own.pooling is None)
    if found is None:
        head_from_checkpoint(private, None, spec.name)  # says what is missing
        why = other_task(folder, _AUTO) or "no class of transformers says how its states are used."
        raise BadData(
            f"'{spec.name}': {why} Write the pooling that its head was trained with into the zoo "
            f"file: {', '.join(POOLINGS)}."
        )
    return found
