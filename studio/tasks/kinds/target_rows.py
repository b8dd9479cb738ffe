"""Rows of a text and the target that is to be written for it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import only_keys
from studio.errors import BadData, some
from studio.tasks.row_files import is_table, table_records
from studio.tasks.rows import UNLABELLED, gathered, group_of, json_rows

MOST_TARGETS = 32
"""Different targets that rows may have before somebody must say that they are a choice."""
ANOTHER, WRITTEN = 0, 1
"""Options of a row whose target is to be generated: another text is written, or its very target."""
_KEYS = ("text", "target", "group")


@dataclass(frozen=True)
class TargetRow:
    """One example: text, target, its index among the task's targets, the group of the row.

    Where a task has no targets, ``right`` is ``WRITTEN``. ``target`` is empty in a row of a
    validation file that has none, ``group`` None where there is none.
    """

    text: str
    target: str
    right: int
    group: str | None = None

    @property
    def answers(self) -> tuple[int, ...]:
        """The row asks one question."""
        return (self.right,)


def read_targets(
    path: Path, targets: tuple[str, ...], labelled: bool = True, most: int | None = None
) -> tuple[TargetRow, ...]:
    """Rows of text, target and group (optional).

    Args:
        path: of the file: JSON lines, a JSON list, CSV or TSV.
        targets: of the task; none where what is generated is compared with each row's own.
        labelled: whether every row must have a target.
        most: rows that are read; None for all.

    Raises:
        BadData: naming the file, the place and what is wrong with it.
    """
    places = {target: place for place, target in enumerate(targets)}

    def parse(data: dict, where: str) -> TargetRow:
        text, target = _read(data, where)
        group = group_of(data, where)
        if target is None:
            if labelled or not places:
                raise BadData(f"{where} has no target; give each row one, or leave such rows out.")
            return TargetRow(text, "", UNLABELLED, group)
        if places and target not in places:
            raise BadData(
                f"{where}: the target {target[:60]!r} is not among the {len(targets)} targets: "
                f"{some(list(targets), 12)}."
            )
        return TargetRow(text, target, places.get(target, WRITTEN), group)

    return _rows(path, parse, most)


def different_targets(paths: Iterable[Path], task: str) -> tuple[str, ...]:
    """The targets that rows of some files have, in alphabetical order.

    Args:
        paths: of the files.
        task: whose rows they are.

    Raises:
        BadData: a file cannot be used, or there are too few or too many to be a choice.
    """
    found: set[str] = set()
    for path in paths:
        found |= {each.target for each in _rows(path, _bare, None)} - {""}
    if len(found) > MOST_TARGETS:
        raise BadData(
            f"'{task}': its rows have {len(found):,} different targets, too many for a choice that "
            "nobody has named. Write 'generate: true' into the zoo file, so that what the model "
            "writes is compared with each row's own, or list the options in 'targets'."
        )
    if len(found) < 2:
        raise BadData(
            f"'{task}': its rows have {len(found)} different targets, and a choice has two or "
            "more. List the options in 'targets', or write 'generate: true' into the zoo file."
        )
    return tuple(sorted(found))


def _rows(
    path: Path, parse: Callable[[dict, str], TargetRow], most: int | None
) -> tuple[TargetRow, ...]:
    if not is_table(path):
        return json_rows(path, parse, most)
    cells = table_records(path, _KEYS, "text")
    return gathered(path, (parse({"text": "", **row}, where) for row, where in cells), most)


def _bare(data: dict, where: str) -> TargetRow:
    text, target = _read(data, where)
    return TargetRow(text, target or "", UNLABELLED, group_of(data, where))


def _read(data: dict, where: str) -> tuple[str, str | None]:
    only_keys(data, _KEYS, where, BadData)
    text, target = data.get("text"), data.get("target")
    if not isinstance(text, str):
        raise BadData(f"{where}: 'text' is {text!r}; it must be text.")
    if target is not None and not isinstance(target, str):
        raise BadData(f"{where}: 'target' is {target!r}; it must be text.")
    if target is not None and not target.strip():
        raise BadData(f"{where}: 'target' is empty, so there is nothing to write. Leave it out.")
    return text, target
