"""The rows of a new task: read, with its kind's own names and its head's labels, in splits."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.disk.files import open_regular
from studio.errors import BadData, Names, Remedy
from studio.new_zoo.columns import (
    Labels,
    label_columns,
    label_text,
    matched_labels,
    nothing_in,
    records,
)
from studio.new_zoo.fields import ANSWER
from studio.new_zoo.plan import ALL, NewTask, columns_of, split_called
from studio.new_zoo.splits import (
    FOR_EXPERTS,
    FOR_HEADS,
    draw,
    leak_words,
    refuse_leaks,
    without_leaks,
)
from studio.new_zoo.tables import Cells, Table, read_table
from studio.tasks.rows import label_list

_PICTURES = "image-classification"
_BY_LABEL = ("text-classification", _PICTURES)
_SEEN = (
    "{} is called a file of training rows: a score says too much on rows that an expert has seen."
)
_UNANSWERED = (
    "No column says what is right, so its own expert's answers stand in for labels: scores are "
    "the agreement with it, and no accuracy."
)
_LISTED = 8


@dataclass(frozen=True)
class Prepared:
    """What a task is scored by, ready to be written.

    Attributes:
        rows: by split, by the kind's own names.
        labels: in the order of the head; empty where every row has options of its own.
        unanswered: whether no row says what is right, so that its expert is asked.
        notes: what a user should know, a sentence each.
        record: where the rows come from, as JSON.
    """

    rows: Mapping[str, Sequence[Cells]]
    labels: tuple[str, ...] = ()
    unanswered: bool = False
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)


def prepared(
    task: NewTask, seed: int, drop_leaks: bool = False,
    read: Callable[[Path, int], Table] = read_table,
) -> Prepared:  # fmt: skip
    """Read a task's rows and put them into splits.

    Args:
        task: of the zoo in the making.
        seed: of the draws.
        drop_leaks: leave rows out of a split that are also in an earlier one, in place of a
            refusal; held-out rows stay.
        read: reads a table; one that remembers those that it has read, say.

    Raises:
        BadData: saying what is wrong with the rows, and what to do.
    """
    if not task.files and task.refused is None:
        return Prepared({})
    try:
        return _prepared(task, seed, drop_leaks, read)
    except BadData as problem:
        raise problem.within(f"'{task.name}'") from None


def _prepared(
    task: NewTask, seed: int, drop_leaks: bool, read: Callable[[Path, int], Table]
) -> Prepared:
    _refuse_unscored(task)
    tables = {split: read(path, seed) for split, path in task.files.items()}
    columns, rows, notes = {}, {}, []
    for split, table in tables.items():
        columns[split] = columns_of(task, table)
        rows[split], said = _rows(task, table, columns[split], split)
        notes += said
    if task.needs_head and task.opened:
        notes += task.opened.notes
    labels: tuple[str, ...] = task.labels or (task.opened.labels if task.opened else ())
    if unanswered := _unanswered(task, tables, columns):
        notes.append(_UNANSWERED)
    elif task.kind in _BY_LABEL:
        labels, rows, said = _labelled(task, tables, columns, rows)
        notes += said
    else:
        labels = ()
    if ALL in rows:
        shares = FOR_EXPERTS if task.trained else FOR_HEADS
        drawn = draw(rows.pop(ALL), seed, task.needs_train and "train" not in rows, shares)
        rows = {**drawn.rows, **rows}
        notes += drawn.notes
    if task.needs_train:
        _refuse_unfitted(task, labels, rows)
    if drop_leaks:
        rows, lost = without_leaks(rows)
        notes += [f"{lost:,} rows that were in two splits are held out only."] if lost else []
    refuse_leaks(rows)
    if words := leak_words(rows):
        notes.append(f"Groups are in two splits: {words} by their group.")
    if empty := [split for split, found in rows.items() if not found]:
        raise BadData(f"no rows are left for {', '.join(empty)}. Add rows.")
    record = _record(tables, columns, rows, seed)
    return Prepared(rows, labels, unanswered, tuple(dict.fromkeys(notes)), record)


def _refuse_unscored(task: NewTask) -> None:
    """Refuse what nothing answers, and rows that none is scored by."""
    if task.refused is not None:
        raise BadData(task.refused.problem.removeprefix(f"'{task.name}': "))
    if not {ALL, "held_out"} & {*task.files}:
        raise BadData(
            "no file holds its held-out rows, by which it is scored. Name one, or one file from "
            "which all are drawn."
        )


def _unanswered(
    task: NewTask, tables: Mapping[str, Table], columns: Mapping[str, Mapping[str, str]]
) -> bool:
    """Whether no row says what is right, so that its own expert must."""
    field = ANSWER.get(task.kind, "")
    lacking = [split for split in tables if field and field not in columns[split]]
    if not lacking:
        return False
    table = tables[lacking[0]]
    if len(lacking) < len(tables):
        other = next(split for split in tables if split not in lacking)
        raise BadData(
            f"{table.path} has no column for '{field}', but {tables[other].path} has "
            f"{columns[other][field]!r}. Say which column it is, or leave it out of both."
        )
    if task.needs_train:
        why = "so there is nothing to learn" if task.trained else (
            "and its checkpoint has no head, so nothing can answer"
        )  # fmt: skip
        raise BadData(
            f"{table.path}: no column was found for '{field}' among "
            f"{', '.join(map(repr, table.columns))}{nothing_in(table)}, {why}. Say which column it "
            f"is{'' if task.trained else ', or take the task without rows'}."
        )
    return True


def _refuse_unfitted(
    task: NewTask, labels: Sequence[str], rows: Mapping[str, Sequence[Cells]]
) -> None:
    """Refuse rows on which no head can be fitted, and no expert be trained."""
    if "train" not in rows:
        why = "an expert is trained" if task.trained else "its checkpoint has no head"
        what = "which" if task.trained else "and fitting one"
        raise BadData(
            f"{why}, {what} needs training rows. Name a file for train, too, or one file from "
            "which all are drawn."
        )
    if lacking := [label for label in labels if label not in _seen(rows["train"])]:
        what = "an expert is trained" if task.trained else "a head is fitted"
        raise BadData(
            f"{what}, but no training row has the label "
            f"{', '.join(map(repr, lacking[:_LISTED]))}. Add rows with it, leave its rows out, or "
            "choose another column for the label."
        )


def _record(
    tables: Mapping[str, Table], columns: Mapping[str, Mapping[str, str]],
    rows: Mapping[str, Sequence[Cells]], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Where rows come from, as JSON."""
    return {
        "seed": seed,
        "files": {s: {"path": str(t.path), "sha256": t.digest, "rows": t.total}
                  for s, t in tables.items()},
        "columns": columns.get(ALL) or next(iter(columns.values())),
        "rows": {split: len(found) for split, found in rows.items()},
    }  # fmt: skip


