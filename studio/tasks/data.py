"""Rows of labelled examples, read from JSON lines."""

from dataclasses import dataclass
from pathlib import Path

from studio.errors import BadData
from studio.files import mapping, parse_json, read_text

_LONGEST_LINE = 2**20


@dataclass(frozen=True)
class Row:
    """One example: text, label index, and the group whose rows belong together, if any."""

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


def read_rows(path: Path, labels: tuple[str, ...]) -> tuple[Row, ...]:
    """Rows ``{"text": ..., "label": name or index, "group": optional}``, one per line.

    Raises:
        BadData: naming the file, the line and what is wrong with it.
    """
    rows = []
    try:
        with path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if len(line) > _LONGEST_LINE:
                    raise BadData(f"{path}, line {number} has more than {_LONGEST_LINE:,} letters.")
                if line.strip():
                    rows.append(_row(line, labels, f"{path}, line {number}"))
    except UnicodeDecodeError:
        raise BadData(f"{path} is not UTF-8 text.") from None
    except OSError as problem:
        raise BadData(f"{path} cannot be read: {problem.strerror}.") from None
    if not rows:
        raise BadData(f"{path} holds no rows.")
    if any(row.group is None for row in rows) and any(row.group is not None for row in rows):
        raise BadData(f"{path}: some rows have a group and some have none; give all or none.")
    return tuple(rows)


def _row(line: str, labels: tuple[str, ...], where: str) -> Row:
    data = mapping(parse_json(line, where, BadData), where, BadData)
    text, label, group = data.get("text"), data.get("label"), data.get("group")
    if not isinstance(text, str):
        raise BadData(f"{where}: 'text' is {text!r}; it must be text.")
    if isinstance(label, str):
        if label not in labels:
            raise BadData(f"{where}: the label {label!r} is not among the {len(labels)} labels.")
        label = labels.index(label)
    if type(label) is not int or not 0 <= label < len(labels):
        raise BadData(
            f"{where}: the label {label!r} is outside the head, which has {len(labels)} labels "
            f"(0 to {len(labels) - 1})."
        )
    if group is not None and not isinstance(group, str | int):
        raise BadData(f"{where}: 'group' is {group!r}; it must be text.")
    return Row(text, label, None if group is None else str(group))
