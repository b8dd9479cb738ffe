"""Tasks whose experts are to be trained: what they are called, and of which kind they are."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadZoo
from studio.new_zoo.kinds import kind_of
from studio.new_zoo.names import as_name
from studio.new_zoo.plan import (
    ALL,
    NewTask,
    columns_of,
    columns_of_file,
    files_apart,
    split_called,
)
from studio.new_zoo.tables import read_table

KINDS_TRAINED = ("text-classification", "image-classification", "causal-lm", "seq2seq")


def new_task(
    name: str, kind: str, files: Mapping[str, Path], columns: Mapping[str, str] | None = None,
    labels: tuple[str, ...] | None = None,
) -> NewTask:  # fmt: skip
    """A task whose expert is to be trained.

    Raises:
        BadZoo: its kind is none that is trained here.
    """
    if kind not in KINDS_TRAINED:
        raise BadZoo(
            f"'{name}' is of the type {kind}, which is not trained here. Trained are "
            f"{', '.join(KINDS_TRAINED)}."
        )
    return NewTask(name, Path(name), kind, task_files(files), columns, labels, trained=True)


def with_columns(task: NewTask, chosen: Mapping[str, str], seed: int = 0) -> NewTask:
    """The task with some columns that somebody chose; the others are guessed.

    Args:
        task: whose first table is looked at.
        chosen: by field, the column; empty for none.
        seed: of the draw from a long table.
    """
    if not chosen:
        return task
    table = read_table(next(iter(task.files.values())), seed)
    guessed = {k: column for k, column in columns_of(task, table).items()
               if column not in chosen.values()}  # fmt: skip
    return replace(task, columns=guessed | dict(chosen))


def task_files(given: Mapping[str, Path]) -> dict[str, Path]:
    """Files by split; where none is named for the validation rows, held-out ones are divided."""
    return dict(given) if ALL in given else files_apart(given)


def task_called(file: Path) -> str:
    """A name for a task by its file, or by its folder where the file is called after a split."""
    return as_name(file.parent.name if split_called(file) else file.stem)


def kind_for(base: Checkpoint, file: Path) -> str:
    """The kind of task that a base and the columns of its rows speak for."""
    return kind_of(base, base, columns_of_file(file))[0]
