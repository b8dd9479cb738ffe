"""Which column of a table holds what a kind of task asks for: guessed by name and by content."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from studio.errors import BadData, Remedy
from studio.new_zoo.fields import ANSWER, FIELDS, Field
from studio.new_zoo.tables import Cells, Table, plain

_FEW_LABELS = 200
_FEW_ROWS = 10  # of which all may differ: they are refused for being so few
_LOOKED_AT = 2_000
_LISTED = 6


def guess(kind: str, table: Table, labels: Sequence[str] = ()) -> dict[str, str]:
    """The column for each field of a kind; fields for which none is found are left out.

    Args:
        kind: name of the kind of task.
        table: whose columns are guessed, by their names first, and then by what they hold.
        labels: of the head; a column that holds these alone is the label, whatever its name is.
    """
    rows = table.rows[:_LOOKED_AT]
    named = {column.strip().casefold(): column for column in reversed(table.columns)}
    found = _head_labels(kind, table, rows, labels)
    for field in (each for each in FIELDS[kind] if each.name not in found):
        for known in field.known:
            column = named.get(known)
            if column and column not in found.values() and _holds(field, column, rows):
                found[field.name] = column
                break
    if kind == "causal-lm":
        return _either(found)
    for field in sorted(FIELDS[kind], key=lambda each: each.holds != "label"):
        if field.needed and field.name not in found:
            left = [c for c in table.columns if c not in found.values()]
            fitting = [c for c in left if _holds(field, c, rows)]
            if fitting:
                found[field.name] = max(fitting, key=lambda c: _how_likely(field, c, rows))
    return {field.name: found[field.name] for field in FIELDS[kind] if field.name in found}


def _head_labels(
    kind: str, table: Table, rows: Sequence[Cells], labels: Sequence[str]
) -> dict[str, str]:
    """The column of the label that holds a head's own; of several the one with a usual name."""
    field = next((each for each in FIELDS[kind] if each.name == "label"), None)
    if field is None or len(labels) < 2 or all(label.isdigit() for label in labels):
        return {}
    fitting = label_columns([replace(table, rows=tuple(rows))], labels)
    usual = [column for column in fitting if column.strip().casefold() in field.known]
    return {"label": (usual or fitting)[0]} if fitting else {}


def _either(found: dict[str, str]) -> dict[str, str]:
    """Of a language model's rows, prompt and answer if both are there, or else a text."""
    group = {"group": found["group"]} if "group" in found else {}
    if "prompt" in found and "answer" in found:
        return {"prompt": found["prompt"], "answer": found["answer"], **group}
    text = found.get("text") or found.get("prompt") or found.get("answer")
    return {"text": text, **group} if text else group