def _rows(
    task: NewTask, table: Table, columns: Mapping[str, str], split: str
) -> tuple[list[Cells], list[str]]:
    """The rows of one table, and what a user should know of them."""
    rows, said = records(task.kind, table, columns)
    if task.kind == _PICTURES:
        rows = [row | {"image": _image(row["image"], table.path)} for row in rows]
    seen = split == ALL and split_called(table.path) == "train"
    return rows, [*table.notes, *said, *[_SEEN.format(table.path.name)] * seen]


def _labelled(
    task: NewTask, tables: Mapping[str, Table], columns: Mapping[str, Mapping[str, str]],
    rows: Mapping[str, Sequence[Cells]],
) -> tuple[tuple[str, ...], dict[str, list[Cells]], list[str]]:  # fmt: skip
    """The head's labels, and the rows with their labels by these names."""
    every = [row for found in rows.values() for row in found]
    labels = task.labels or (task.opened.labels if task.opened else ())
    notes = []
    _refuse_miscounted(task)
    if task.needs_head:
        labels = labels or _of_table(tables, columns) or tuple(sorted(_seen(every), key=_natural))
        label_list(list(labels), "its labels", BadData)
    elif _unnamed(labels):
        own = _of_table(tables, columns)
        labels = own if len(own) == len(labels) else _indices(labels, every)
    if len(labels) < 2:
        raise BadData(
            f"all rows have the label {labels[0]!r}. A classifier needs two; is another column "
            "the label?" if labels else "there are no labels."
        )  # fmt: skip
    match = matched_labels(every, labels)
    if match.strange:
        raise _strange(match, labels, len(every), label_columns(list(tables.values()), labels))
    notes += [match.how] if match.how else []
    made = {
        split: [row | {"label": match.named[label_text(row["label"])]} for row in found]
        for split, found in rows.items()
    }
    return tuple(labels), made, notes


