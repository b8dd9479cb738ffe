"""One seed of the zoo: heads on the untouched base, adapters, and the files the studio opens."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from assets.make_zoo.rows import Row, Task, write
from assets.make_zoo.train import (
    LONGEST,
    Course,
    Rows,
    accuracy,
    base_model,
    features,
    fitted_head,
    new_adapter,
    trained,
)

BASE_ID = "sentence-transformers/paraphrase-MiniLM-L3-v2"
NAME = "Six desks"
STARTER = Course(steps=100, rate=1e-3)
COURSES = {
    "clinic-north": Course(200, 1e-3),
    "clinic-south": Course(200, 1e-3),
    "guild-registry": Course(400, 1e-3),
    "freight-desk": Course(800, 1.5e-3),
    "incident-desk": Course(400, 1.5e-3),
    "dictionary": Course(300, 1.5e-3),
}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Material:
    """The tasks' rows, and those that the network trained the clinics' common start on."""

    tasks: tuple[Task, ...]
    network: tuple[Row, ...]

    def rows(self, base: Path, task: Task, split: str) -> Rows:
        """A split as tokens."""
        return tokens(base, task.splits[split], task.labels)


def tokens(base: Path, rows: tuple[Row, ...], labels: tuple[str, ...]) -> Rows:
    """Rows as tokens and numbers."""
    return Rows(base, [row.text for row in rows], [labels.index(row.label) for row in rows])


def train_zoo(material: Material, base: Path, seed: int, folder: Path, say: Say) -> None:
    """Train every task once and write adapters and heads in float16.

    The clinics start from one adapter that only saw the network's rows, with a head fitted on
    those: nothing of one clinic's own rows touches the other.
    """
    untouched = base_model(base)
    clinics = [task for task in material.tasks if task.name.startswith("clinic")]
    network = tokens(base, material.network, clinics[0].labels)
    states = features(untouched, network), network.labels
    start = trained(new_adapter(base, seed), fitted_head(states, states), network, STARTER, seed)
    for task in material.tasks:
        train, validation = (material.rows(base, task, split) for split in ("train", "validation"))
        sets = [(features(untouched, rows), rows.labels) for rows in (train, validation)]
        head_only = fitted_head(*sets)
        adapter, head = start if task in clinics else (new_adapter(base, seed), head_only)
        adapter, head = trained(adapter, head, train, COURSES[task.name], seed)
        target = folder / "tasks" / task.name
        _save_adapter(adapter, target)
        _save_head(head_only, target / "head_only.safetensors")
        _save_head(head, target / "head.safetensors")
        before = accuracy(head_only, *sets[1])
        after = accuracy(head, features(adapter, validation), validation.labels)
        say(f"seed {seed}, {task.name}: validation {before:.3f} head-only, {after:.3f} trained")


def write_zoo(material: Material, folder: Path) -> None:
    """Write rows, labels, provenance, and the zoo file over trained tasks."""
    lines = [f"name: {NAME}", "base: base", "tasks:"]
    for task in material.tasks:
        place = f"tasks/{task.name}"
        write(task, folder / place)
        data = ", ".join(f"{split}: {place}/{split}.jsonl" for split in task.splits)
        lines += [
            f"  - name: {task.name}",
            f"    checkpoint: {place}",
            "    type: text-classification",
            f"    head: {place}/head.safetensors",
            f"    head_only: {place}/head_only.safetensors",
            f"    labels: {place}/labels.json",
            "    pooling: mean",
            f"    max_length: {LONGEST}",
            f"    data: {{{data}}}",
        ]
    (folder / "zoo.yaml").write_text("\n".join(lines) + "\n")


def read_adapter(base: Path, folder: Path) -> PeftModel:
    """The base with a saved adapter, as PEFT loads it."""
    return PeftModel.from_pretrained(base_model(base), folder)


def read_head(file: Path) -> nn.Linear:
    """A saved head in float32."""
    tensors: Mapping[str, Tensor] = load_file(file)
    classes, width = tensors["weight"].shape
    head = nn.Linear(width, classes)
    head.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return head


def _save_adapter(adapter: PeftModel, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    adapter.save_pretrained(str(folder))
    (folder / "README.md").unlink(missing_ok=True)
    file = folder / "adapter_model.safetensors"
    halves = {name: tensor.half().contiguous() for name, tensor in load_file(file).items()}
    save_file(halves, file, {"format": "pt"})
    config = folder / "adapter_config.json"
    known = json.loads(config.read_text())
    kept = {name: value for name, value in known.items() if value not in (None, {}, [])}
    kept |= {"base_model_name_or_path": BASE_ID, "inference_mode": True}
    kept["target_modules"] = sorted(kept["target_modules"])
    config.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def _save_head(head: nn.Linear, file: Path) -> None:
    tensors = {name: value.half() for name, value in head.state_dict().items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, {"format": "pt"})


def deltas(base: Path, folder: Path) -> dict[str, Tensor]:
    """A saved adapter's dense deltas by the base's tensor names, computed by PEFT's own merge."""
    before = base_model(base).state_dict()
    after = read_adapter(base, folder).merge_and_unload().state_dict()
    changed = (name for name in before if not torch.equal(after[name], before[name]))
    return {name: (after[name] - before[name]).detach() for name in changed}
