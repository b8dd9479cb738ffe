"""What a kind of task is asked: its rows, its batches, its answers, its words, its files."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.tasks.heads import Head
from studio.tasks.kinds.answers import Answers, Batch, Item
from studio.tasks.kinds.writing import Writes
from studio.tasks.own_class import OwnHead
from studio.tasks.pretrained import load_pretrained
from studio.tasks.rows import Row
from studio.tasks.spec import Settings, TaskSpec

Reader = Any
"""What turns rows into items, such as a tokenizer; only its kind looks inside."""


@dataclass(frozen=True)
class Opened:
    """What answers for a task.

    Attributes:
        labels: names of the options; empty where every row has options of its own.
        head: trained with the expert; None if the task has no data and no head.
        head_only: fitted on the untouched base, or None.
        settings: the entry's, with what it leaves out read from the checkpoint; None to keep them.
        notes: what a user should know of that, a sentence each.
    """

    labels: tuple[str, ...]
    head: Head | None
    head_only: Head | None = None
    settings: Settings | None = None
    notes: tuple[str, ...] = ()


class Kind(Answers, Writes):
    """A kind of task, in a file of its own; one instance of it stands in ``KINDS``."""

    name: ClassVar[str]
    """As the zoo file has it in ``type``."""
    pipeline: ClassVar[str] = ""
    """The Hub's word for it; empty where that is its name."""
    keys: ClassVar[tuple[str, ...]] = ()
    """Keys of an entry of the zoo file, beside name, checkpoint, type and data."""
    expert_keys: ClassVar[tuple[str, ...]] = ()
    """Those of them that rows which belong to no task cannot have."""
    scores_labels: ClassVar[bool] = False
    """Whether a head of its tasks may score labels by a last layer of its own."""
    model_class: ClassVar[str] = "AutoModel"
    """Of transformers' auto classes, the one whose model is asked."""
    behind_class: ClassVar[str] = ""
    """Of these, the one with the layers behind the body that this kind asks on every base."""
    noun: ClassVar[str]  # what a row shows, in one word
    smaller: ClassVar[str]  # what to set so that a row takes less memory, in words

    # The zoo file
    @abstractmethod
    def settings(self, entry: dict, folder: Path, where: str) -> Settings:
        """What an entry without unknown keys says, checked; errors name where it stands.

        Raises:
            BadZoo: naming the key and what is wrong with it.
        """

    def refuse_general(self, spec: TaskSpec, where: str) -> None:
        """Refuse rows that belong to no task if the base alone cannot answer them.

        Raises:
            BadZoo: saying what is missing.
        """
        return None

    # What answers
    @abstractmethod
    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        """What answers for a task.

        Args:
            spec: the zoo's entry.
            private: the checkpoint's tensors that are not merged.
            base: of the zoo.
            written: a folder that ``write`` wrote; what it holds comes before the zoo's.

        Raises:
            StudioError: something is missing or does not fit.
        """

    def refuse_misfit(self, spec: TaskSpec, head: Head, base: Checkpoint) -> None:
        """Refuse a head that was made for another base, as far as headers say.

        Raises:
            BadData: it was.
        """
        return None

    @abstractmethod
    def successor(
        self, spec: TaskSpec, checkpoint: str, private: Mapping[str, Tensor]
    ) -> tuple[TaskSpec, bool]:
        """The entry of a task whose checkpoint is replaced by a folder with private tensors.

        Returns:
            The entry, and whether the new checkpoint brings along what answers.
        """

    def own_settings(
        self, base: Checkpoint, checkpoint: str, private: Mapping[str, Tensor]
    ) -> Settings | None:
        """Settings by which a checkpoint answers without a zoo; None if that is not known."""
        return None

    # Rows
    @abstractmethod
    def read(
        self, file: Path, labels: tuple[str, ...], labelled: bool, most: int | None = None
    ) -> Sequence[Row]:
        """The rows of a file.

        Args:
            file: that the zoo names.
            labels: of the task.
            labelled: whether every row must say what is right.
            most: rows that are read, from the first; None for all.

        Raises:
            BadData: naming the file, the place and what is wrong.
        """

    @abstractmethod
    def plain(self, row: Row) -> list:
        """All that a row says but its group, as JSON: a row that differs is another."""

    @abstractmethod
    def shown(self, row: Row) -> str:
        """What a person sees of a row."""

    def thumbnail(self, row: Row) -> bytes | None:
        """A small WebP of a row that is a picture, or ``BadData``; None where words show it."""
        return None

    def says(self, labels: tuple[str, ...], row: Row, options: Sequence[int]) -> str:
        """The chosen option of each question of a row, in words."""
        return " ".join(labels[option] for option in options)

    def own_row(self, text: str) -> Row | None:
        """A row made of what a person has typed; None if this kind's rows cannot be typed."""
        return None

    # The model
    def behind(self, base: Checkpoint) -> str:
        """Of transformers' auto classes, the one whose layers behind the body are asked on a base.

        Empty if none are.
        """
        return self.behind_class

    def load(self, checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> nn.Module:
        """The model that is asked; see ``load_pretrained``."""
        return load_pretrained(checkpoint, self.model_class, dtype)

    def body(self, model: nn.Module) -> nn.Module:
        """The part of the loaded model that is called with a batch."""
        whole: Any = model  # of transformers, if there are layers behind its body
        return whole.base_model if self.behind_class else model

    @abstractmethod
    def reader(self, checkpoint: Checkpoint) -> Reader:
        """What turns rows into items, from a model's files; raises ``BadCheckpoint``."""

    def refuse_unread(self, reader: Reader, rows: Sequence[Row], where: str) -> None:
        """Refuse a reader to which the first rows say nothing; ``BadData`` begins with where."""
        return None

    def refuse_long(self, spec: TaskSpec, model: nn.Module) -> None:
        """Refuse settings that ask for more than the model can read.

        Raises:
            BadData: with both numbers.
        """
        return None

    @abstractmethod
    def encode(self, reader: Reader, spec: TaskSpec, rows: Sequence[Row]) -> list[Item]:
        """Rows as the model reads them."""

    def remarks(self, spec: TaskSpec, base: Checkpoint, rows: Sequence[Row]) -> str:
        """What a user should know of how rows are read, as a sentence; empty for nothing."""
        return ""

    def together(self, spec: TaskSpec) -> str:
        """What tasks of the kind must have in common for their rows to share a batch."""
        return ""

    @abstractmethod
    def length(self, item: Item) -> int:
        """How long an item is; items of like length share a batch."""

    @abstractmethod
    def batch(self, reader: Reader, items: Sequence[Item]) -> Batch:
        """Items made ready to go through the model together."""

    @abstractmethod
    def trial(self, reader: Reader) -> Batch:
        """A batch of the usual size, to time the model with."""

    def real(self, batch: Batch) -> Tensor | tuple[Tensor, ...] | None:
        """``(rows, positions)``, true where a batch holds more than padding; None for all.

        Of several, a layer's is the one of the shape of what it sees.
        """
        return None

    # Caches and exports
    @abstractmethod
    def reads(self, spec: TaskSpec) -> list:
        """The settings that decide what the model is called with, as JSON."""

    @abstractmethod
    def asks(self, spec: TaskSpec) -> list:
        """The settings that decide how its output is read, as JSON."""

    @abstractmethod
    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        """Write what answers for a task into a folder; ``open`` reads it again."""

    @abstractmethod
    def snippet(self, task: str, opened: Opened) -> str:
        """Python, in a Markdown block, that asks an exported folder for the rows of a task."""

    def own_class(self, base: Checkpoint, spec: TaskSpec, opened: Opened) -> OwnHead | None:
        """What answers as the architecture's own class has it; None if it reads otherwise."""
        return None


def places_of(rows: Sequence[tuple[str, int]]) -> dict[str, Tensor]:
    """By task, where its rows stand in a batch of ``(task, row)``."""
    found: dict[str, list[int]] = {}
    for place, (task, _) in enumerate(rows):
        found.setdefault(task, []).append(place)
    return {task: torch.tensor(places) for task, places in found.items()}
