"""Rows: what every kind's examples have in common, their labels, and how rows become a split."""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from studio.disk.files import mapping, parse_json, read_text
from studio.errors import BadData, StudioError
from studio.tasks.parquet import NamedIndex, is_parquet, label_names
from studio.tasks.row_files import json_records

UNLABELLED = -1
"""The answer of a row that has no label."""
_SHOWN = 12
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
    return label_list(parse_json(read_text(path, BadData), str(path), BadData), str(path), BadData)


def names_in_rows(files: Iterable[Path], column: str = "label") -> tuple[str, ...] | None:
    """The names that the first of some files of rows gives to its labels; None if none does.

    Raises:
        BadData: one of them cannot be read.
    """
    given = (label_names(file, column) for file in files if is_parquet(file))
    return next((names for names in given if names), None)


def label_list(labels: object, where: str, error: type[StudioError]) -> tuple[str, ...]:
    """Label names, as a file lists them.

    Raises:
        StudioError: of the given type; they are no list of different names, or one is empty.
    """
    if not isinstance(labels, list) or not labels or not all(isinstance(x, str) for x in labels):
        raise error(f"{where} must be a list of label names.")
    if len(set(labels)) < len(labels):
        raise error(f"{where} names a label twice.")
    blank = next((at for at, name in enumerate(labels, 1) if not name.strip()), None)
    if blank is not None:
        raise error(f"{where}: name {blank} of {len(labels)} is empty. Give each label a name.")
    return tuple(labels)


def json_rows(
    path: Path, parse: Callable[[dict, str], RowOf], most: int | None = None
) -> tuple[RowOf, ...]:
    """Rows of a file of JSON lines, of one JSON list, or of a Parquet table.

    Args:
        path: of the file.
        parse: makes a row of a mapping; told where it stands.
        most: rows that are read; None for all.

    Raises:
        BadData: naming the file, the place and what is wrong with it.
    """
    found = json_records(path)
    rows = (parse(mapping(data, where, BadData), where) for data, where in found)
    return gathered(path, rows, most)


def gathered(path: Path, rows: Iterable[RowOf], most: int | None = None) -> tuple[RowOf, ...]:
    """The rows of a file, at most so many.

    Raises:
        BadData: there are none, or only some have a group.
    """
    found = tuple(islice(rows, most))
    if not found:
        raise BadData(f"{path} holds no rows.")
    if any(row.group is None for row in found) and any(row.group is not None for row in found):
        raise BadData(f"{path}: some rows have a group and some have none; give all or none.")
    return found


def label_index(label: object, labels: Mapping[str, int], where: str) -> int:
    """The index of a label, given by name or index; a whole number may be written as 1.0.

    An index whose table names it counts by that name, if the labels have names.

    Raises:
        BadData: there is no such label.
    """
    if isinstance(label, NamedIndex):
        if not _unnamed(labels):
            return _by_name(label, labels, where)
        label = int(label)
    if isinstance(label, str):
        if label in labels:
            return labels[label]
        if _unnamed(labels):
            raise BadData(
                f"{where}: the label {label!r} is a name, but the checkpoint names none of its "
                f"{len(labels)} labels. Give their names in the zoo file, in the order of the "
                "head's rows: 'labels: [NAME, NAME]'; or write indices as numbers."
            )
        quoted = re.fullmatch(r"-?\d+(\.0*)?", label.strip())
        hint = " Write an index as a number, without quotes." if quoted else ""
        raise BadData(
            f"{where}: the label {label!r} is not among the {len(labels)} labels: "
            f"{_some(labels)}.{hint}"
        )
    if isinstance(label, bool):
        raise BadData(f"{where}: the label is {str(label).lower()}; write a label's name or index.")
    index = int(label) if isinstance(label, float) and label.is_integer() else label
    if type(index) is int and index == UNLABELLED:
        raise BadData(
            f"{where}: the label -1 stands for an unlabelled row, as in the test splits of public "
            "benchmarks. Name a file whose rows have labels, or leave these rows out."
        )
    if type(index) is not int or not 0 <= index < len(labels):
        raise BadData(
            f"{where}: the label {label!r} is outside the head, which has {len(labels)} labels "
            f"(0 to {len(labels) - 1})."
        )
    return index


def _unnamed(labels: Mapping[str, int]) -> bool:
    return list(labels) == [str(index) for index in range(len(labels))]


def _by_name(label: NamedIndex, labels: Mapping[str, int], where: str) -> int:
    if label.name in labels:
        return labels[label.name]
    plain = {name.strip().casefold(): index for name, index in labels.items()}
    found = plain.get(label.name.strip().casefold())
    if found is None or len(plain) < len(labels):
        raise BadData(
            f"{where}: the label {int(label)} is called {label.name!r} by the table, which is not "
            f"among the {len(labels)} labels: {_some(labels)}. Give the labels by the same names."
        )
    return found


def group_of(data: Mapping, where: str) -> str | None:
    """The group of a row, if it names one.

    Raises:
        BadData: it is neither text nor a number.
    """
    group = data.get("group")
    if group is not None and not isinstance(group, str | int):
        raise BadData(f"{where}: 'group' is {group!r}; it must be text.")
    return None if group is None else str(group)


def _some(labels: Iterable[str]) -> str:
    names = list(labels)
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
