"""Tables as people save them: CSV of any mark, JSON, JSON lines, Parquet, folders of images."""

import csv
import hashlib
import io
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from studio.disk.files import LARGEST_TEXT_FILE, open_regular, parse_json, read_text
from studio.errors import BadData
from studio.new_zoo.finding import IMAGES
from studio.tasks.parquet import NamedIndex, is_parquet, label_names, parquet_records
from studio.tasks.row_files import json_records

MOST_KEPT = 20_000
"""Rows that are kept of a table; of a longer one as many are drawn at random."""
_MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LOOKED_AT = 200  # rows by which the mark between columns is chosen
_MOST_COLUMNS = 200
_AT_ONCE = 5_000
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_UTF8, _WINDOWS = "utf-8", "cp1252"
Cells = dict[str, Any]


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
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Cells, ...]
    total: int
    digest: str
    notes: tuple[str, ...] = ()
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()


def read_table(path: Path, seed: int = 0) -> Table:
    """Read a table, or a folder whose folders hold images, one for each label.

    Args:
        path: a file by its ending, or a folder.
        seed: of the draw of rows from a table that has more than ``MOST_KEPT``.

    Raises:
        BadData: naming the file and what is wrong with it.
    """
    if path.is_dir():
        records, notes, digest = _image_records(path), [], _listing(path)
    else:
        records, notes = _records(path)
        digest = _digest(path)
    rows, total = _kept(records, seed)
    if not rows:
        raise BadData(f"{path} holds no rows.")
    if total > len(rows):
        notes.append(f"{len(rows):,} of its {total:,} rows were drawn at random (seed {seed}).")
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    if len(columns) > _MOST_COLUMNS:
        raise BadData(f"{path} has {len(columns):,} columns; at most {_MOST_COLUMNS} are read.")
    named = ()
    if is_parquet(path):
        found = ((name, label_names(path, name)) for name in columns)
        named = tuple((name, names) for name, names in found if names)
    return Table(path, columns, tuple(rows), total, digest, tuple(notes), named)


def _records(path: Path) -> tuple[Iterator[Cells], list[str]]:
    """The rows of a file, and how they are read."""
    kind = path.suffix.lower()
    if kind in (".csv", ".tsv", ".txt"):
        return _csv_records(path)
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


