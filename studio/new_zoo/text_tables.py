"""Tables of text as people save them: their mark and their encoding are found out."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from studio.disk.files import open_regular
from studio.errors import BadData
from studio.progress import Progress

_MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LOOKED_AT = 200  # rows by which the mark between columns is chosen
_AT_ONCE = 5_000
_CHUNK = 2**22  # bytes
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_UTF8, _WINDOWS = "utf-8", "cp1252"


def text_records(path: Path, progress: Progress) -> tuple[Iterator[dict[str, Any]], list[str]]:
    """Rows of text between marks, and how they are read, a sentence each.

    Args:
        path: of the file.
        progress: told again and again while the file is looked through; raises to stop.

    Raises:
        BadData: naming the file and what is wrong with it.
    """
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
    encoding, notes = _encoding(path, start, progress)
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


def _encoding(path: Path, start: bytes, progress: Progress) -> tuple[str, list[str]]:
    found = next((name for bom, name in _BOMS.items() if start.startswith(bom)), None)
    if found:
        return found, []
    wrong = _first_other(path, progress)
    if wrong is None:
        return _UTF8, []
    try:
        start.decode(_WINDOWS)
    except UnicodeDecodeError:
        raise BadData(
            f"{path} is neither UTF-8 nor Windows-1252 text (its line {wrong:,} is not). Save it "
            "as CSV UTF-8."
        ) from None
    return _WINDOWS, ["It is not UTF-8 and was read as Windows-1252; check its letters."]


def _first_other(path: Path, progress: Progress) -> int | None:
    """The first line of a file that is not UTF-8; None if all are."""
    lines, decoder = 1, codecs.getincrementaldecoder(_UTF8)()
    try:
        with open_regular(path, BadData) as stream:
            while chunk := stream.read(_CHUNK):
                progress(0.0, f"looking through {path.name}")
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as problem:
                    return lines + problem.object.count(b"\n", 0, problem.start)
                lines += chunk.count(b"\n")
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                return lines
    except OSError as problem:
        raise BadData(f"{path} cannot be read: {problem.strerror}.") from None
    return None


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


def _read_csv(path: Path, encoding: str, mark: str) -> Iterator[dict[str, Any]]:
    with open_regular(path, BadData) as stream:  # it may have gone since it was looked through
        try:
            yield from _chunked(path, stream, encoding, mark)
        except OSError as problem:
            raise BadData(f"{path} cannot be read: {problem.strerror}.") from None


def _chunked(path: Path, stream: IO[bytes], encoding: str, mark: str) -> Iterator[dict[str, Any]]:
    import pandas

    try:
        chunks = pandas.read_csv(
            stream, sep=mark, encoding=encoding, dtype=str, keep_default_na=False,
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
