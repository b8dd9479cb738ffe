"""Files of rows as people's tools write them: JSON lines, a list, CSV, Parquet; others by name."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from studio.disk.files import open_regular, parse_json, read_text
from studio.errors import BadData
from studio.tasks.parquet import is_parquet, parquet_records

_LONGEST_LINE = 2**20
_LARGEST_FILE = 256 * 2**20
_MOST_ROWS = 2_000_000
_TABLES = {".csv": ",;\t", ".tsv": "\t"}
"""Suffixes of tables as text, and what may stand between their columns."""
_REFUSED = {
    ".arrow": "an Arrow table", ".feather": "a Feather table",
    ".xlsx": "an Excel workbook", ".xls": "an Excel workbook", ".ods": "a spreadsheet",
    ".pkl": "a pickle", ".pickle": "a pickle", ".gz": "compressed", ".zip": "compressed",
    ".bz2": "compressed", ".xz": "compressed", ".zst": "compressed",
}  # fmt: skip
_MAGIC = {
    b"PAR1": "a Parquet table under another name", b"ARROW1": "an Arrow table",
    b"PK\x03\x04": "a workbook or archive", b"\x1f\x8b": "compressed",
}  # fmt: skip


def is_table(path: Path) -> bool:
    """Whether a file's name says that it is CSV or TSV."""
    return path.suffix.lower() in _TABLES


def json_records(path: Path) -> Iterator[tuple[object, str]]:
    """What stands in each line of JSON lines, item of a JSON list or row of Parquet, and where.

    Raises:
        BadData: naming the file, the place and what is wrong with it.
    """
    if is_parquet(path):
        yield from parquet_records(path)
        return
    if _begins(path).lstrip().startswith(b"["):
        every = parse_json(read_text(path, BadData, _LARGEST_FILE), str(path), BadData)
        assert isinstance(every, list)
        yield from ((each, f"{path}, row {number}") for number, each in enumerate(every, 1))
        return
    for number, line in _lines(path):
        if line.strip():
            where = f"{path}, line {number}"
            if number == 1:
                _refuse_other_text(path, line)
            yield parse_json(line, where, BadData), where


def _refuse_other_text(path: Path, line: str) -> None:
    """Refuse a file that is called JSON and begins as nothing in JSON does."""
    first = line.strip()
    if first[0] in '{["-0123456789' or first.split()[0].rstrip(",") in ("true", "false", "null"):
        return
    mark = next((each for each in ",;\t|" if each in first), "")
    hint = "It looks like CSV: give it the ending .csv." if mark else "Save its rows as JSON lines."
    raise BadData(
        f"{path} is called JSON but holds other text: its first line is {first[:60]!r}. {hint}"
    )


def text_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a text, and where each stands.

    Raises:
        BadData: naming the file and what is wrong with it.
    """
    _begins(path)
    yield from ((line, f"{path}, line {number}") for number, line in _lines(path))


def table_records(
    path: Path, columns: Sequence[str], needed: str
) -> Iterator[tuple[dict[str, str], str]]:
    """The cells of each row of a CSV or TSV file by column, without empty ones, and where.

    Args:
        path: of the file.
        columns: that may stand in its first line.
        needed: of those, the one that must.

    Raises:
        BadData: naming the file, the line and what is wrong with it.
    """
    _begins(path)
    text = (line for _, line in _lines(path, newline=""))
    first = next(text, "")
    marks = _TABLES[path.suffix.lower()]
    mark = next((each for each in marks if _fits(first, each, columns)), marks[0])
    reader = csv.reader(_before(first, text), delimiter=mark, strict=True)
    number = 1
    try:
        header = [cell.strip() for cell in next(reader, [])]
        _refuse_header(path, header, columns, needed)
        number = reader.line_num + 1
        for cells in reader:
            where, number = f"{path}, line {number}", reader.line_num + 1
            if not cells:
                continue
            if len(cells) != len(header):
                raise BadData(
                    f"{where} has {len(cells)} columns, but the first line names {len(header)}."
                )
            yield {name: x for name, x in zip(header, cells, strict=True) if x != ""}, where
    except csv.Error as problem:
        raise BadData(f"{path}, line {number} is not CSV: {problem}.") from None


def _refuse_header(path: Path, header: list[str], columns: Sequence[str], needed: str) -> None:
    unknown = [name for name in header if name not in columns]
    if unknown or needed not in header or len(set(header)) < len(header):
        index = bool(header) and header[0] == ""
        raise BadData(
            f"{path}, line 1 names the columns {', '.join(map(repr, header)) or 'of nothing'}; "
            f"they must be of {', '.join(columns)}, each once, and {needed} among them."
            + (" pandas writes its index without a name: to_csv(file, index=False)." * index)
        )


def _fits(line: str, mark: str, columns: Sequence[str]) -> bool:
    """Whether a first line names only columns that are known, if split at a mark."""
    try:
        cells = next(csv.reader([line], delimiter=mark))
    except (csv.Error, StopIteration):
        return False
    return all(cell.strip() in columns for cell in cells)


def _before(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _begins(path: Path) -> bytes:
    """The first bytes of a file that is text.

    Raises:
        BadData: it is a table or archive in binary, which is not read.
    """
    with open_regular(path, BadData) as stream:
        first = stream.read(64)
    found = [what for mark, what in _MAGIC.items() if first.startswith(mark)]
    what = found[0] if found else _REFUSED.get(path.suffix.lower())
    if what:
        raise BadData(
            f"{path} is {what}, which is not read. Write its rows as JSON lines "
            '(pandas: to_json(file, orient="records", lines=True)) or as CSV.'
        )
    return first.removeprefix(b"\xef\xbb\xbf")


def _lines(path: Path, newline: str | None = None) -> Iterator[tuple[int, str]]:
    """Numbered lines, none longer than a row may be."""
    number = 0
    try:
        with (
            open_regular(path, BadData) as raw,
            io.TextIOWrapper(raw, "utf-8-sig", newline=newline) as stream,
        ):
            size = os.fstat(raw.fileno()).st_size
            if size > _LARGEST_FILE:
                raise BadData(f"{path} has {size:,} bytes; at most {_LARGEST_FILE:,} are read.")
            while line := stream.readline(_LONGEST_LINE + 1):
                number += 1
                if len(line) > _LONGEST_LINE:
                    raise BadData(f"{path}, line {number} has more than {_LONGEST_LINE:,} letters.")
                if number > _MOST_ROWS:
                    raise BadData(f"{path} has more than {_MOST_ROWS:,} lines.")
                yield number, line
    except UnicodeDecodeError:
        raise BadData(f"{path} is not UTF-8 text, behind line {number:,}.") from None
    except OSError as problem:
        raise BadData(f"{path} cannot be read: {problem.strerror}.") from None
