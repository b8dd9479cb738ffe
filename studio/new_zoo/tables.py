"""Tables as people save them: CSV of any mark, JSON, JSON lines, Parquet, folders of images."""

import hashlib
import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.disk.files import LARGEST_TEXT_FILE, open_regular, parse_json, read_text
from studio.errors import BadData
from studio.new_zoo.finding import IMAGES
from studio.new_zoo.text_tables import text_records
from studio.progress import Progress, silent
from studio.tasks.parquet import (
    NamedIndex,
    is_parquet,
    label_names,
    parquet_columns,
    parquet_records,
    parquet_rows,
)
from studio.tasks.row_files import json_records
from studio.tasks.spec import is_answered

MOST_KEPT = 20_000
"""Rows that are kept of a table; of a longer one as many are drawn at random."""
_MOST_COLUMNS = 200
_OFTEN = 500  # rows between reports
_CHUNK = 2**22  # bytes
Cells = dict[str, Any]
Stamp = tuple[tuple[int, int, int], ...]
"""Of a file its bytes, its time and its number on the disk; of a folder, those below it too."""


@dataclass(frozen=True)
class Table:
    """Rows as a file holds them.

    Attributes:
        path: of the file, or of the folder of images.
        columns: their names, in the order of the file.
        rows: cells by column, empty ones left out; at most ``MOST_KEPT``.
        total: rows in the file.
        digest: sha256 of the file; of a folder, of its files' names and sizes.
        notes: how it was read, and what a user should know of that, a sentence each.
        names: by column, the names that the table itself gives to its labels.
        empty: columns in which no row that was kept says anything.
        stamp: of the file as it was read.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Cells, ...]
    total: int
    digest: str
    notes: tuple[str, ...] = ()
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    empty: tuple[str, ...] = ()
    stamp: Stamp = field(default=(), compare=False)


def stamp_of(path: Path) -> Stamp:
    """What changes whenever a file does; empty for what is not there.

    Of a folder of images, whenever a picture comes, goes or is called otherwise.
    """
    try:
        below = sorted(each for each in path.iterdir() if each.is_dir()) if path.is_dir() else []
        found = [each.stat() for each in (path, *below)]
    except OSError:
        return ()
    return tuple((each.st_size, each.st_mtime_ns, each.st_ino) for each in found)


def read_table(
    path: Path, seed: int = 0, progress: Progress = silent, most: int = MOST_KEPT
) -> Table:
    """Read a table, or a folder whose folders hold images, one for each label.

    Args:
        path: a file by its ending, or a folder.
        seed: of the draw of rows from a table that has more than are kept.
        progress: told how many rows were read; raises to stop.
        most: rows that are kept.

    Raises:
        BadData: naming the file and what is wrong with it, or that it changed meanwhile.
    """
    stamp = stamp_of(path)
    if path.is_dir():
        records, notes, digest, about = _image_records(path), [], _listing(path), 0
    else:
        records, notes = _records(path, progress)
        digest, about = _digest(path, progress)
    rows, total, named = _kept(records, seed, most, _counting(path, about, progress))
    if stamp_of(path) != stamp:
        raise BadData(f"{path} changed while it was read. Have it read again.")
    if not rows:
        raise BadData(f"{path} holds no rows.")
    if total > len(rows):
        notes.append(f"{len(rows):,} of its {total:,} rows were drawn at random (seed {seed}).")
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    if len(columns) > _MOST_COLUMNS:
        raise BadData(f"{path} has {len(columns):,} columns; at most {_MOST_COLUMNS} are read.")
    labels = ()
    if is_parquet(path):
        named |= dict.fromkeys(parquet_columns(path))
        found = ((name, label_names(path, name)) for name in columns)
        labels = tuple((name, names) for name, names in found if names)
    empty = tuple(name for name in named if name not in columns)
    return Table(path, columns, tuple(rows), total, digest, tuple(notes), labels, empty, stamp)


def _counting(path: Path, about: int, progress: Progress) -> Callable[[int], None]:
    """Tells how many rows were read, of about as many as there are; 0 for an unknown number."""

    def count(total: int) -> None:
        if total % _OFTEN == 0:
            share = min(total / about, 1.0) if about else 0.0
            progress(share, f"{total:,} rows of {path.name} read")

    return count


def _records(path: Path, progress: Progress) -> tuple[Iterator[Cells], list[str]]:
    """The rows of a file, and how they are read."""
    if is_answered(path):
        raise BadData(
            f"{path} holds an expert's answers and no labels: by them that expert would always be "
            "right. Name the table that New zoo made it of, or a copy without the answers."
        )
    kind = path.suffix.lower()
    if kind in (".csv", ".tsv", ".txt"):
        return text_records(path, progress)
    if kind == ".parquet":
        return (cells for cells, _ in parquet_records(path)), []
    if kind in (".jsonl", ".ndjson", ".json"):
        return _json(path), []
    if kind in (".xlsx", ".xls", ".ods"):
        raise BadData(
            f"{path} is a workbook. Save the sheet as CSV (in Excel: Save as, CSV UTF-8)."
        )
    raise BadData(f"{path} is no table that is read: CSV, TSV, JSON, JSON lines or Parquet.")


def _json(path: Path) -> Iterator[Cells]:
    """JSON lines, a list of rows, one object with such a list, or with a list for each column."""
    if path.suffix.lower() == ".json" and _first_letter(path) == "{":
        text = read_text(path, BadData, 16 * LARGEST_TEXT_FILE)
        if "\n{" not in text.strip():
            yield from _of_object(parse_json(text, str(path), BadData), path)
            return
    for found, where in json_records(path):
        yield _cells(found, where)


def _of_object(found: object, path: Path) -> Iterator[Cells]:
    assert isinstance(found, dict)
    lists = {key: each for key, each in found.items() if isinstance(each, list)}
    rows = [each for each in lists.values() if each and isinstance(each[0], dict)]
    if len(rows) == 1:
        yield from (_cells(each, f"{path}, row {at}") for at, each in enumerate(rows[0], 1))
    elif lists and len(lists) == len(found) and len({len(each) for each in lists.values()}) == 1:
        for cells in zip(*lists.values(), strict=True):
            yield _cells(dict(zip(lists, cells, strict=True)), str(path))
    elif not lists:
        yield _cells(found, str(path))
    else:
        raise BadData(
            f"{path} is an object with {', '.join(list(found)[:8])}, in which no list of rows was "
            "found. Save the rows as JSON lines: an object with a value for each column in a line."
        )


def _cells(found: object, where: str) -> Cells:
    if not isinstance(found, dict):
        raise BadData(f"{where} is {str(found)[:60]!r}; a row is an object with its columns.")
    return {str(name): cell for name, cell in found.items()}


def _first_letter(path: Path) -> str:
    with open_regular(path, BadData) as stream:
        return stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1].decode("latin-1")


def _image_records(folder: Path) -> Iterator[Cells]:
    """Pictures by the name of the folder that they lie in."""
    try:
        for label in sorted(each for each in folder.iterdir() if each.is_dir()):
            for file in sorted(label.iterdir()):
                if file.suffix.lower() in IMAGES and not file.name.startswith("."):
                    yield {"image": str(file), "label": label.name}
    except OSError as problem:
        raise BadData(f"{problem.filename} cannot be read: {problem.strerror}.") from None


def _kept(
    records: Iterable[Cells], seed: int, most: int, count: Callable[[int], None]
) -> tuple[list[Cells], int, dict[str, None]]:
    """At most so many rows, each with the same chance, in their order; how many; all columns."""
    draw, kept, total = random.Random(seed), [], 0
    for row in records:
        count(total)
        if total < most:
            kept.append((total, row))
        elif (place := draw.randrange(total + 1)) < most:
            kept[place] = (total, row)
        total += 1
    ordered = [row for _, row in sorted(kept, key=lambda each: each[0])]
    named = dict.fromkeys(name for row in ordered for name in row)
    return [{name: x for name, x in row.items() if _is_said(x)} for row in ordered], total, named


def _is_said(cell: object) -> bool:
    """Whether a cell holds anything; what is not a number, as tables have it, does not."""
    nan = isinstance(cell, float) and math.isnan(cell)
    blank = isinstance(cell, str) and not cell.strip()
    return cell is not None and not nan and not blank


def _digest(path: Path, progress: Progress) -> tuple[str, int]:
    """The sha256 of a file, and about how many rows it has: lines, or what Parquet says."""
    digest, lines = hashlib.sha256(), 0
    try:
        with open_regular(path, BadData) as stream:
            while chunk := stream.read(_CHUNK):
                progress(0.0, f"looking through {path.name}")
                digest.update(chunk)
                lines += chunk.count(b"\n")
    except OSError as problem:
        raise BadData(f"{path} cannot be read: {problem.strerror}.") from None
    return digest.hexdigest(), parquet_rows(path) if is_parquet(path) else lines


def _listing(folder: Path) -> str:
    listed = sorted(
        (str(each.relative_to(folder)), each.stat().st_size)
        for each in folder.glob("*/*") if each.is_file()
    )  # fmt: skip
    return hashlib.sha256(repr(listed).encode()).hexdigest()


def plain(cell: object) -> object:
    """A cell as JSON has it; an index that the table names, by that name."""
    return cell.name if isinstance(cell, NamedIndex) else cell