def _refuse_miscounted(task: NewTask) -> None:
    """Refuse more or fewer names than the head has labels."""
    own = task.opened.labels if task.opened and not task.needs_head else ()
    if task.labels and own and len(task.labels) != len(own):
        raise BadData(
            f"{len(task.labels)} labels were given, but its head has {len(own)}. Give each of them "
            "a name, in the order of the head."
        )


def _strange(match: Labels, labels: Sequence[str], total: int, columns: Sequence[str]) -> BadData:
    """Labels that the head lacks; where just one column holds its own, that is proposed."""
    count = sum(match.strange.values())
    some = ", ".join(f"{x!r} ({n:,})" for x, n in list(match.strange.items())[:_LISTED])
    words = (
        f"{count:,} of {total:,} rows have labels that the head lacks: {some}. It has "
        f"{', '.join(map(repr, labels[:_LISTED]))}{', …' if len(labels) > _LISTED else ''}."
    )
    if len(columns) == 1:
        return BadData(words, Remedy.TAKE_COLUMN, columns[0])
    return BadData(f"{words} Choose another column, or rename the labels.")


@dataclass(frozen=True)
class Picture:
    """The file of a picture, which is the same as another of the same bytes.

    Attributes:
        file: it lies in.
        digest: of its bytes.
    """

    file: Path
    digest: str

    def __str__(self) -> str:
        return self.digest


def _image(cell: object, table: Path) -> object:
    """The bytes of a picture as they are; the file of one, by its path from its table's folder."""
    if isinstance(cell, Mapping):  # as the datasets library writes it
        cell = cell.get("bytes") or cell.get("path")
    if not isinstance(cell, str):
        return cell
    home = table if table.is_dir() else table.parent
    file = (home / cell).resolve()
    if not file.is_relative_to(home.resolve()):
        raise BadData(
            f"the picture {cell!r} lies outside {home}. Put the table above its pictures."
        )
    if not file.is_file():
        raise BadData(f"there is no picture {file}. Is another column its path?")
    with open_regular(file, BadData) as stream:
        return Picture(file, hashlib.file_digest(stream, "sha256").hexdigest())


def _seen(rows: Sequence[Cells]) -> set[str]:
    return {label_text(row["label"]) for row in rows}


def _natural(label: str) -> tuple[bool, float, str]:
    """Numbers in the order of their size, before names."""
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def _unnamed(labels: Sequence[str]) -> bool:
    return list(labels) == [str(at) for at in range(len(labels))]


def _indices(labels: Sequence[str], rows: Sequence[Cells]) -> tuple[str, ...]:
    """The labels of a head whose rows have no names: the indices that the rows say, too."""
    seen = _seen(rows)
    if {each.removesuffix(".0") for each in seen} <= {*labels}:
        return tuple(labels)
    raise BadData(
        f"the checkpoint does not name its {len(labels)} labels, so nothing says which of them is "
        f"which of {', '.join(sorted(seen)[:_LISTED])}.",
        Remedy.NAME_LABELS,
        Names(sorted(seen, key=_natural) if len(seen) == len(labels) else ()),
    )


def _of_table(
    tables: Mapping[str, Table], columns: Mapping[str, Mapping[str, str]]
) -> tuple[str, ...]:
    """The names that a table itself gives to its labels."""
    for split, table in tables.items():
        for column, names in table.names:
            if columns[split].get("label") == column:
                return names
    return ()
