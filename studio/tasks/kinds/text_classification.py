"""Text classification: a text goes in, one of a few labels comes out of a linear head."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import inside
from studio.errors import BadData, BadZoo
from studio.tasks.heads import LinearHead, head_from_checkpoint, head_from_file, holds_head
from studio.tasks.kinds.contract import Batch, Kind, Opened, OwnClass
from studio.tasks.pretrained import load_tokenizer, longest_input
from studio.tasks.rows import UNLABELLED, group_of, json_rows, label_index, read_labels
from studio.tasks.spec import Settings, TaskSpec, named_file

POOLINGS = ("mean", "cls", "pooler")
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
    elif "pooler.weight" in head:
        pooled = torch.tanh(states[:, 0] @ head["pooler.weight"].T + head["pooler.bias"])
    else:
        pooled = output.pooler_output
    return [labels[i] for i in (pooled @ head["weight"].T + head["bias"]).argmax(-1)]
```
"""


@dataclass(frozen=True)
class TextSettings(Settings):
    """What an entry of the zoo file says of a text classification.

    Attributes:
        head: file with ``weight`` (labels, hidden) and ``bias``; None if the checkpoint holds it.
        head_only: the same, fitted on the untouched base; None if there is none.
        labels: file with the list of label names; None takes indices.
        pooling: how token states become one vector: mean, cls or pooler.
        max_length: tokens after which a text is cut.
    """

    head: Path | None = None
    head_only: Path | None = None
    labels: Path | None = None
    pooling: str = "mean"
    max_length: int = 128


@dataclass(frozen=True)
class TextRow:
    """One example: text, label index, and the group whose rows belong together, if any."""

    text: str
    label: int
    group: str | None

    @property
    def answers(self) -> tuple[int, ...]:
        """A text asks one question."""
        return (self.label,)


class TextClassification(Kind):
    """Tokens, pooled states, a linear head; one encoder reads the texts of all tasks."""

    name = "text-classification"
    keys = ("head", "head_only", "labels", "pooling", "max_length")
    expert_keys = ("head_only",)
    noun = "text"
    smaller = "a smaller max_length"

    def settings(self, entry: dict, folder: Path, where: str) -> TextSettings:
        """Files of the head and the labels, how states are pooled, where texts are cut."""
        pooling = entry.get("pooling", "mean")
        if pooling not in POOLINGS:
            known = ", ".join(POOLINGS)
            raise BadZoo(f"{where} has pooling {pooling!r}; it must be one of {known}.")
        length = entry.get("max_length", 128)
        if type(length) is not int or not 1 <= length <= 100_000:
            raise BadZoo(f"{where} has max_length {length!r}; it must be a whole number from 1.")
        files = {
            key: named_file(entry, key, folder, where) for key in ("head", "head_only", "labels")
        }
        return TextSettings(**files, pooling=pooling, max_length=length)

    def refuse_general(self, spec: TaskSpec, where: str) -> None:
        """The base has no head, so the entry must name one."""
        if _settings(spec).head is None:
            raise BadZoo(f"{where} ('{spec.name}') names no head; give one fitted on the base.")

    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        """The head of a file, or the one among the checkpoint's own tensors."""
        own = _settings(spec)
        names = read_labels(own.labels) if own.labels else None
        count = len(names) if names else None
        file = written / HEAD_FILES[0] if written else None
        file = inside(file.parent, file) if file and file.exists() else own.head
        chosen: LinearHead | None = None
        if file:
            chosen = head_from_file(file, count, spec.name)
        elif spec.data or holds_head(private):
            chosen = head_from_checkpoint(private, count, spec.name)
        if chosen is not None and own.pooling == "pooler" and chosen.pooler is None:
            _need_pooler(spec, base)
        fitted = head_from_file(own.head_only, count, spec.name) if own.head_only else None
        size = len(chosen.weight) if chosen is not None else 0
        return Opened(names or tuple(str(i) for i in range(size)), chosen, fitted)

    def refuse_misfit(self, spec: TaskSpec, head: LinearHead, base: Checkpoint) -> None:
        """A linear head takes as many numbers as the base is wide."""
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
        settings = replace(_settings(spec), head=head, head_only=None)
        made = replace(spec, checkpoint=checkpoint, settings=settings)
        return made, head is not None or holds_head(private)

    def own_settings(self, base: Checkpoint, private: Mapping[str, Tensor]) -> TextSettings | None:
        """Known for architectures whose classifier is one linear layer."""
        own = _OWN.get(str(base.config.get("model_type")))
        return TextSettings(pooling=own[0]) if own and holds_head(private) else None

    def read(self, file: Path, labels: tuple[str, ...], labelled: bool) -> tuple[TextRow, ...]:
        """See ``read_rows``."""
        return read_rows(file, labels, labelled)

    def plain(self, row: TextRow) -> list:
        """Text and label."""
        return [row.text, row.label]

    def shown(self, row: TextRow) -> str:
        """The text."""
        return row.text

    def own_row(self, text: str) -> TextRow:
        """A text without a label."""
        return TextRow(text, UNLABELLED, None)

    def reader(self, checkpoint: Checkpoint) -> Any:
        """The base's tokenizer."""
        return load_tokenizer(checkpoint)

    def refuse_long(self, spec: TaskSpec, model: nn.Module) -> None:
        """An encoder has positions for so many tokens."""
        asked, longest = _settings(spec).max_length, longest_input(model)
        if longest is not None and asked > longest:
            raise BadData(
                f"'{spec.name}' has max_length {asked}, but the model reads at most {longest} "
                "tokens. Lower max_length in the zoo file."
            )

    def encode(self, reader: Any, spec: TaskSpec, rows: Sequence[TextRow]) -> list[list[int]]:
        """Token ids, with special tokens, cut after ``max_length``."""
        texts, length = [row.text for row in rows], _settings(spec).max_length
        return reader(texts, truncation=True, max_length=length)["input_ids"]

    def length(self, item: list[int]) -> int:
        """In tokens."""
        return len(item)

    def batch(self, reader: Any, items: Sequence[list[int]]) -> Batch:
        """Texts padded to the longest."""
        return Batch(items, padded(items, reader.pad_token_id or 0))

    def trial(self, reader: Any) -> Batch:
        """Short texts of padding alone."""
        return self.batch(reader, [[reader.pad_token_id or 0] * _TRIAL_TOKENS] * _TRIAL_ROWS)

    def real(self, batch: Batch) -> Tensor:
        """Where there is a token."""
        return batch.inputs["attention_mask"].bool()

    def scores(
        self, spec: TaskSpec, head: LinearHead, output: object, batch: Batch, places: Tensor
    ) -> Tensor:
        """Pooled states through the head."""
        mask = batch.inputs["attention_mask"]
        pooled = pool(output, mask, _settings(spec).pooling, head, places).float()
        if pooled.shape[1] != head.weight.shape[1]:
            raise BadData(
                f"'{spec.name}': the head takes {head.weight.shape[1]} numbers, the encoder gives "
                f"{pooled.shape[1]}. The head belongs to another base."
            )
        return head(pooled).cpu()

    def reads(self, spec: TaskSpec) -> list:
        """Where a text is cut."""
        return [_settings(spec).max_length]

    def asks(self, spec: TaskSpec) -> list:
        """How states are pooled."""
        return [_settings(spec).pooling]

    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        """A head file, label names, and the settings as JSON."""
        assert opened.head is not None
        content = save({name: x.contiguous() for name, x in opened.head.tensors.items()})
        (folder / HEAD_FILES[0]).write_bytes(content)
        labels = json.dumps(opened.labels, indent=1, ensure_ascii=False)
        (folder / "labels.json").write_text(labels, encoding="utf-8")
        own = _settings(spec)
        settings = json.dumps({"pooling": own.pooling, "max_length": own.max_length})
        (folder / "head.json").write_text(settings, encoding="utf-8")

    def snippet(self, task: str) -> str:
        """A function that classifies texts."""
        return _SNIPPET.format(task=task)

    def own_class(self, base: Checkpoint, spec: TaskSpec, opened: Opened) -> OwnClass | None:
        """The architecture's sequence classifier, if it pools like the task."""
        own, head = _OWN.get(str(base.config.get("model_type"))), opened.head
        if own is None or not isinstance(head, LinearHead) or _settings(spec).pooling != own[0]:
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


