"""Sequence to sequence: the target a model finds the likeliest for a text, or writes for it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import read_mapping
from studio.errors import BadCheckpoint, BadData, BadZoo
from studio.tasks.heads import Head
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.contract import Opened
from studio.tasks.kinds.encoder_decoder import TeacherForced, real_positions, refuse_other_logits
from studio.tasks.kinds.labels import listed
from studio.tasks.kinds.language_base import refuse_no_head, refuse_own_layers
from studio.tasks.kinds.language_head import SharedHead
from studio.tasks.kinds.lengths import LONGEST, length_of, refuse_longer, usual_length
from studio.tasks.kinds.option_items import Question, question_remarks
from studio.tasks.kinds.option_kind import OptionKind
from studio.tasks.kinds.option_scores import likeliest, lined, log_likelihoods
from studio.tasks.kinds.option_snippets import SNIPPETS
from studio.tasks.kinds.option_ways import Translated
from studio.tasks.kinds.target_rows import (
    ANOTHER,
    WRITTEN,
    TargetRow,
    different_targets,
    read_targets,
)
from studio.tasks.kinds.writing import Writer
from studio.tasks.own_class import class_for
from studio.tasks.pretrained import load_pretrained, longest_of
from studio.tasks.rows import UNLABELLED, label_list, read_labels
from studio.tasks.spec import Settings, TaskSpec, named_file

_SETTINGS = "head.json"
_LEAST = 1e-6  # nats of a target: where it is as good as certain, nothing else is impossible


@dataclass(frozen=True)
class TargetSettings(Settings):
    """What an entry of the zoo file says of a sequence to sequence.

    Attributes:
        max_length: tokens after which a text is cut; None for as many as the model has positions,
            at most 512.
        targets: between which the model chooses; None for those of the rows.
        generate: whether each row's own target must be written, and there are no options.
    """

    max_length: int | None = None
    targets: tuple[str, ...] | None = None
    generate: bool = False


class Seq2Seq(OptionKind):
    """An encoder-decoder's likelihood of every target, or of the one that is to be written."""

    name = "seq2seq"
    pipeline = "text2text-generation"
    keys = ("max_length", "targets", "generate")
    behind_class = "AutoModelForSeq2SeqLM"
    noun = "text"
    smaller = "a smaller max_length"

    def settings(self, entry: dict, folder: Path, where: str) -> TargetSettings:
        """Where texts are cut, and whether there is a choice or a target to write."""
        targets, generate = entry.get("targets"), entry.get("generate", False)
        if not isinstance(generate, bool):
            raise BadZoo(f"{where} has generate {generate!r}; it must be true or false.")
        if generate and targets is not None:
            raise BadZoo(
                f"{where} has 'targets' and 'generate: true'. Either the model chooses among "
                "targets, or what it writes is compared with each row's own; leave out one."
            )
        return TargetSettings(length_of(entry, where), _targets(entry, folder, where), generate)

    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        """The model's own layers answer, which are merged as all else."""
        own, notes = _own(spec), ()
        if written and (written / _SETTINGS).is_file():
            own = _written(read_mapping(written / _SETTINGS, BadData))
        own = replace(own, max_length=own.max_length or usual_length(base))
        if not spec.data:
            return Opened(own.targets or (), None, None, own)
        refuse_own_layers(spec.name, private)
        if own.targets is None and not own.generate:
            own = replace(own, targets=different_targets(spec.data.values(), spec.name))
            notes = (f"targets: {listed(own.targets or ())}, as its rows have them.",)
        return Opened(own.targets or (), SharedHead(), None, own, notes)

    def refuse_misfit(self, spec: TaskSpec, head: Head, base: Checkpoint) -> None:
        """A text is no longer than the model's positions, and its last layer is there."""
        refuse_longer(spec.name, _own(spec).max_length, longest_of(base))
        refuse_no_head(base, self.behind_class, Translated.noun)

    def successor(
        self, spec: TaskSpec, checkpoint: str, private: Mapping[str, Tensor]
    ) -> tuple[TaskSpec, bool]:
        """The merged model's layers answer, whichever checkpoint comes in."""
        return replace(spec, checkpoint=checkpoint), True

    def read(
        self, file: Path, labels: tuple[str, ...], labelled: bool, most: int | None = None
    ) -> tuple[TargetRow, ...]:
        """See ``read_targets``."""
        return read_targets(file, labels, labelled, most)

    def plain(self, row: TargetRow) -> list:
        """Text and target."""
        return [row.text, row.target]

    def shown(self, row: TargetRow) -> str:
        """The text."""
        return row.text

    def says(self, labels: tuple[str, ...], row: TargetRow, options: Sequence[int]) -> str:
        """The chosen target; without a choice, the row's or that another text was written."""
        names = labels or ("another text", row.target)
        return " ".join(names[option] for option in options)

    def writer(self, base: Checkpoint) -> Writer | None:
        """It writes a target for a text."""
        return Translated.writer

    def own_row(self, text: str) -> TargetRow:
        """A text without a target."""
        return TargetRow(text, "", UNLABELLED)

    def body(self, model: Any) -> nn.Module:
        """The encoder, once per text, and the decoder, once per target."""
        return TeacherForced(model)

    def load(self, checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> nn.Module:
        """The whole class."""
        refuse_no_head(checkpoint, self.behind_class, Translated.noun)
        return load_pretrained(checkpoint, self.behind_class, dtype)

    def reader(self, checkpoint: Checkpoint) -> Translated:
        """The base's tokenizer, and its positions."""
        if not class_for(self.behind_class, checkpoint.config):
            raise BadCheckpoint(
                f"{checkpoint.folder} is of the type {checkpoint.config.get('model_type')!r}, "
                f"which is not {Translated.noun}, so no target can be decoded from a text."
            )
        return Translated().reading(checkpoint, "right")

    def refuse_long(self, spec: TaskSpec, model: nn.Module) -> None:
        """The class answers by its last layer on the decoder's states."""
        assert isinstance(model, TeacherForced)
        refuse_other_logits(spec.name, model)

    def encode(
        self, reader: Translated, spec: TaskSpec, rows: Sequence[TargetRow]
    ) -> list[Question]:
        """Every text with the targets; where there is no choice, with its own."""
        own = _own(spec)
        asked = [(row.text, own.targets or (row.target,)) for row in rows]
        return reader.questions(asked, own.max_length or LONGEST, spec.name)

    def remarks(self, spec: TaskSpec, base: Checkpoint, rows: Sequence[TargetRow]) -> str:
        """How many texts are cut."""
        found = self.encode(self.reader(base), spec, rows)
        return question_remarks(found, _own(spec).max_length or LONGEST)

    def real(self, batch: Batch) -> tuple[Tensor, ...]:
        """Where there is a token, in texts and in targets."""
        return real_positions(batch.inputs)

    def scores(
        self, spec: TaskSpec, head: Head, output: object, batch: Batch, places: Tensor
    ) -> Tensor:
        """Log-likelihoods of the targets, summed over their tokens.

        Where one is to be written, the log-probabilities that another text or that one is drawn,
        so that the loss is the nats of its tokens.
        """
        found = log_likelihoods(output, batch, places)
        if not _own(spec).generate:
            return lined(found, [batch.items[place] for place in places.tolist()])
        other = (-found.clamp(max=-_LEAST).expm1()).log()
        return torch.stack([other, found], -1)

    def chosen(
        self, found: Tensor, spec: TaskSpec, head: Head, output: object, batch: Batch,
        places: Tensor,
    ) -> Tensor:  # fmt: skip
        """The likeliest target; or whether greedy generation writes the row's own.

        It does if every token of it, its end included, is the likeliest behind those before it.
        """
        if not _own(spec).generate:
            return found.argmax(-1)
        return torch.where(likeliest(output, batch, places), WRITTEN, ANOTHER)

    def reads(self, spec: TaskSpec) -> list:
        """Where a text is cut, and what is decoded of it."""
        own = _own(spec)
        return [own.max_length, list(own.targets or ())]

    def asks(self, spec: TaskSpec) -> list:
        """Whether there is a choice."""
        return [_own(spec).generate]

    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        """The settings as JSON; what answers is in the model itself."""
        own = _own(spec)
        settings = {"max_length": own.max_length, "generate": own.generate}
        if own.targets is not None:
            settings["targets"] = list(own.targets)
        (folder / _SETTINGS).write_text(json.dumps(settings), encoding="utf-8")

    def snippet(self, task: str, opened: Opened) -> str:
        """A function that chooses a target, or writes one."""
        return SNIPPETS["targets" if opened.labels else "generate"].format(task=task)


def _targets(entry: dict, folder: Path, where: str) -> tuple[str, ...] | None:
    """The targets of an entry, in the zoo file or in one that it names."""
    given = entry.get("targets")
    if given is None:
        return None
    if isinstance(given, list):
        found = label_list(given, f"{where}: targets", BadZoo)
    elif isinstance(given, str) and given:
        file = named_file(entry, "targets", folder, where)
        assert file is not None
        found = read_labels(file)
    else:
        raise BadZoo(
            f"{where}: 'targets' is {given!r}; it must be a list of texts, or a path to a JSON "
            "list."
        )
    if len(found) < 2 or not all(each.strip() for each in found):
        raise BadZoo(f"{where}: 'targets' must name two texts or more, and none that is empty.")
    return found


def _written(found: Mapping[str, Any]) -> TargetSettings:
    targets = found.get("targets")
    return TargetSettings(
        found.get("max_length"), None if targets is None else tuple(targets),
        bool(found.get("generate")),
    )  # fmt: skip


def _own(spec: TaskSpec) -> TargetSettings:
    assert isinstance(spec.settings, TargetSettings)
    return spec.settings
