"""A kind of task that only tests know: rows of three numbers, two questions each, no text.

It is all that a further kind takes: this file, and its name in KINDS.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn

from studio.checkpoints.checkpoint import Checkpoint
from studio.tasks.heads import LinearHead, head_from_file
from studio.tasks.kinds.answers import Batch
from studio.tasks.kinds.contract import Kind, Opened
from studio.tasks.rows import group_of, json_rows, label_index
from studio.tasks.spec import Settings, TaskSpec, named_file
from tests.conftest import save_model

NAMES = {"left": 0, "right": 1}


@dataclass(frozen=True)
class VectorSettings(Settings):
    head: Path | None
    scale: float


@dataclass(frozen=True)
class VectorRow:
    numbers: tuple[float, ...]
    answers: tuple[int, ...]
    group: str | None


class Body(nn.Module):
    """Two vectors of four numbers for every row: one per question."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 5)
        self.second = nn.Linear(5, 8)

    def forward(self, numbers: Tensor) -> tuple[Tensor]:
        return (self.second(self.first(numbers).tanh()).reshape(-1, 2, 4),)


class Vectors(Kind):
    name = "vectors"
    keys = ("head", "scale")
    model_class = "Body"
    noun = "numbers"
    smaller = "fewer numbers"

    def settings(self, entry: dict, folder: Path, where: str) -> VectorSettings:
        return VectorSettings(named_file(entry, "head", folder, where), entry.get("scale", 1.0))

    def open(
        self, spec: TaskSpec, private: Mapping[str, Tensor], base: Checkpoint,
        written: Path | None = None,
    ) -> Opened:  # fmt: skip
        file = written / "vectors.safetensors" if written else self._own(spec).head
        head = head_from_file(file, 2, spec.name) if file else None
        return Opened(tuple(NAMES), head)

    def successor(self, spec: TaskSpec, checkpoint: str, private: Mapping[str, Tensor]):
        return replace(spec, checkpoint=checkpoint), False

    def read(
        self, file: Path, labels: tuple[str, ...], labelled: bool, most: int | None = None
    ) -> Sequence[VectorRow]:
        def parse(data: dict, where: str) -> VectorRow:
            answers = tuple(label_index(each, NAMES, where) for each in data["answers"])
            return VectorRow(tuple(data["numbers"]), answers, group_of(data, where))

        return json_rows(file, parse, most)

    def plain(self, row: VectorRow) -> list:
        return [row.numbers, row.answers]

    def shown(self, row: VectorRow) -> str:
        return ", ".join(f"{each:.2f}" for each in row.numbers)

    def load(self, checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> nn.Module:
        body = Body()
        body.load_state_dict({name: checkpoint.tensor(name) for name in checkpoint.names})
        return body.eval()

    def reader(self, checkpoint: Checkpoint) -> None:
        return None

    def encode(self, reader: None, spec: TaskSpec, rows: Sequence[VectorRow]) -> list[Tensor]:
        return [self._own(spec).scale * torch.tensor(row.numbers) for row in rows]

    def length(self, item: Tensor) -> int:
        return len(item)

    def batch(self, reader: None, items: Sequence[Tensor]) -> Batch:
        return Batch(items, {"numbers": torch.stack(list(items))})

    def trial(self, reader: None) -> Batch:
        return self.batch(reader, [torch.zeros(3)] * 8)

    def scores(
        self, spec: TaskSpec, head: LinearHead, output: Any, batch: Batch, places: Tensor
    ) -> Tensor:
        return head(output[0][places].float()).flatten(0, 1)

    def besides(
        self, labels: tuple[str, ...], items: Sequence[Tensor], scores: Tensor, right: Tensor
    ) -> dict[str, Tensor]:
        """How many of those that are left are called so: the recall of a label."""
        left = right == NAMES["left"]
        return {"left found": torch.stack([left & (scores.argmax(-1) == right), left], 1).double()}

    def reads(self, spec: TaskSpec) -> list:
        return [self._own(spec).scale]

    def asks(self, spec: TaskSpec) -> list:
        return []

    def write(self, folder: Path, spec: TaskSpec, opened: Opened) -> None:
        assert opened.head is not None
        save_file(dict(opened.head.tensors), folder / "vectors.safetensors")

    def snippet(self, task: str, opened: Opened) -> str:
        return f"Ask {task} for two answers.\n"

    def _own(self, spec: TaskSpec) -> VectorSettings:
        assert isinstance(spec.settings, VectorSettings)
        return spec.settings


def build(folder: Path, grouped: bool = False) -> Path:
    """A zoo of two tasks of this kind, whose experts answer as their rows say."""
    torch.manual_seed(3)
    base = {name: x.clone() for name, x in Body().state_dict().items()}
    save_model(folder / "base", base)
    tasks = []
    for number, name in enumerate(("up", "down")):
        torch.manual_seed(number)
        tuned = {key: x + 0.3 * torch.randn(x.shape) for key, x in base.items()}
        save_model(folder / name, tuned)
        head = {"weight": torch.randn(2, 4), "bias": torch.zeros(2)}
        save_file(head, folder / name / "head.safetensors")
        for split, count in (("validation", 24), ("held_out", 40)):
            numbers = torch.randn(count, 3)
            write_rows(folder / name / f"{split}.jsonl", tuned, head, numbers, grouped)
        tasks.append(
            {
                "name": name, "checkpoint": name, "type": "vectors", "scale": 1.0,
                "head": f"{name}/head.safetensors",
                "data": {split: f"{name}/{split}.jsonl" for split in ("validation", "held_out")},
            }
        )  # fmt: skip
    (folder / "zoo.yaml").write_text(yaml.safe_dump({"base": "base", "tasks": tasks}))
    return folder


def write_rows(file: Path, tuned: dict, head: dict, numbers: Tensor, grouped: bool) -> None:
    """Right is what the expert says, but for every seventh question."""
    body = Body()
    body.load_state_dict(tuned)
    with torch.no_grad():
        said = (body(numbers)[0] @ head["weight"].T + head["bias"]).argmax(-1)  # (rows, 2)
    wrong = torch.arange(said.numel()).reshape(said.shape) % 7 == 0
    answers = torch.where(wrong, 1 - said, said)
    lines = [
        {"numbers": x, "answers": y} | ({"group": f"g{place // 3}"} if grouped else {})
        for place, (x, y) in enumerate(zip(numbers.tolist(), answers.tolist(), strict=True))
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines))
