"""Multiple choice: which of a question's own options a model finds the likeliest."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import inside, read_mapping, source_folder
from studio.errors import BadData, BadZoo
from studio.tasks.heads import Head, holds_head
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.choice_rows import ChoiceRow, read_choices
from studio.tasks.kinds.classes import class_named, config_of, head_of, other_task
from studio.tasks.kinds.classifier_heads import write_head
from studio.tasks.kinds.contract import Opened
from studio.tasks.kinds.encoder_decoder import real_positions
from studio.tasks.kinds.language_head import SharedHead
from studio.tasks.kinds.lengths import LONGEST, length_of, refuse_longer, usual_length
from studio.tasks.kinds.option_items import Question, question_remarks
from studio.tasks.kinds.option_kind import OptionKind
from studio.tasks.kinds.option_scores import lined, log_likelihoods, of_head, other_choice
from studio.tasks.kinds.option_snippets import SNIPPETS
from studio.tasks.kinds.option_ways import Paired, Way, way_of
from studio.tasks.kinds.writing import Writer
from studio.tasks.own_class import OwnHead
from studio.tasks.pretrained import load_pretrained, longest_input, longest_of
from studio.tasks.spec import Settings, TaskSpec

_AUTO = "AutoModelForMultipleChoice"
_SETTINGS = "head.json"
NORMS = ("bytes", "sum")
"""What a log-likelihood is divided by: the bytes of the option's text, or nothing."""


@dataclass(frozen=True)
class ChoiceSettings(Settings):
    """What an entry of the zoo file says of a multiple choice.

    Attributes:
        max_length: tokens of a question with an option, after which the question's beginning is
            cut; None for as many as the model has positions, at most 512.
        norm: see ``NORMS``; None for the first, and where a head of its own answers.
    """

    max_length: int | None = None
    norm: str | None = None


