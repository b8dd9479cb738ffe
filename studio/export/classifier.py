"""Complete classifier folders: encoder and one head as the architecture's own class loads them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from studio.checkpoints.alignment import HEADS
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.writer import write_weights
from studio.disk.files import mapping
from studio.errors import BadCheckpoint
from studio.merge import Merge, merged_pieces
from studio.progress import Progress, silent
from studio.tasks.task import Task, open_task
from studio.zoo import ZooTask

# Model types whose sequence classifier is: this pooling, then one linear layer of this name.
_OWN = {"bert": ("pooler", "bert.", "classifier", "BertForSequenceClassification")}


def own_pooling(base: Checkpoint) -> str | None:
    """The pooling of the architecture's own sequence classifier; None if that is not known."""
    own = _OWN.get(str(base.config.get("model_type")))
    return own[0] if own else None


def is_own_classifier(base: Checkpoint, task: Task) -> bool:
    """Whether a task's pooling and head are the architecture's own."""
    return task.head is not None and task.spec.pooling == own_pooling(base)


def write_classifier(merge: Merge, task: Task, folder: Path, progress: Progress = silent) -> None:
    """Write weights and config of the architecture's own sequence classifier for one task.

    Args:
        merge: whose encoder is taken.
        task: for which ``is_own_classifier`` is true.
        folder: that exists; tokenizer files are not written.
        progress: told the share of bytes written.
    """
    assert task.head is not None
    _, prefix, module, architecture = _OWN[merge.base.config["model_type"]]
    own: dict[str, Tensor] = {
        f"{module}.weight": task.head.weight,
        f"{module}.bias": task.head.bias,
    }
    if task.head.pooler is not None:
        names = (f"{prefix}pooler.dense.weight", f"{prefix}pooler.dense.bias")
        own |= dict(zip(names, task.head.pooler, strict=True))
    encoder = {}
    for name in merge.base.names:
        full = prefix + name.removeprefix(prefix)
        if full not in own and name.split(".")[0] not in (module, "cls"):
            encoder[full] = name
    layout = {
        full: (merge.output_dtype(name), merge.base.weights.entries[name].shape)
        for full, name in encoder.items()
    }
    dtype = next(d for d, _ in layout.values() if d.is_floating_point)
    layout |= {name: (dtype, tuple(tensor.shape)) for name, tensor in own.items()}

    def values(name: str) -> Iterator[Tensor]:
        if name in encoder:
            yield from merged_pieces(merge, encoder[name])
        else:
            yield own[name].to(dtype).reshape(-1)

    merge.prepare()
    write_weights(folder, layout, values, progress)
    labels = dict(enumerate(task.labels))
    config = merge.base.config | {
        "architectures": [architecture],
        "id2label": labels,
        "label2id": {label: index for index, label in labels.items()},
        "dtype": str(dtype).removeprefix("torch."),
    }
    config.pop("torch_dtype", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2))


def own_tasks(merge: Merge) -> list[Task]:
    """Tasks whose checkpoint alone says all: a linear head, and an architecture of its own."""
    pooling, tasks = own_pooling(merge.base), []
    if pooling is None:
        return tasks
    for entry, checkpoint in zip(merge.recipe.tasks, merge.deltas.checkpoints, strict=True):
        private = merge.deltas.private(entry.name)
        if any(name.split(".")[0] in HEADS for name in private):
            task = open_task(
                ZooTask(entry.name, entry.checkpoint, pooling=pooling), private, merge.base
            )
            names = mapping(
                checkpoint.config.get("id2label") or {},
                f"{checkpoint.folder}/config.json: id2label",
                BadCheckpoint,
            )
            labels = tuple(str(names.get(index, index)) for index in task.labels)
            tasks.append(replace(task, labels=labels))
    return tasks
