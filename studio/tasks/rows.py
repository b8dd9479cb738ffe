"""Rows of labelled examples, read from JSON lines."""

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import mapping, open_regular, parse_json, read_text
from studio.errors import BadData

_LONGEST_LINE = 2**20
_LARGEST_FILE = 256 * 2**20
_MOST_ROWS = 2_000_000
UNLABELLED = -1
"""The label of a row that has none."""


@dataclass(frozen=True)
class Row:
    """One example: text, label index, and the group whose rows belong together, if any.

    The label is ``UNLABELLED`` in a row of a validation file that has none.
    """

    text: str
    label: int
    group: str | None


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


def read_rows(path: Path, labels: tuple[str, ...], labelled: bool = True) -> tuple[Row, ...]:
    """Rows ``{"text": ..., "label": name or index, "group": optional}``, one per line.

    Args:
        path: of the file.
        labels: names, in the order of their indices.
        labelled: whether every row must have a label.

    Raises:
        BadData: naming the file, the line and what is wrong with it.
    """
    rows, indices = [], {label: index for index, label in enumerate(labels)}
    for number, line in _lines(path):
        if line.strip():
            rows.append(_row(line, indices, labelled, f"{path}, line {number}"))
    if not rows:
        raise BadData(f"{path} holds no rows.")
    if any(row.group is None for row in rows) and any(row.group is not None for row in rows):
        raise BadData(f"{path}: some rows have a group and some have none; give all or none.")
    return tuple(rows)


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


def _row(line: str, labels: Mapping[str, int], labelled: bool, where: str) -> Row:
    data = mapping(parse_json(line, where, BadData), where, BadData)
    text, label, group = data.get("text"), data.get("label"), data.get("group")
    if not isinstance(text, str):
        raise BadData(f"{where}: 'text' is {text!r}; it must be text.")
    if isinstance(label, str):
        if label not in labels:
            raise BadData(f"{where}: the label {label!r} is not among the {len(labels)} labels.")
        label = labels[label]
    if "label" not in data and not labelled:
        label = UNLABELLED
    elif type(label) is not int or not 0 <= label < len(labels):
        raise BadData(
            f"{where}: the label {label!r} is outside the head, which has {len(labels)} labels "
            f"(0 to {len(labels) - 1})."
        )
    if group is not None and not isinstance(group, str | int):
        raise BadData(f"{where}: 'group' is {group!r}; it must be text.")
    return Row(text, label, None if group is None else str(group))
