"""Text classification: a text goes in, one of a few labels comes out of a linear head."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import inside, source_folder
from studio.errors import BadCheckpoint, BadData, BadZoo
from studio.tasks.heads import (
    Head,
    LinearHead,
    head_from_checkpoint,
    head_from_file,
    holds_head,
)
from studio.tasks.kinds.classes import class_of, file_in_class, head_of, other_task
from studio.tasks.kinds.classifier_heads import head_beside, opened_with_labels, write_head
from studio.tasks.kinds.contract import Batch, Kind, Opened
from studio.tasks.kinds.pooling import POOLINGS, pool
from studio.tasks.kinds.text_items import Encoded, batched, encoded, refuse_unread_texts
from studio.tasks.kinds.text_rows import TextRow, read_rows
from studio.tasks.kinds.text_settings import (
    USUAL_LENGTH,
    TextSettings,
    pooled,
    read_settings,
    refuse_longer,
    settings_of,
    text_length,
)
from studio.tasks.kinds.text_snippets import OF_CLASS, OF_STATES
from studio.tasks.own_class import OwnHead
from studio.tasks.pretrained import load_tokenizer, longest_input, longest_of
from studio.tasks.rows import UNLABELLED
from studio.tasks.spec import TaskSpec

_TRIAL_ROWS, _TRIAL_TOKENS = 32, 16
_AUTO = "AutoModelForSequenceClassification"
_POOLED = {"bert": "BertForSequenceClassification"}  # a linear head on what pooling 'pooler' gives
_SAME = {("pooler", named) for named in _POOLED.values()}


class TextClassification(Kind):
    """Tokens, pooled states, a linear head; one encoder reads the texts of all tasks."""

    name = "text-classification"
    keys = ("head", "head_only", "labels", "pooling", "max_length")
    expert_keys = ("head_only",)
    noun = "text"
    smaller = "a smaller max_length"

    def settings(self, entry: dict, folder: Path, where: str) -> TextSettings:
        """Files of the head and the labels, how states are pooled, where texts are cut."""
        return read_settings(entry, folder, where)

    def refuse_general(self, spec: TaskSpec, where: str) -> None:
        """The base has no head, so the entry must name one."""
        if settings_of(spec).head is None:
            raise BadZoo(f"{where} ('{spec.name}') names no head; give one fitted on the base.")

    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        """The head of a file, or the one among the checkpoint's own tensors.

        What the zoo leaves out is read from the checkpoint: pooling, and the labels' names.
        """
        own = settings_of(spec)
        length, cut = text_length(spec, base)
        spec = replace(spec, settings=replace(own, max_length=length))
        count = len(own.labels) if own.labels else None
        fitted = head_from_file(own.head_only, count, spec.name) if own.head_only else None
        file = written / HEAD_FILES[0] if written else None
        file = inside(file.parent, file) if file and file.exists() else own.head
        unread = Opened(own.labels or (), None, fitted, spec.settings)
        if not (file or spec.data or holds_head(private)):
            return unread
        try:
            found = _answer(spec, private, base, file, bool(written))
        except (BadCheckpoint, BadData, BadZoo) as problem:
            if file or spec.data:
                raise
            why = other_task(source_folder(spec.checkpoint), _AUTO) or problem.problem
            why = why.removeprefix(f"'{spec.name}': ")
            return replace(unread, notes=(f"its head is not used: {why}",))
        return replace(found, head_only=fitted, notes=(*found.notes, *cut))

    def refuse_misfit(self, spec: TaskSpec, head: Head, base: Checkpoint) -> None:
        """A linear head takes as many numbers as the base is wide; texts fit its positions."""
        refuse_longer(spec, longest_of(base))
        width = base.config.get("hidden_size")
        takes = head.weight.shape[1] if isinstance(head, LinearHead) else width
        if isinstance(width, int) and takes != width:
            raise BadData(
                f"'{spec.name}': the head takes {takes} numbers, the base gives {width}. Its head "
                "must be fitted on this base."
            )

    def successor(
        self, spec: TaskSpec, checkpoint: str, private: Mapping[str, Tensor]
    ) -> tuple[TaskSpec, bool]:
        """The new checkpoint's own head, in a file beside it or among its tensors."""
        head = head_beside(checkpoint)
        settings = replace(settings_of(spec), head=head, head_only=None)
        made = replace(spec, checkpoint=checkpoint, settings=settings)
        return made, head is not None or holds_head(private)

    def own_settings(
        self, base: Checkpoint, checkpoint: str, private: Mapping[str, Tensor]
    ) -> TextSettings | None:
        """Known where a class of transformers for whole texts answers."""
        folder = source_folder(checkpoint)
        known = holds_head(private) and class_of(folder, base, _AUTO)
        return TextSettings() if known else None

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

    def reader(self, checkpoint: Checkpoint) -> Any:
        """The base's tokenizer."""
        return load_tokenizer(checkpoint)

    def refuse_unread(self, reader: Any, rows: Sequence[TextRow], where: str) -> None:
        """See ``refuse_unread_texts``."""
        refuse_unread_texts(reader, rows, where)

    def refuse_long(self, spec: TaskSpec, model: nn.Module) -> None:
        """An encoder has positions for so many tokens."""
        refuse_longer(spec, longest_input(model))

    def encode(self, reader: Any, spec: TaskSpec, rows: Sequence[TextRow]) -> list[Encoded]:
        """Token ids, with special tokens, cut after ``max_length``."""
        return encoded(reader, rows, settings_of(spec).max_length or USUAL_LENGTH)

    def length(self, item: Encoded) -> int:
        """In tokens."""
        return len(item)

    def batch(self, reader: Any, items: Sequence[Encoded]) -> Batch:
        """Texts padded to the longest."""
        return Batch(items, batched(items, reader.pad_token_id or 0))

    def trial(self, reader: Any) -> Batch:
        """Short texts of padding alone."""
        text = Encoded([reader.pad_token_id or 0] * _TRIAL_TOKENS)
        return self.batch(reader, [text] * _TRIAL_ROWS)

    def real(self, batch: Batch) -> Tensor:
        """Where there is a token."""
        return batch.inputs["attention_mask"].bool()

    def scores(
        self, spec: TaskSpec, head: Head, output: object, batch: Batch, places: Tensor
    ) -> Tensor:
        """Of the class that the head is in; or pooled states through a linear head."""
        if isinstance(head, OwnHead):
            return head.logits(output, batch.inputs, places).cpu()
        assert isinstance(head, LinearHead)
        mask, pooling = batch.inputs["attention_mask"], settings_of(spec).pooling or "mean"
        pooled = pool(output, mask, pooling, head, places).float()
        if pooled.shape[1] != head.weight.shape[1]:
            raise BadData(
                f"'{spec.name}': the head takes {head.weight.shape[1]} numbers, the encoder gives "
                f"{pooled.shape[1]}. The head belongs to another base."
            )
        return head(pooled).cpu()

    def reads(self, spec: TaskSpec) -> list:
        """Where a text is cut."""
        return [settings_of(spec).max_length]

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


def _answer(
    spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, file: Path | None,
    written: bool,
) -> Opened:  # fmt: skip
    """The head of a file, or else the checkpoint's own, with its labels."""
    found = _head(spec, private, base, file, written)
    opened = opened_with_labels(spec, settings_of(spec).labels, base, written, found)
    if not isinstance(opened.head, LinearHead):
        return replace(opened, settings=settings_of(spec))
    settings, said = pooled(spec, base, opened.head)
    return replace(opened, settings=settings, notes=(*said, *opened.notes))


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