def read_rows(path: Path, labels: tuple[str, ...], labelled: bool = True) -> tuple[TextRow, ...]:
    """Rows ``{"text": ..., "label": name or index, "group": optional}``, one per line.

    Args:
        path: of the file.
        labels: names, in the order of their indices.
        labelled: whether every row must have a label.

    Raises:
        BadData: naming the file, the line and what is wrong with it.
    """
    indices = {label: index for index, label in enumerate(labels)}

    def parse(data: dict, where: str) -> TextRow:
        text = data.get("text")
        if not isinstance(text, str):
            raise BadData(f"{where}: 'text' is {text!r}; it must be text.")
        bare = "label" not in data and not labelled
        label = UNLABELLED if bare else label_index(data.get("label"), indices, where)
        return TextRow(text, label, group_of(data, where))

    return json_rows(path, parse)


def padded(items: Sequence[list[int]], padding: int) -> dict[str, Tensor]:
    """``input_ids`` and ``attention_mask`` of token ids, both ``(rows, longest)``."""
    longest = max(len(ids) for ids in items)
    ids = torch.full((len(items), longest), padding, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, each in enumerate(items):
        ids[row, : len(each)] = torch.tensor(each)
        mask[row, : len(each)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def pool(output: Any, mask: Tensor, pooling: str, head: LinearHead, rows: Tensor) -> Tensor:
    """One vector per row.

    Args:
        output: of the encoder; ``last_hidden_state`` is ``(rows, tokens, hidden)``.
        mask: ``(rows, tokens)``, 1 where there is a token.
        pooling: 'mean' over tokens, 'cls' the first token, 'pooler' a dense layer and tanh on it.
        head: whose own pooler, if it has one, is used.
        rows: indices of the rows wanted.

    Returns:
        ``(len(rows), hidden)``, in the dtype of the states.
    """
    states: Tensor = output.last_hidden_state[rows]
    if pooling == "mean":
        weights = mask[rows].to(states).unsqueeze(-1)
        return (states * weights).sum(1) / weights.sum(1).clamp(min=1)
    if pooling == "cls":
        return states[:, 0]
    if head.pooler is not None:
        weight, bias = (part.to(states) for part in head.pooler)
        return torch.tanh(torch.nn.functional.linear(states[:, 0], weight, bias))
    pooled = getattr(output, "pooler_output", None)
    if pooled is None:
        raise BadData("The zoo asks for pooling 'pooler', but the base has no pooler.")
    return pooled[rows]


def _settings(spec: TaskSpec) -> TextSettings:
    assert isinstance(spec.settings, TextSettings)
    return spec.settings


def _need_pooler(spec: TaskSpec, base: Checkpoint) -> None:
    if not any(name.endswith("pooler.dense.weight") for name in base.names):
        raise BadZoo(
            f"'{spec.name}' asks for pooling 'pooler', but neither the base nor its checkpoint "
            "holds pooler.dense.weight. Use mean or cls."
        )
