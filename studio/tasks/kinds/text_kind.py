"""What kinds that choose labels by a head behind an encoder of texts have in common."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import transformers
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import inside, source_folder
from studio.errors import BadCheckpoint, BadData, BadZoo
from studio.tasks.heads import Head, LinearHead, head_from_file, holds_head
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.classes import class_of, other_task
from studio.tasks.kinds.classifier_heads import head_beside, write_head
from studio.tasks.kinds.contract import Kind, Opened
from studio.tasks.kinds.lengths import refuse_longer
from studio.tasks.kinds.text_items import Encoded, batched
from studio.tasks.kinds.text_settings import (
    USUAL_LENGTH,
    TextSettings,
    read_settings,
    settings_of,
    text_length,
)
from studio.tasks.own_class import class_for
from studio.tasks.pretrained import load_tokenizer, longest_input, longest_of
from studio.tasks.spec import TaskSpec

_TRIAL_ROWS, _TRIAL_TOKENS = 32, 16


class TextKind(Kind):
    """Tokens, states, a head that chooses a label; one encoder reads the texts of all tasks."""

    auto: ClassVar[str]
    """Name of transformers' auto class of what answers."""
    usual_length: ClassVar[int] = USUAL_LENGTH
    """Tokens after which a text is cut where nobody says another number."""
    keys = ("head", "head_only", "labels", "max_length")
    expert_keys = ("head_only",)
    noun = "text"
    smaller = "a smaller max_length"

    @abstractmethod
    def answer(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, file: Path | None,
        written: bool,
    ) -> Opened:  # fmt: skip
        """The head of a file, or else the checkpoint's own, with its labels.

        Args:
            spec: the zoo's entry, with its ``max_length``.
            private: the checkpoint's tensors that are not merged.
            base: of the zoo.
            file: of a head; None for the checkpoint's own.
            written: whether an export has written it.

        Raises:
            StudioError: it is missing or does not fit.
        """

    def settings(self, entry: dict, folder: Path, where: str) -> TextSettings:
        """Files of the head and the labels, where texts are cut, how states are pooled."""
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
        length, cut = text_length(spec, base, self.usual_length)
        spec = replace(spec, settings=replace(own, max_length=length))
        count = len(own.labels) if own.labels else None
        fitted = head_from_file(own.head_only, count, spec.name) if own.head_only else None
        file = written / HEAD_FILES[0] if written else None
        file = inside(file.parent, file) if file and file.exists() else own.head
        unread = Opened(own.labels or (), None, fitted, spec.settings)
        if not (file or spec.data or holds_head(private)):
            return unread
        try:
            _refuse_no_decoder_input(spec.name, base)
            found = self.answer(spec, private, base, file, bool(written))
        except (BadCheckpoint, BadData, BadZoo) as problem:
            if file or spec.data:
                raise
            why = other_task(source_folder(spec.checkpoint), self.auto) or problem.problem
            why = why.removeprefix(f"'{spec.name}': ")
            return replace(unread, notes=(f"its head is not used: {why}",))
        return replace(found, head_only=fitted, notes=(*found.notes, *cut))

    def refuse_misfit(self, spec: TaskSpec, head: Head, base: Checkpoint) -> None:
        """A linear head takes as many numbers as the base is wide; texts fit its positions."""
        refuse_longer(spec.name, settings_of(spec).max_length, longest_of(base))
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
        """Known where one of the classes of transformers for such tasks answers."""
        folder = source_folder(checkpoint)
        known = holds_head(private) and class_of(folder, base, self.auto)
        return TextSettings() if known else None

    def reader(self, checkpoint: Checkpoint) -> Any:
        """The base's tokenizer."""
        return load_tokenizer(checkpoint)

    def refuse_long(self, spec: TaskSpec, model: nn.Module) -> None:
        """An encoder has positions for so many tokens."""
        refuse_longer(spec.name, settings_of(spec).max_length, longest_input(model))

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

    def reads(self, spec: TaskSpec) -> list:
        """Where a text is cut."""
        return [settings_of(spec).max_length]

    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        """A head file, label names, and the settings as JSON; of a class its configuration, too."""
        write_head(folder, opened, {"max_length": settings_of(spec).max_length})


def _refuse_no_decoder_input(task: str, base: Checkpoint) -> None:
    """Refuse a body that asks for its decoder's input, which its classes make each in their way."""
    body = class_for("AutoModel", base.config)
    if body and hasattr(getattr(transformers, body), "_shift_right"):
        raise BadData(
            f"'{task}': {body} asks for the input of its decoder beside the text, so a head on its "
            "states is not scored here. As a task of the type seq2seq it is, by its targets."
        )


def linear(head: LinearHead, states: Tensor, task: str) -> Tensor:
    """``(…, labels)`` scores by a head of a file, of ``(…, hidden)`` states.

    Raises:
        BadData: it takes other numbers.
    """
    if states.shape[-1] != head.weight.shape[1]:
        raise BadData(
            f"'{task}': the head takes {head.weight.shape[1]} numbers, the encoder gives "
            f"{states.shape[-1]}. The head belongs to another base."
        )
    return head(states.float())
