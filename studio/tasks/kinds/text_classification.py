"""Text classification: a text goes in, one of a few labels comes out of a linear head."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import inside, source_folder
from studio.errors import BadCheckpoint, BadData, BadZoo
from studio.tasks.heads import LinearHead, head_from_checkpoint, head_from_file, holds_head
from studio.tasks.kinds.contract import Batch, Kind, Opened, OwnClass
from studio.tasks.kinds.pooling import other_task, pool
from studio.tasks.kinds.text_items import Encoded, batched, encoded, refuse_unread_texts
from studio.tasks.kinds.text_rows import TextRow, read_rows
from studio.tasks.kinds.text_settings import (
    USUAL_LENGTH,
    TextSettings,
    labelled,
    pooled,
    read_settings,
    refuse_longer,
    settings_of,
    text_length,
)
from studio.tasks.pretrained import load_tokenizer, longest_input, longest_of
from studio.tasks.rows import UNLABELLED
from studio.tasks.spec import TaskSpec

_TRIAL_ROWS, _TRIAL_TOKENS = 32, 16
# Model types whose sequence classifier is: this pooling, then one linear layer of this name.
_OWN = {"bert": ("pooler", "bert.", "classifier", "BertForSequenceClassification")}
_SNIPPET = """\
```python
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

folder, task = Path("."), {task!r}  # this folder, and one of heads/*
encoder = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
head = load_file(folder / "heads" / task / "head.safetensors")
labels = json.loads((folder / "heads" / task / "labels.json").read_text())
settings = json.loads((folder / "heads" / task / "head.json").read_text())


def classify(texts):
    batch = tokenizer(texts, truncation=True, max_length=settings["max_length"],
                      padding=True, return_tensors="pt")
    with torch.no_grad():
        output = encoder(**batch)
    states, mask = output.last_hidden_state, batch["attention_mask"].unsqueeze(-1)
    if settings["pooling"] == "mean":
        pooled = (states * mask).sum(1) / mask.sum(1)
    elif settings["pooling"] == "cls":
        pooled = states[:, 0]
    elif settings["pooling"] == "last":
        places = torch.arange(states.shape[1])
        pooled = states[torch.arange(len(states)), (places * mask.squeeze(-1)).argmax(-1)]
    elif "pooler.weight" in head:
        pooled = torch.tanh(states[:, 0] @ head["pooler.weight"].T + head["pooler.bias"])
    else:
        pooled = output.pooler_output
    return [labels[i] for i in (pooled @ head["weight"].T + head["bias"]).argmax(-1)]
```
"""


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
            why = other_task(source_folder(spec.checkpoint)) or problem.problem
            why = why.removeprefix(f"'{spec.name}': ")
            return replace(unread, notes=(f"its head is not used: {why}",))
        return replace(found, head_only=fitted, notes=(*found.notes, *cut))

    def refuse_misfit(self, spec: TaskSpec, head: LinearHead, base: Checkpoint) -> None:
        """A linear head takes as many numbers as the base is wide; texts fit its positions."""
        refuse_longer(spec, longest_of(base))
        width, takes = base.config.get("hidden_size"), head.weight.shape[1]
        if isinstance(width, int) and takes != width:
            raise BadData(
                f"'{spec.name}': the head takes {takes} numbers, the base gives {width}. Its head "
                "must be fitted on this base."
            )

    def successor(
        self, spec: TaskSpec, checkpoint: str, private: Mapping[str, Tensor]
    ) -> tuple[TaskSpec, bool]:
        """The new checkpoint's own head, in a file beside it or among its tensors."""
        beside = Path(checkpoint) / HEAD_FILES[0]
        head = beside if beside.is_file() else None
        settings = replace(settings_of(spec), head=head, head_only=None)
        made = replace(spec, checkpoint=checkpoint, settings=settings)
        return made, head is not None or holds_head(private)

    def own_settings(self, base: Checkpoint, private: Mapping[str, Tensor]) -> TextSettings | None:
        """Known for architectures whose classifier is one linear layer."""
        own = _OWN.get(str(base.config.get("model_type")))
        return TextSettings(pooling=own[0]) if own and holds_head(private) else None

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
        self, spec: TaskSpec, head: LinearHead, output: object, batch: Batch, places: Tensor
    ) -> Tensor:
        """Pooled states through the head."""
        mask, own = batch.inputs["attention_mask"], settings_of(spec)
        if own.padding is not None:
            mask = mask * (batch.inputs["input_ids"] != own.padding)
        pooled = pool(output, mask, own.pooling or "mean", head, places).float()
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
        """How states are pooled."""
        own = settings_of(spec)
        return [own.pooling] + ([] if own.padding is None else [own.padding])

    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        """A head file, label names, and the settings as JSON."""
        assert opened.head is not None
        content = save({name: x.contiguous() for name, x in opened.head.tensors.items()})
        (folder / HEAD_FILES[0]).write_bytes(content)
        labels = json.dumps(opened.labels, indent=1, ensure_ascii=False)
        (folder / "labels.json").write_text(labels, encoding="utf-8")
        own = settings_of(spec)
        settings = json.dumps({"pooling": own.pooling, "max_length": own.max_length})
        (folder / "head.json").write_text(settings, encoding="utf-8")

    def snippet(self, task: str) -> str:
        """A function that classifies texts."""
        return _SNIPPET.format(task=task)

    def own_class(self, base: Checkpoint, spec: TaskSpec, opened: Opened) -> OwnClass | None:
        """The architecture's sequence classifier, if it pools like the task."""
        own, head = _OWN.get(str(base.config.get("model_type"))), opened.head
        if own is None or not isinstance(head, LinearHead) or settings_of(spec).pooling != own[0]:
            return None
        _, prefix, module, architecture = own
        tensors = {f"{module}.weight": head.weight, f"{module}.bias": head.bias}
        if head.pooler is not None:
            names = (f"{prefix}pooler.dense.weight", f"{prefix}pooler.dense.bias")
            tensors |= dict(zip(names, head.pooler, strict=True))
        labels = dict(enumerate(opened.labels))
        config = {
            "architectures": [architecture],
            "id2label": labels,
            "label2id": {label: index for index, label in labels.items()},
        }
        return OwnClass(prefix, tensors, config, (module, "cls"))


def _answer(
    spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint, file: Path | None,
    written: bool,
) -> Opened:  # fmt: skip
    """The head of a file, or else the checkpoint's own, with its labels and its pooling."""
    names = settings_of(spec).labels
    if file:
        head = head_from_file(file, len(names) if names else None, spec.name)
    else:
        head = head_from_checkpoint(private, None, spec.name)
    notes: tuple[str, ...] = ()
    if not written:
        names, head, notes = labelled(spec, names, head, base, own_head=not file)
    settings, said = pooled(spec, base, head, own_head=not file)
    indices = tuple(str(i) for i in range(len(head.weight)))
    return Opened(names or indices, head, None, settings, (*said, *notes))
