"""Text classification: a text goes in, one of a few labels comes out of a linear head."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.weights import HEAD_FILES
from studio.disk.files import inside, source_folder
from studio.errors import BadData, BadZoo, Findings
from studio.tasks.heads import LinearHead, head_from_checkpoint, head_from_file, holds_head
from studio.tasks.kinds import labels as label_names
from studio.tasks.kinds.contract import Batch, Kind, Opened, OwnClass
from studio.tasks.kinds.pooling import POOLINGS, decided, padding_of, pool, refuse_other_pooler
from studio.tasks.kinds.text_items import Encoded, batched, encoded, refuse_unread_texts
from studio.tasks.kinds.text_rows import TextRow, read_rows
from studio.tasks.pretrained import load_tokenizer, longest_input
from studio.tasks.rows import UNLABELLED, read_labels
from studio.tasks.spec import Settings, TaskSpec, named_file

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


@dataclass(frozen=True)
class TextSettings(Settings):
    """What an entry of the zoo file says of a text classification.

    Attributes:
        head: file with ``weight`` (labels, hidden) and ``bias``; None if the checkpoint holds it.
        head_only: the same, fitted on the untouched base; None if there is none.
        labels: file with the list of label names; None takes indices.
        pooling: how token states become one vector: mean, cls, pooler or last; None leaves it to
            the checkpoint.
        max_length: tokens after which a text is cut.
        padding: a token that 'last' passes over, beside those of the mask; None for none.
    """

    head: Path | None = None
    head_only: Path | None = None
    labels: Path | None = None
    pooling: str | None = None
    max_length: int = 128
    padding: int | None = None


class TextClassification(Kind):
    """Tokens, pooled states, a linear head; one encoder reads the texts of all tasks."""

    name = "text-classification"
    keys = ("head", "head_only", "labels", "pooling", "max_length")
    expert_keys = ("head_only",)
    noun = "text"
    smaller = "a smaller max_length"

    def settings(self, entry: dict, folder: Path, where: str) -> TextSettings:
        """Files of the head and the labels, how states are pooled, where texts are cut."""
        wrong, pooling, length = Findings(where), entry.get("pooling"), entry.get("max_length", 128)
        if "pooling" in entry and pooling not in POOLINGS:
            known = ", ".join(POOLINGS)
            wrong.add(BadZoo(f"{where} has pooling {pooling!r}; it must be one of {known}."))
        if type(length) is not int or not 1 <= length <= 100_000:
            whole = "it must be a whole number from 1"
            wrong.add(BadZoo(f"{where} has max_length {length!r}; {whole}."))
        files = {
            key: wrong.tried(partial(named_file, entry, key, folder, where))
            for key in ("head", "head_only", "labels")
        }
        wrong.refuse()
        found = TextSettings(files["head"], files["head_only"], files["labels"])
        return replace(found, pooling=pooling, max_length=length)

    def refuse_general(self, spec: TaskSpec, where: str) -> None:
        """The base has no head, so the entry must name one."""
        if _settings(spec).head is None:
            raise BadZoo(f"{where} ('{spec.name}') names no head; give one fitted on the base.")

    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        """The head of a file, or the one among the checkpoint's own tensors.

        What the zoo leaves out is read from the checkpoint: pooling, and the labels' names.
        """
        own = _settings(spec)
        names = read_labels(own.labels) if own.labels else None
        count = len(names) if names else None
        file = written / HEAD_FILES[0] if written else None
        file = inside(file.parent, file) if file and file.exists() else own.head
        chosen: LinearHead | None = None
        notes: tuple[str, ...] = ()
        if file:
            chosen = head_from_file(file, count, spec.name)
        elif spec.data or holds_head(private):
            chosen = head_from_checkpoint(private, None, spec.name)
        if chosen is not None and not written:
            names, chosen, notes = _labelled(spec, names, chosen, base, own_head=not file)
        fitted = head_from_file(own.head_only, count, spec.name) if own.head_only else None
        if chosen is None:
            return Opened(names or (), chosen, fitted)
        settings, said = _pooled(spec, base, chosen, own_head=not file)
        indices = tuple(str(i) for i in range(len(chosen.weight)))
        return Opened(names or indices, chosen, fitted, settings, (*said, *notes))

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
        asked, longest = _settings(spec).max_length, longest_input(model)
        if longest is not None and asked > longest:
            raise BadData(
                f"'{spec.name}' has max_length {asked}, but the model reads at most {longest} "
                "tokens. Lower max_length in the zoo file."
            )

    def encode(self, reader: Any, spec: TaskSpec, rows: Sequence[TextRow]) -> list[Encoded]:
        """Token ids, with special tokens, cut after ``max_length``."""
        return encoded(reader, rows, _settings(spec).max_length)

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
        mask, own = batch.inputs["attention_mask"], _settings(spec)
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
        return [_settings(spec).max_length]

    def asks(self, spec: TaskSpec) -> list:
        """How states are pooled."""
        own = _settings(spec)
        return [own.pooling] + ([] if own.padding is None else [own.padding])

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


def _settings(spec: TaskSpec) -> TextSettings:
    assert isinstance(spec.settings, TextSettings)
    return spec.settings


def _pooled(
    spec: TaskSpec, base: Checkpoint, head: LinearHead, own_head: bool
) -> tuple[TextSettings, tuple[str, ...]]:
    """Settings that say how states are pooled, and what a user should know of that."""
    own, folder = _settings(spec), source_folder(spec.checkpoint)
    pooling, notes = decided(own.pooling, spec.name, folder, base, own_head)
    if pooling == "pooler" and head.pooler is None:
        _need_pooler(spec, base)
    if own_head and head.pooler is not None:
        refuse_other_pooler(spec.name, folder, base)
    padding = padding_of(folder, base) if pooling == "last" else None
    return replace(own, pooling=pooling, padding=padding), notes


def _labelled(
    spec: TaskSpec, names: tuple[str, ...] | None, head: LinearHead, base: Checkpoint,
    own_head: bool,
) -> tuple[tuple[str, ...] | None, LinearHead, tuple[str, ...]]:  # fmt: skip
    """The labels of a head, by the zoo and by the checkpoint, and its rows in their order."""
    folder, count = source_folder(spec.checkpoint), len(head.weight)
    own = label_names.of_checkpoint(folder, base, count, names)
    if own and own_head:
        return label_names.joined(spec.name, names, own, head)
    if own and folder != base.folder:
        names, notes = label_names.beside_file(names, own, count)
        return names, head, notes
    if names is not None and len(names) != count:
        raise BadData(
            f"'{spec.name}': the head of its checkpoint has weight {tuple(head.weight.shape)}, but "
            f"there are {len(names)} labels."
        )
    return names, head, ()


def _need_pooler(spec: TaskSpec, base: Checkpoint) -> None:
    if not any(name.endswith(("pooler.dense.weight", "pooler.weight")) for name in base.names):
        raise BadZoo(
            f"'{spec.name}' asks for pooling 'pooler', but neither the base nor its checkpoint "
            "holds pooler.dense.weight. Use mean or cls."
        )