def _csv_records(path: Path) -> tuple[Iterator[Cells], list[str]]:
    """Rows of text between marks: which mark and which encoding is found out and said."""
    with open_regular(path, BadData) as stream:
        start = stream.read(2**20)
    for magic in (b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0", b"\x1f\x8b"):
        if start.startswith(magic):
            raise BadData(f"{path} is called a table of text but is none. Save it as CSV again.")
    if not start.strip():
        raise BadData(f"{path} is empty.")
    if b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadData(
            f"{path} holds bytes of zero, as UTF-16 without its mark does. Save it as CSV UTF-8."
        )
    encoding, notes = _encoding(path, start)
    text = io.StringIO(start.decode(encoding, "ignore"), newline="")
    whole = len(start) < 2**20
    mark = _mark(path, text, whole)
    if mark != ",":
        notes.append(f"Its columns are divided by {_MARKS[mark]}.")
    text.seek(0)
    named = Counter(name.strip() for name in next(csv.reader(text, delimiter=mark), []))
    if twice := [name for name, count in named.items() if name and count > 1]:
        raise BadData(f"{path} names the column {twice[0]!r} twice. Give each its own name.")
    return _read_csv(path, encoding, mark), notes


def _encoding(path: Path, start: bytes) -> tuple[str, list[str]]:
    found = next((name for bom, name in _BOMS.items() if start.startswith(bom)), None)
    if found:
        return found, []
    try:
        with path.open(encoding=_UTF8) as file:
            while file.read(2**20):
                pass
    except UnicodeDecodeError as problem:
        try:
            start.decode(_WINDOWS)
        except UnicodeDecodeError:
            raise BadData(
                f"{path} is neither UTF-8 nor Windows-1252 text (byte {problem.start:,}). Save it "
                "as CSV UTF-8."
            ) from None
        return _WINDOWS, ["It is not UTF-8 and was read as Windows-1252; check its letters."]
    return _UTF8, []


def _mark(path: Path, text: io.StringIO, whole: bool) -> str:
    """The mark that divides the first rows into the same number of columns, most of them."""
    tried = {}
    for mark in _MARKS:
        text.seek(0)
        reader = csv.reader(text, delimiter=mark)
        try:
            counts = [len(cells) for cells in islice(reader, _LOOKED_AT) if cells]
        except csv.Error:
            continue
        counts = counts if whole or len(counts) == _LOOKED_AT else counts[:-1]
        if counts:
            tried[mark] = (len({*counts}) == 1 and counts[0] > 1, counts[0])
    if not tried:
        raise BadData(f"{path} is not CSV: its first row has no end.")
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    return max(tried, key=lambda mark: (*tried[mark], mark == usual))


def _read_csv(path: Path, encoding: str, mark: str) -> Iterator[Cells]:
    import pandas

    try:
        chunks = pandas.read_csv(
            path, sep=mark, encoding=encoding, dtype=str, keep_default_na=False,
            chunksize=_AT_ONCE, encoding_errors="strict",
        )  # fmt: skip
        with chunks:
            for chunk in chunks:
                if not isinstance(chunk.index, pandas.RangeIndex):
                    raise BadData(
                        f"{path}: rows have more cells than the first line has names. Does a text "
                        f"hold {_MARKS[mark]} without quotes around it?"
                    )
                names = [str(name).strip() for name in chunk.columns]
                for cells in chunk.itertuples(index=False, name=None):
                    yield dict(zip(names, cells, strict=True))
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, ValueError) as problem:
        why = (
            str(problem).strip().replace("\n", " ").removeprefix("Error tokenizing data. C error:")
        )
        raise BadData(f"{path} is not CSV: {why.strip().rstrip('.')}.") from None


def _image_records(folder: Path) -> Iterator[Cells]:
    """Pictures by the name of the folder that they lie in."""
    try:
        for label in sorted(each for each in folder.iterdir() if each.is_dir()):
            for file in sorted(label.iterdir()):
                if file.suffix.lower() in IMAGES and not file.name.startswith("."):
                    yield {"image": str(file), "label": label.name}
    except OSError as problem:
        raise BadData(f"{problem.filename} cannot be read: {problem.strerror}.") from None


def _kept(records: Iterable[Cells], seed: int) -> tuple[list[Cells], int]:
    """At most so many rows, each with the same chance, in their order; and how many there are."""
    draw, kept, total = random.Random(seed), [], 0
    for row in records:
        if total < MOST_KEPT:
            kept.append((total, row))
        elif (place := draw.randrange(total + 1)) < MOST_KEPT:
            kept[place] = (total, row)
        total += 1
    ordered = [row for _, row in sorted(kept, key=lambda each: each[0])]
    return [{name: x for name, x in row.items() if _is_said(x)} for row in ordered], total


def _is_said(cell: object) -> bool:
    """Whether a cell holds anything; what is not a number, as tables have it, does not."""
    nan = isinstance(cell, float) and math.isnan(cell)
    blank = isinstance(cell, str) and not cell.strip()
    return cell is not None and not nan and not blank


def _digest(path: Path) -> str:
    with open_regular(path, BadData) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _listing(folder: Path) -> str:
    listed = sorted(
        (str(each.relative_to(folder)), each.stat().st_size)
        for each in folder.glob("*/*") if each.is_file()
    )  # fmt: skip
    return hashlib.sha256(repr(listed).encode()).hexdigest()


def plain(cell: object) -> object:
    """A cell as JSON has it; an index that the table names, by that name."""
    return cell.name if isinstance(cell, NamedIndex) else cell
