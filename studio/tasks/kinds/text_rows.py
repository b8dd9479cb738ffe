"""Rows of texts with a label: from JSON lines, a JSON list, CSV or TSV."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import only_keys
from studio.errors import BadData
from studio.tasks.row_files import is_table, table_records
from studio.tasks.rows import UNLABELLED, gathered, group_of, json_rows, label_index

_KEYS = ("text", "text_pair", "label", "group")


@dataclass(frozen=True)
class TextRow:
    """One example: text, label index, the group whose rows belong together, the pair's second text.

    ``group`` and ``pair`` are None where there is none.
    """

    text: str
    label: int
    group: str | None
    pair: str | None = None

    @property
    def answers(self) -> tuple[int, ...]:
        """A text asks one question."""
        return (self.label,)


def read_rows(
    path: Path, labels: tuple[str, ...], labelled: bool = True, most: int | None = None
) -> tuple[TextRow, ...]:
    """Rows of text, text_pair (optional), label (a name or an index) and group (optional).

    Args:
        path: of the file.
        labels: names, in the order of their indices.
        labelled: whether every row must have a label.
        most: rows that are read; None for all.

    Raises:
        BadData: naming the file, the place and what is wrong with it.
    """
    indices = {label: index for index, label in enumerate(labels)}

    def parse(data: dict, where: str) -> TextRow:
        only_keys(data, _KEYS, where, BadData)
        text, pair, label = (data.get(key) for key in _KEYS[:3])
        if not isinstance(text, str):
            raise BadData(f"{where}: 'text' is {text!r}; it must be text.")
        if pair is not None and not isinstance(pair, str):
            raise BadData(f"{where}: 'text_pair' is {pair!r}; it must be text.")
        index = UNLABELLED
        if label is not None or labelled:
            index = _label(label, indices, where)
        return TextRow(text, index, group_of(data, where), pair)

    if not is_table(path):
        return json_rows(path, parse, most)
    cells = table_records(path, _KEYS, "text")
    return gathered(path, (parse(_typed(row, indices), where) for row, where in cells), most)


def _label(label: object, indices: Mapping[str, int], where: str) -> int:
    if label is None:
        raise BadData(f"{where} has no label; give each row one, or leave unlabelled rows out.")
    return label_index(label, indices, where)


def _typed(cells: dict[str, str], indices: Mapping[str, int]) -> dict[str, object]:
    """A table's cells, its label a number where that is no label's name: tables have no types."""
    row: dict[str, object] = dict(cells)
    row.setdefault("text", "")
    label = cells.get("label")
    if label is not None and label not in indices:
        try:
            row["label"] = float(label)
        except ValueError:
            row["label"] = label.strip()
    return row
