"""A kind scored by a loss, for tests: how well a head tells each token from its own state."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.files import text_field
from studio.errors import BadData
from studio.measure.bench import Bench
from studio.tasks.heads import LinearHead, head_from_file
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.contract import Opened
from studio.tasks.kinds.loss_kind import LossKind
from studio.tasks.kinds.text_classification import TextClassification
from studio.tasks.kinds.text_items import Encoded
from studio.tasks.kinds.text_rows import TextRow
from studio.tasks.kinds.text_settings import settings_of
from studio.tasks.rows import group_of, json_rows
from studio.tasks.spec import TaskSpec
from studio.zoo import load_zoo
from tests import bertzoo

SPECIAL = 2  # tokens at the ends, which do not count


@dataclass(frozen=True)
class Document(Encoded):
    """Token ids, and the bytes of their text."""

    size: int = 0


class ToyLoss(LossKind, TextClassification):
    """Texts whose every token is to be told from its state; one question per text."""

    name = "toy-loss"
    keys = ("head", "head_only", "max_length")

    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        own = settings_of(spec)
        file = written / "head.safetensors" if written else own.head
        head = head_from_file(file, None, spec.name) if file and file.exists() else None
        fitted = head_from_file(own.head_only, None, spec.name) if own.head_only else None
        return Opened((), head, fitted, replace(own, max_length=16))

    def read(
        self, file: Path, labels: tuple[str, ...], labelled: bool, most: int | None = None
    ) -> Sequence[TextRow]:
        def parse(data: dict, where: str) -> TextRow:
            return TextRow(text_field(data, "text", where, BadData), 0, group_of(data, where))

        return json_rows(file, parse, most)

    def own_row(self, text: str) -> None:
        return None

    def encode(self, reader: Any, spec: TaskSpec, rows: Sequence[TextRow]) -> list[Document]:
        made = super().encode(reader, spec, rows)
        return [
            Document(each.ids, None, len(row.text.encode()))
            for each, row in zip(made, rows, strict=True)
        ]

    def extents(self, item: Document) -> Sequence[tuple[int, int]]:
        return ((len(item) - SPECIAL, item.size),)

    def nats(
        self, spec: TaskSpec, head: LinearHead, output: Any, batch: Batch, places: Tensor,
        right: Tensor,
    ) -> Tensor:  # fmt: skip
        found = head(output.last_hidden_state[places].float()).log_softmax(-1)
        ids, mask = (batch.inputs[key][places] for key in ("input_ids", "attention_mask"))
        each = -found.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
        counts = mask.bool()
        counts[:, 0] = False
        counts[torch.arange(len(counts)), mask.sum(-1) - 1] = False
        return (each * counts).sum(-1).cpu()

    def snippet(self, task: str, opened: Opened) -> str:
        return f"```python\n# {task}\n```\n"

    def own_class(self, base: Checkpoint, spec: TaskSpec, opened: Opened) -> None:
        return None


@contextmanager
def known() -> Iterator[None]:
    """While this lasts, zoo files may name the kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(KINDS, ToyLoss.name, ToyLoss())
        yield


def build(tiny_zoo: Path, folder: Path, mixed: bool = False, head_only: bool = True) -> Path:
    """The tiny zoo with tasks that are scored by this loss, each with a head fitted to its expert.

    Args:
        tiny_zoo: with a full checkpoint and an adapter.
        folder: that is made.
        mixed: whether the second task stays what it is, scored by accuracy.
        head_only: whether there are other heads for the base, which are drawn and not fitted.
    """
    shutil.copytree(tiny_zoo, folder)
    zoo = bertzoo.zoo()
    for entry in zoo["tasks"][: 1 if mixed else 2]:
        name = entry["name"]
        for key in ("pooling", "labels", "head"):
            entry.pop(key, None)
        entry |= {"type": ToyLoss.name, "head": f"{name}/toy.safetensors"}
        if head_only:
            entry["head_only"] = f"{name}/toy_only.safetensors"
        for split in ("validation", "held_out"):
            _without_labels(folder / name / f"{split}.jsonl")
        for file, scale in (("toy", 0.1), ("toy_only", 0.5)):
            save_file(_head(scale), folder / name / f"{file}.safetensors")
    (folder / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    with known():
        bench = Bench(load_zoo(folder), torch.device("cpu"))
        for name, task in bench.tasks.items():
            if task.kind.name == ToyLoss.name:
                _fit(bench, name, folder)
    return folder


def _without_labels(file: Path) -> None:
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        row.pop("label")
    file.write_text("\n".join(json.dumps(row) for row in rows))


def _head(scale: float) -> dict[str, Tensor]:
    words, generator = 5 + len(bertzoo.WORDS), torch.Generator().manual_seed(0)
    weight = scale * torch.randn(words, 16, generator=generator)
    return {"weight": weight, "bias": torch.zeros(words)}


def _fit(bench: Bench, name: str, folder: Path) -> None:
    """Fit its head on the states of the expert."""
    task, live = bench.tasks[name], bench.live
    batch = live.batch(task.kind, live.encode(task, task.rows("validation")))
    places = torch.arange(len(batch.items))
    live.wear(bench.expert(name))
    with torch.no_grad():
        output = live.encoder(**batch.inputs)
    path = folder / name / "toy.safetensors"
    tensors = {key: x.clone().requires_grad_() for key, x in load_file(path).items()}
    head = LinearHead(tensors["weight"], tensors["bias"])
    optimizer = torch.optim.Adam(list(tensors.values()), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        task.kind.nats(task.spec, head, output, batch, places, places).sum().backward()
        optimizer.step()
    save_file({key: x.detach() for key, x in tensors.items()}, path)