def _holds(field: Field, column: str, rows: Sequence[Cells]) -> bool:
    """Whether a column may be what a field holds."""
    cells = [row[column] for row in rows if column in row]
    if not cells:
        return False
    if field.holds == "text":
        return all(isinstance(cell, str) for cell in cells)
    if field.holds == "list":
        return all(isinstance(cell, list) for cell in cells)
    if field.holds == "label":
        simple = all(isinstance(cell, str | int | float | bool) for cell in cells)
        different = len({str(plain(cell)) for cell in cells})
        return simple and different <= min(_FEW_LABELS, max(_FEW_ROWS, len(cells) * 2 // 3))
    if field.holds == "image":
        return all(not isinstance(cell, int | float | list) for cell in cells)
    return all(isinstance(cell, str | int) for cell in cells)


def _how_likely(field: Field, column: str, rows: Sequence[Cells]) -> float:
    """Texts are long, labels few; what differs in every row is a number of the row."""
    cells = [str(plain(row[column])) for row in rows if column in row]
    mean = sum(map(len, cells)) / len(cells)
    return mean if field.holds in ("text", "list", "image") else -len({*cells}) - mean / 1000


def records(kind: str, table: Table, columns: Mapping[str, str]) -> tuple[list[Cells], list[str]]:
    """The rows of a table by a kind's own names, and what was left out, a sentence each.

    Args:
        kind: name of the kind of task.
        table: of any columns.
        columns: by field, the column that holds it.

    Raises:
        BadData: a field that is needed has no column, or no row says all that is needed.
    """
    fields = {field.name: field for field in FIELDS[kind]}
    unknown = [f"'{name}'" for name in columns if name not in fields]
    if unknown:
        known = ", ".join(fields)
        raise BadData(f"A row of the type {kind} has no {', '.join(unknown)}; it may have {known}.")
    _refuse_missing(table, columns)
    needed = needed_fields(kind, columns)
    missing = [name for name in needed if name not in columns]
    if missing:
        raise BadData(
            f"{table.path}: no column was found for '{missing[0]}' among "
            f"{', '.join(map(repr, table.columns))}{nothing_in(table)}. Say which one it is."
        )
    made = [{name: plain(row[c]) for name, c in columns.items() if c in row} for row in table.rows]
    for name in (each for each in columns if fields[each].holds == "text"):
        _refuse_other_than_text(table, columns[name], name, made)
    full = [row for row in made if all(name in row for name in needed)]
    if not full:
        raise BadData(f"{table.path} has no row with {' and '.join(needed)}.")
    notes = []
    if lost := len(made) - len(full):
        notes.append(f"{lost:,} rows without {' or '.join(needed)} were left out.")
    grouped = [row for row in full if "group" in row]
    if "group" in columns and len(grouped) < len(full):
        raise BadData(
            f"{table.path}: {len(full) - len(grouped):,} rows have no {columns['group']!r}, which "
            "is the group.",
            Remedy.NO_GROUP,
        )
    return [row | _as_text(row) for row in full], notes


def _refuse_missing(table: Table, columns: Mapping[str, str]) -> None:
    """Refuse columns that a table does not have, or that say nothing."""
    for name, column in columns.items():
        if column in table.empty:
            raise BadData(
                f"{table.path}: the column {column!r}, which is to be '{name}', is empty in "
                "every row.",
                Remedy.GUESS_COLUMNS,
            )
        if column not in table.columns:
            raise BadData(
                f"{table.path} has no column {column!r} for '{name}'; it has "
                f"{', '.join(map(repr, table.columns))}.",
                Remedy.GUESS_COLUMNS,
            )


def nothing_in(table: Table) -> str:
    """Of columns that say nothing, that they do; empty without one."""
    names = ", ".join(map(repr, table.empty[:_LISTED]))
    return f" (empty in every row: {names})" if names else ""


def _refuse_other_than_text(table: Table, column: str, name: str, rows: Sequence[Cells]) -> None:
    """Refuse a column of texts that holds anything else."""
    wrong = next((row[name] for row in rows if not isinstance(row.get(name, ""), str)), None)
    if wrong is not None:
        raise BadData(
            f"{table.path}: the column {column!r} is to be '{name}', which is text, but it holds "
            f"{str(wrong)[:60]!r}. Choose another column."
        )


def needed_fields(kind: str, columns: Mapping[str, str]) -> tuple[str, ...]:
    """What every row of a kind must say, given the columns that were chosen."""
    if kind == "causal-lm":
        return ("prompt", "answer") if {"prompt", "answer"} & {*columns} else ("text",)
    left = ANSWER.get(kind) if ANSWER.get(kind) not in columns else None  # to the expert
    return tuple(field.name for field in FIELDS[kind] if field.needed and field.name != left)


def _as_text(row: Cells) -> Cells:
    """Of a row, the group as text."""
    return {"group": str(row["group"])} if "group" in row else {}


@dataclass(frozen=True)
class Labels:
    """How the labels of a table meet those of a head.

    Attributes:
        named: label of the head by what stands in the table.
        strange: what stands in the table and is no label of the head, with how many rows.
        how: they were matched, in a sentence; empty if they are the same.
    """

    named: Mapping[str, str]
    strange: Mapping[str, int]
    how: str = ""


def matched_labels(rows: Sequence[Cells], labels: Sequence[str]) -> Labels:
    """What stands in the rows' ``label``, as labels of a head: by name, by case, or by index."""
    counted = Counter(label_text(row["label"]) for row in rows)
    indices = {f"{label}.0": label for label in labels if label.isdigit()}
    if not indices:  # else a number is a name
        each = enumerate(labels)
        indices = {f"{at}{end}": label for at, label in each for end in ("", ".0")}
    ways = (
        ({label: label for label in labels}, ""),
        (_folded(labels, counted), "matched without regard to case and spaces"),
        (indices, "the head's indices: " + ", ".join(f"{n} is {x}" for n, x in _first(labels))),
    )
    named: dict[str, str] = {}
    how = []
    for way, words in ways:
        new = {value: way[value] for value in counted if value in way and value not in named}
        named |= new
        if new and words and list(new) != list(new.values()):
            how.append(f"Labels ({', '.join(list(new)[:_LISTED])}) were {words}.")
    return Labels(named, {x: n for x, n in counted.items() if x not in named}, " ".join(how))


def label_columns(tables: Sequence[Table], labels: Sequence[str]) -> list[str]:
    """Columns whose cells name labels of a head, every one of them and at least two.

    What names a label only by its index is left out: most columns of small numbers would do.
    """
    found = []
    for column in tables[0].columns:
        cells = [row[column] for table in tables for row in table.rows if column in row]
        rows = [{"label": plain(cell)} for cell in cells if not isinstance(cell, list | Mapping)]
        match = matched_labels(rows, labels)
        named = all(_key(value) == _key(label) for value, label in match.named.items())
        if named and len(rows) == len(cells) and not match.strange and len(match.named) > 1:
            found.append(column)
    return found


def label_text(cell: object) -> str:
    """A label as text; a whole number is written without decimals."""
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)


def _first(labels: Sequence[str]) -> list[tuple[int, str]]:
    return list(enumerate(labels))[:_LISTED]


def _folded(labels: Sequence[str], counted: Counter) -> dict[str, str]:
    plainly = {_key(label): label for label in labels}
    if len(plainly) < len(labels):
        return {}
    return {value: plainly[_key(value)] for value in counted if _key(value) in plainly}


def _key(label: str) -> str:
    """A label without regard to capitals, spaces, and how its accents are written."""
    return unicodedata.normalize("NFC", "".join(label.casefold().split()))
