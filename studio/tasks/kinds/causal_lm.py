"""Causal language modeling: how likely a model finds a text, or an answer after its prompt."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import read_mapping
from studio.errors import BadData, some
from studio.tasks.heads import Head
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.causal_items import Document, documents
from studio.tasks.kinds.causal_rows import Passage, opening, read_passages
from studio.tasks.kinds.causal_writing import CausalWriter
from studio.tasks.kinds.contract import Opened
from studio.tasks.kinds.language_base import (
    refuse_no_head,
    refuse_own_layers,
    refuse_two_ways,
)
from studio.tasks.kinds.language_head import SharedHead, Span, summed_losses
from studio.tasks.kinds.lengths import LONGEST, cut_remark, length_of, refuse_longer, usual_length
from studio.tasks.kinds.loss_kind import LossKind
from studio.tasks.kinds.text_items import padded
from studio.tasks.pretrained import load_pretrained, load_tokenizer, longest_input, longest_of
from studio.tasks.spec import Settings, TaskSpec

_TRIAL_ROWS, _TRIAL_TOKENS = 32, 16
_SETTINGS = "head.json"
_SNIPPET = """\
```python
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = Path(".")  # this folder; {task!r} is one of its tasks
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)


def nats_per_token(text):
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return float(model(ids, labels=ids).loss)
```
"""


@dataclass(frozen=True)
class CausalSettings(Settings):
    """Tokens after which a row is cut; None for as many as the model has positions, at most 512."""

    max_length: int | None = None


class CausalLM(LossKind):
    """The body's states through the layers behind it, in the architecture's own class."""

    name = "causal-lm"
    pipeline = "text-generation"
    keys = ("max_length",)
    behind_class = "AutoModelForCausalLM"
    noun = "text"
    smaller = "a smaller max_length"

    def settings(self, entry: dict, folder: Path, where: str) -> CausalSettings:
        """Where rows are cut."""
        return CausalSettings(length_of(entry, where))

    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        """The model's own layers answer, which are merged as all else."""
        own = _own(spec)
        file = written / _SETTINGS if written else None
        if file and file.is_file():
            own = CausalSettings(read_mapping(file, BadData).get("max_length"))
        settings = replace(own, max_length=own.max_length or usual_length(base))
        if not spec.data:
            return Opened((), None, None, settings)
        refuse_own_layers(spec.name, private)
        return Opened((), SharedHead(), None, settings)

    def refuse_misfit(self, spec: TaskSpec, head: Head, base: Checkpoint) -> None:
        """A row is no longer than the model's positions."""
        refuse_longer(spec.name, _own(spec).max_length, longest_of(base))

    def successor(
        self, spec: TaskSpec, checkpoint: str, private: Mapping[str, Tensor]
    ) -> tuple[TaskSpec, bool]:
        """The merged model's layers answer, whichever checkpoint comes in."""
        return replace(spec, checkpoint=checkpoint), True

    def read(
        self, file: Path, labels: tuple[str, ...], labelled: bool, most: int | None = None
    ) -> tuple[Passage, ...]:
        """See ``read_passages``."""
        return read_passages(file, most)

    def writer(self, base: Checkpoint) -> CausalWriter:
        """It goes on with a text."""
        return CausalWriter()

    def opening(self, row: Passage) -> str:
        """The row's prompt; of a text without one its first words, at most half of them."""
        return opening(row)

    def plain(self, row: Passage) -> list:
        """The text, and the prompt before it if there is one."""
        return [row.text] + ([] if row.prompt is None else [row.prompt])

    def shown(self, row: Passage) -> str:
        """The text, or the prompt and the answer."""
        return row.text if row.prompt is None else f"{row.prompt} | {row.text}"

    def load(self, checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> nn.Module:
        """The whole class, whose body it shares with other kinds."""
        refuse_no_head(checkpoint, self.behind_class, "a causal language model")
        return load_pretrained(checkpoint, self.behind_class, dtype)

    def reader(self, checkpoint: Checkpoint) -> Any:
        """The base's tokenizer."""
        return load_tokenizer(checkpoint)

    def refuse_unread(self, reader: Any, rows: Sequence[Passage], where: str) -> None:
        """Refuse rows that leave nothing to predict, as one token alone does."""
        read = documents(reader, rows, LONGEST)
        bare = [
            f"{row.text[:40]!r} (row {number})"
            for number, (row, item) in enumerate(zip(rows, read, strict=True), 1)
            if item.counted < 1
        ]
        if bare:
            raise BadData(
                f"{where}: of {len(bare):,} of {len(rows):,} the tokenizer makes one token or "
                f"none, so there is nothing to predict: {some(bare, 3)}. Leave them out."
            )

    def refuse_long(self, spec: TaskSpec, model: nn.Module) -> None:
        """The model has positions for so many tokens, and no state may know what comes after it."""
        refuse_longer(spec.name, _own(spec).max_length, longest_input(model))
        refuse_two_ways(spec.name, model)

    def encode(self, reader: Any, spec: TaskSpec, rows: Sequence[Passage]) -> list[Document]:
        """Token ids, cut after ``max_length``."""
        return documents(reader, rows, _own(spec).max_length or LONGEST)

    def remarks(self, spec: TaskSpec, base: Checkpoint, rows: Sequence[Passage]) -> str:
        """How many rows are cut."""
        length = _own(spec).max_length or LONGEST
        found = documents(self.reader(base), rows, length)
        return cut_remark([each.cut for each in found], length)

    def length(self, item: Document) -> int:
        """In tokens."""
        return len(item)

    def batch(self, reader: Any, items: Sequence[Document]) -> Batch:
        """Texts padded behind their ends, with any token where the tokenizer has none for it."""
        return Batch(items, padded([item.ids for item in items], reader.pad_token_id or 0))

    def trial(self, reader: Any) -> Batch:
        """Short texts of padding alone."""
        text = Document([reader.pad_token_id or 0] * _TRIAL_TOKENS, 1, _TRIAL_TOKENS)
        return self.batch(reader, [text] * _TRIAL_ROWS)

    def real(self, batch: Batch) -> Tensor:
        """Where there is a token."""
        return batch.inputs["attention_mask"].bool()

    def extents(self, item: Document) -> Sequence[tuple[int, int]]:
        """Tokens that count, and bytes of their text."""
        return ((item.counted, item.size),)

    def nats(
        self, spec: TaskSpec, head: Head, output: Any, batch: Batch, places: Tensor, right: Tensor
    ) -> Tensor:
        """The sum over the tokens of each row that count."""
        return summed_losses(batch.model, output, [_span(batch, at) for at in places.tolist()])

    def reads(self, spec: TaskSpec) -> list:
        """Where a row is cut."""
        return [_own(spec).max_length]

    def asks(self, spec: TaskSpec) -> list:
        """Nothing else."""
        return []

    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        """The settings as JSON; what answers is in the model itself."""
        (folder / _SETTINGS).write_text(json.dumps({"max_length": _own(spec).max_length}))

    def snippet(self, task: str, opened: Opened) -> str:
        """A function that gives a text's loss."""
        return _SNIPPET.format(task=task)


def _own(spec: TaskSpec) -> CausalSettings:
    assert isinstance(spec.settings, CausalSettings)
    return spec.settings


def _span(batch: Batch, place: int) -> Span:
    item = batch.items[place]
    return Span(place, item.start - 1, item.ids[item.start :])