class MultipleChoice(OptionKind):
    """A language model's likelihood of every option, or a head that gives each a number."""

    name = "multiple-choice"
    keys = ("max_length", "norm")
    noun = "question"
    smaller = "a smaller max_length"

    def settings(self, entry: dict, folder: Path, where: str) -> ChoiceSettings:
        """Where questions are cut, and by what likelihoods are divided."""
        norm = entry.get("norm")
        if "norm" in entry and norm not in NORMS:
            raise BadZoo(f"{where} has norm {norm!r}; it must be one of {', '.join(NORMS)}.")
        return ChoiceSettings(length_of(entry, where), norm)

    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        """The model's own layers, or the head of the checkpoint's class, by what the base is."""
        way, own = way_of(base), _own(spec)
        if written and (written / _SETTINGS).is_file():
            found = read_mapping(written / _SETTINGS, BadData)
            own = ChoiceSettings(found.get("max_length"), found.get("norm"))
        own = replace(own, max_length=own.max_length or usual_length(base))
        if isinstance(way, Paired):
            return self._headed(replace(spec, settings=own), private, base, written)
        own = replace(own, norm=own.norm or NORMS[0])
        if not spec.data:
            return Opened((), None, None, own)
        way.refuse_misfit(spec.name, private, base)
        return Opened((), SharedHead(), None, own)

    def _headed(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, written: Path | None
    ) -> Opened:
        own, folder = _own(spec), source_folder(spec.checkpoint)
        if own.norm:
            raise BadData(
                f"'{spec.name}' has norm {own.norm}, which says how a language model's likelihoods "
                f"are compared; {base.config.get('model_type')} answers by a head. Leave it out."
            )
        file = written / HEAD_FILES[0] if written else None
        file = inside(file.parent, file) if file and file.exists() else None
        if not (file or spec.data or holds_head(private)):
            return Opened((), None, None, own)
        found = head_of(spec, private, base, file, _AUTO, (), bool(written))
        if found is None or not isinstance(found[0], OwnHead):
            why = other_task(folder, _AUTO) or "its checkpoint holds no head of multiple choice."
            if spec.data:
                raise BadData(f"'{spec.name}': {why}")
            return Opened((), None, None, own, (f"its head is not used: {why}",))
        return Opened((), found[0], None, own, found[2])

    def refuse_misfit(self, spec: TaskSpec, head: Head, base: Checkpoint) -> None:
        """A row is no longer than the model's positions; a language model has its last layer."""
        refuse_longer(spec.name, _own(spec).max_length, longest_of(base))
        way_of(base).refuse_no_head(base)

    def successor(
        self, spec: TaskSpec, checkpoint: str, private: Mapping[str, Tensor]
    ) -> tuple[TaskSpec, bool]:
        """The merged model's layers answer, or the new checkpoint's own head."""
        by_model = _own(spec).norm is not None
        return replace(spec, checkpoint=checkpoint), by_model or holds_head(private)

    def own_settings(
        self, base: Checkpoint, checkpoint: str, private: Mapping[str, Tensor]
    ) -> ChoiceSettings | None:
        """Known where the checkpoint's class is one of multiple choice."""
        named = class_named(config_of(source_folder(checkpoint)))
        known = holds_head(private) and named.endswith(_AUTO.removeprefix("AutoModel"))
        return ChoiceSettings() if known else None

    def read(
        self, file: Path, labels: tuple[str, ...], labelled: bool, most: int | None = None
    ) -> tuple[ChoiceRow, ...]:
        """See ``read_choices``."""
        return read_choices(file, labelled, most)

    def plain(self, row: ChoiceRow) -> list:
        """Question, options and answer."""
        return [row.text, list(row.options), row.right]

    def shown(self, row: ChoiceRow) -> str:
        """The question, and its options with their numbers."""
        options = (f"({at}) {option}" for at, option in enumerate(row.options))
        return "\n".join((row.text, *options))

    def writer(self, base: Checkpoint) -> Writer | None:
        """A language model goes on with a question; a head of a class writes nothing."""
        return way_of(base).writer

    def says(self, labels: tuple[str, ...], row: ChoiceRow, options: Sequence[int]) -> str:
        """The chosen option with its number; nothing where a row does not say."""
        return " ".join(f"({at}) {row.options[at]}" for at in options if at >= 0)

    def behind(self, base: Checkpoint) -> str:
        """A language model's last layer, if the base is one."""
        return way_of(base).behind

    def body(self, model: Any) -> nn.Module:
        """As the base's way of asking calls it."""
        return Way.body(model)

    def load(self, checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> nn.Module:
        """The language model, or the body alone."""
        way = way_of(checkpoint)
        way.refuse_no_head(checkpoint)
        return load_pretrained(checkpoint, way.behind or self.model_class, dtype)

    def reader(self, checkpoint: Checkpoint) -> Way:
        """The base's way of asking, with its tokenizer."""
        return way_of(checkpoint).reading(checkpoint)

    def refuse_long(self, spec: TaskSpec, model: nn.Module) -> None:
        """The model has positions for so many tokens, and answers as its way of asking has it."""
        refuse_longer(spec.name, _own(spec).max_length, longest_input(model))
        if _own(spec).norm:
            Way.refuse_other(spec.name, model)

    def encode(self, reader: Way, spec: TaskSpec, rows: Sequence[ChoiceRow]) -> list[Question]:
        """Every option with its question; see ``option_items``."""
        own = _own(spec)
        asked = [(row.text, row.options) for row in rows]
        found = reader.questions(asked, own.max_length or LONGEST, spec.name)
        return [replace(each, by_bytes=own.norm == "bytes") for each in found]

    def remarks(self, spec: TaskSpec, base: Checkpoint, rows: Sequence[ChoiceRow]) -> str:
        """How many questions are cut, or have options that nobody could tell apart."""
        found = self.encode(self.reader(base), spec, rows)
        return question_remarks(found, _own(spec).max_length or LONGEST)

    def real(self, batch: Batch) -> Tensor | tuple[Tensor, ...]:
        """Where there is a token."""
        if "labels" in batch.inputs:
            return real_positions(batch.inputs)
        return batch.inputs["attention_mask"].bool()

    def scores(
        self, spec: TaskSpec, head: Head, output: object, batch: Batch, places: Tensor
    ) -> Tensor:
        """Log-likelihoods of the options, per byte or summed; or the numbers that a head gives."""
        if isinstance(head, OwnHead):
            found = of_head(head, output, batch, places)
        else:
            found = log_likelihoods(output, batch, places)
        return lined(found, [batch.items[place] for place in places.tolist()])

    def besides(
        self, labels: tuple[str, ...], items: Sequence[Question], scores: Tensor, right: Tensor
    ) -> Mapping[str, Tensor]:
        """The accuracy by the other norm of a language model's log-likelihoods."""
        if not items[0].is_spoken:
            return {}
        name, best = other_choice(scores, items)
        hits = (best == right).float()
        return {name: torch.stack([hits, torch.ones_like(hits)], -1)}

    def reads(self, spec: TaskSpec) -> list:
        """Where a question is cut."""
        return [_own(spec).max_length]

    def asks(self, spec: TaskSpec) -> list:
        """By what likelihoods are divided."""
        return [_own(spec).norm]

    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        """The settings as JSON; of a class its tensors and configuration, too."""
        own = _own(spec)
        settings = {"max_length": own.max_length, "norm": own.norm}
        if isinstance(opened.head, OwnHead):
            write_head(folder, opened, settings)
        else:
            (folder / _SETTINGS).write_text(json.dumps(settings), encoding="utf-8")

    def snippet(self, task: str, opened: Opened) -> str:
        """A function that chooses among options."""
        way = "head" if isinstance(opened.head, OwnHead) else "model"
        return SNIPPETS[way].format(task=task)

    def own_class(self, base: Checkpoint, spec: TaskSpec, opened: Opened) -> OwnHead | None:
        """The head in its class, where there is one."""
        return opened.head if isinstance(opened.head, OwnHead) else None


def _own(spec: TaskSpec) -> ChoiceSettings:
    assert isinstance(spec.settings, ChoiceSettings)
    return spec.settings
