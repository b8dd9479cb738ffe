"""Complete classifier folders: encoder and one head as the architecture's own class loads them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.writer import write_weights
from studio.disk.files import mapping
from studio.errors import BadCheckpoint, BadData, some
from studio.merge import Merge, written_pieces
from studio.progress import Progress, silent
from studio.tasks.kinds import KINDS
from studio.tasks.spec import TaskSpec
from studio.tasks.task import Task, open_task


def is_own_classifier(base: Checkpoint, task: Task) -> bool:
    """Whether the architecture has a class of its own that reads what the task's head reads."""
    return task.kind.own_class(base, task.spec, task.opened) is not None


def write_classifier(merge: Merge, task: Task, folder: Path, progress: Progress = silent) -> None:
    """Write weights and config of the architecture's own sequence classifier for one task.

    Args:
        merge: whose encoder is taken.
        task: for which ``is_own_classifier`` is true.
        folder: that exists; tokenizer files are not written.
        progress: told the share of bytes written.
    """
    own = task.kind.own_class(merge.base, task.spec, task.opened)
    assert own is not None
    encoder = {}
    for name in merge.base.names:
        full = own.body + name.removeprefix(own.body)
        if full not in own.tensors and (full in own.shapes or name in own.shapes):
            encoder[full] = name
    layout = {
        full: (merge.output_dtype(name), merge.union.shape(name)) for full, name in encoder.items()
    }
    dtype = next(d for d, _ in layout.values() if d.is_floating_point)
    layout |= {name: (dtype, tuple(tensor.shape)) for name, tensor in own.tensors.items()}

    def values(name: str) -> Iterator[Tensor]:
        if name in encoder:
            yield from written_pieces(merge, encoder[name])
        else:
            yield own.tensors[name].to(dtype).reshape(-1)

    merge.prepare()
    write_weights(folder, layout, values, progress)
    config = own.named(task.labels) | {"dtype": str(dtype).removeprefix("torch.")}
    config.pop("torch_dtype", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2))


def own_tasks(merge: Merge) -> list[Task]:
    """Tasks whose checkpoint alone says all: a linear head, and an architecture of its own.

    Heads of other forms are left out; ``unwritten`` names them.
    """
    tasks = []
    for entry, checkpoint in zip(merge.recipe.tasks, merge.deltas.checkpoints, strict=True):
        private = merge.deltas.private(entry.name)
        for kind in KINDS.values():
            settings = kind.own_settings(merge.base, entry.checkpoint, private)
            if settings is not None:
                spec = TaskSpec(entry.name, entry.checkpoint, kind.name, settings)
                with suppress(BadCheckpoint, BadData):
                    task = open_task(spec, private, merge.base)
                    if task.head:
                        tasks.append(replace(task, labels=_own_labels(task, checkpoint)))
                break
    return tasks


def unwritten(merge: Merge, tasks: Sequence[Task]) -> list[str]:
    """Sentences on tensors of the checkpoints' own that an export with these tasks leaves out."""
    written = {task.name for task in tasks if task.head}
    found = []
    for name, join in zip(merge.deltas.tasks, merge.deltas.joins, strict=True):
        if join.private and name not in written:
            own = some(sorted(join.private), 3)
            found.append(
                f"'{name}': {len(join.private)} tensors of its own ({own}) are not in the export."
            )
    return found


def _own_labels(task: Task, checkpoint: Checkpoint) -> tuple[str, ...]:
    """The names that a checkpoint's configuration gives to the labels, where it names them."""
    if task.labels != tuple(str(index) for index in range(len(task.labels))):
        return task.labels
    where = f"{checkpoint.folder}/config.json: id2label"
    names = mapping(checkpoint.config.get("id2label") or {}, where, BadCheckpoint)
    return tuple(str(names.get(index, index)) for index in task.labels)
