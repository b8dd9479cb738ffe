"""Parquet tables as rows: columns by their names, within limits, and nothing of them is run."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio.disk.files import open_regular
from studio.errors import BadData

_MOST_BYTES = 2**32  # of a file, and of what it holds unpacked
_FEW_BYTES, _MOST_TIMES = 2**28, 64  # bytes unpacked; times what a table says of itself
_MOST_ROWS = 2_000_000
_AT_ONCE = 64  # rows that are unpacked together
_FEATURES = b"huggingface"  # of the schema's metadata: what the columns mean, as JSON


class NamedIndex(int):
    """A label's index in a table that names its labels.

    Attributes:
        name: of the label.
    """

    name: str

    def __new__(cls, index: int, name: str) -> "NamedIndex":
        """An index with a name."""
        made = super().__new__(cls, index)
        made.name = name
        return made


def is_parquet(path: Path) -> bool:
    """Whether a file's name says that it is a Parquet table."""
    return path.suffix.lower() == ".parquet"


def parquet_records(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The cells of each row by column, without empty ones, and where they stand.

    Indices of labels that the table names (as ``ClassLabel`` of the library datasets) are
    ``NamedIndex``.

    Raises:
        BadData: it is no Parquet table, or a damaged or gigantic one.
    """
    number = unpacked = 0
    with _opened(path) as table:
        names, said = _label_names(table), _said_bytes(table.metadata)
        most = min(_MOST_BYTES, max(_FEW_BYTES, _MOST_TIMES * said))
        for batch in table.iter_batches(batch_size=_AT_ONCE, use_threads=False):
            for cells in batch.to_pylist():
                number += 1
                unpacked += _length(cells)
                if unpacked > most:
                    raise BadData(
                        f"{path} says that it holds {said:,} bytes unpacked, but its first "
                        f"{number:,} rows hold more than {most:,}: long values that are repeated "
                        "very often. Write its rows as JSON lines."
                    )
                row = {key: _named(x, names.get(key)) for key, x in cells.items() if x is not None}
                yield row, f"{path}, row {number}"


def parquet_columns(path: Path) -> tuple[str, ...]:
    """The columns that a table names, also those in which every cell is empty.

    Raises:
        BadData: as ``parquet_records``.
    """
    with _opened(path) as table:
        return tuple(table.schema_arrow.names)


def parquet_rows(path: Path) -> int:
    """How many rows a table says that it has.

    Raises:
        BadData: as ``parquet_records``.
    """
    with _opened(path) as table:
        return table.metadata.num_rows


def label_names(path: Path, column: str) -> tuple[str, ...] | None:
    """The names that a table gives to the labels of a column; None if it gives none.

    Raises:
        BadData: as ``parquet_records``.
    """
    with _opened(path) as table:
        return _label_names(table).get(column)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pyarrow
    import pyarrow.parquet

    with open_regular(path, BadData) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > _MOST_BYTES:
            raise BadData(f"{path} has {size:,} bytes; at most {_MOST_BYTES:,} are read.")
        try:
            table = pyarrow.parquet.ParquetFile(stream)
            _refuse_large(path, table.metadata)
            _refuse_twice(path, table.schema_arrow.names)
            yield table
        except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as problem:
            why = str(problem).split("\n")[0] or type(problem).__name__
            raise BadData(f"{path} is no Parquet table that can be read: {why}") from None


def _refuse_large(path: Path, about: Any) -> None:
    if about.num_rows > _MOST_ROWS:
        raise BadData(f"{path} has {about.num_rows:,} rows; at most {_MOST_ROWS:,} are read.")
    if (size := _said_bytes(about)) > _MOST_BYTES:
        raise BadData(f"{path} holds {size:,} bytes unpacked; at most {_MOST_BYTES:,} are read.")


def _refuse_twice(path: Path, names: list[str]) -> None:
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise BadData(f"{path} names the column {twice[0]!r} twice. Give each its own name.")


def _said_bytes(about: Any) -> int:
    """What a table says that it holds unpacked; a value that is repeated may count once."""
    return sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))


def _length(value: Any) -> int:
    """Letters and bytes of a cell and of what is in it, each time that it stands there."""
    if isinstance(value, str | bytes):
        return len(value)
    inner = value.values() if isinstance(value, dict) else value
    return sum(map(_length, inner)) if isinstance(value, dict | list) else 1


def _label_names(table: Any) -> dict[str, tuple[str, ...]]:
    """By column, the names of its labels, as the library datasets writes them."""
    try:
        said = json.loads((table.schema_arrow.metadata or {}).get(_FEATURES, b"{}"))
        features = said["info"]["features"].items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    found = {}
    for column, feature in features:
        while isinstance(feature, Mapping) and "names" not in feature:  # a list of labels
            feature = feature.get("feature")
        names = feature.get("names") if isinstance(feature, Mapping) else None
        if isinstance(names, list) and all(isinstance(each, str) for each in names):
            found[column] = tuple(names)
    return found


def _named(value: Any, names: tuple[str, ...] | None) -> Any:
    """A cell with the names of what is an index of a label in it."""
    if names is None:
        return value
    if isinstance(value, list):
        return [_named(each, names) for each in value]
    known = type(value) is int and 0 <= value < len(names)
    return NamedIndex(value, names[value]) if known else value
