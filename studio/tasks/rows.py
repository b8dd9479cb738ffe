"""Rows: what every kind's examples have in common, and how JSON lines are read."""

import io
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from studio.disk.files import mapping, open_regular, parse_json, read_text
from studio.errors import BadData

_LONGEST_LINE = 2**20
_LARGEST_FILE = 256 * 2**20
_MOST_ROWS = 2_000_000
UNLABELLED = -1
"""The answer of a row that has no label."""
RowOf = TypeVar("RowOf", bound="Row")


class Row(Protocol):
    """One example, as its kind reads it."""

    @property
    def answers(self) -> tuple[int, ...]:
        """Index of the right option of every question that the row asks, at least one.

        ``UNLABELLED`` in a row of a validation file that does not say.
        """
        ...

    @property
    def group(self) -> str | None:
        """The group whose rows belong together, if any."""
        ...


def read_labels(path: Path) -> tuple[str, ...]:
    """A list of label names.

    Raises:
        BadData: it is no list of different names.
    """
    labels = parse_json(read_text(path, BadData), str(path), BadData)
    if not isinstance(labels, list) or not labels or not all(isinstance(x, str) for x in labels):
        raise BadData(f"{path} must be a list of label names.")
    if len(set(labels)) < len(labels):
        raise BadData(f"{path} names a label twice.")
    return tuple(labels)


def json_rows(path: Path, parse: Callable[[dict, str], RowOf]) -> tuple[RowOf, ...]:
    """Rows of a file of JSON lines.

    Args:
        path: of the file.
        parse: makes a row of a mapping; told where it stands.

    Raises:
        BadData: naming the file, the line and what is wrong with it.
    """
    rows = []
    for number, line in _lines(path):
        if line.strip():
            where = f"{path}, line {number}"
            rows.append(parse(mapping(parse_json(line, where, BadData), where, BadData), where))
    if not rows:
        raise BadData(f"{path} holds no rows.")
    if any(row.group is None for row in rows) and any(row.group is not None for row in rows):
        raise BadData(f"{path}: some rows have a group and some have none; give all or none.")
    return tuple(rows)


def label_index(label: object, labels: Mapping[str, int], where: str) -> int:
    """The index of a label, given by name or index.

    Raises:
        BadData: there is no such label.
    """
    if isinstance(label, str):
        if label not in labels:
            raise BadData(f"{where}: the label {label!r} is not among the {len(labels)} labels.")
        return labels[label]
    if type(label) is not int or not 0 <= label < len(labels):
        raise BadData(
            f"{where}: the label {label!r} is outside the head, which has {len(labels)} labels "
            f"(0 to {len(labels) - 1})."
        )
    return label


def group_of(data: Mapping, where: str) -> str | None:
    """The group of a row, if it names one.

    Raises:
        BadData: it is neither text nor a number.
    """
    group = data.get("group")
    if group is not None and not isinstance(group, str | int):
        raise BadData(f"{where}: 'group' is {group!r}; it must be text.")
    return None if group is None else str(group)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines, none longer than a row may be."""
    number = 0
    try:
        with open_regular(path, BadData) as raw, io.TextIOWrapper(raw, "utf-8-sig") as stream:
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
