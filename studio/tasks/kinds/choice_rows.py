"""Rows of multiple choice: a question with options of its own, one of which is right."""

from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import only_keys
from studio.errors import BadData
from studio.tasks.row_files import is_table
from studio.tasks.rows import UNLABELLED, group_of, json_rows

_KEYS = ("question", "options", "answer", "group")
_MOST = 100  # options of one question


@dataclass(frozen=True)
class ChoiceRow:
    """One question: its text, the options, which is right, the group whose rows belong together.

    ``group`` is None where there is none.
    """

    text: str
    options: tuple[str, ...]
    right: int
    group: str | None = None

    @property
    def answers(self) -> tuple[int, ...]:
        """The row asks one question."""
        return (self.right,)


def read_choices(
    path: Path, labelled: bool = True, most: int | None = None
) -> tuple[ChoiceRow, ...]:
    """Rows of question, options, answer (an index or an option's text) and group (optional).

    Args:
        path: of the file: JSON lines or a JSON list, since a table's cells are no lists.
        labelled: whether every row must have an answer.
        most: rows that are read; None for all.

    Raises:
        BadData: naming the file, the place and what is wrong with it.
    """
    if is_table(path):
        raise BadData(
            f"{path} is a table, whose cells hold no list of options. Write the rows as JSON lines."
        )

    def parse(data: dict, where: str) -> ChoiceRow:
        only_keys(data, _KEYS, where, BadData)
        question = _full(data.get("question"), "'question'", where)
        options = _options(data.get("options"), where)
        right = UNLABELLED
        if data.get("answer") is not None or labelled:
            right = _right(data.get("answer"), options, where)
        return ChoiceRow(question, options, right, group_of(data, where))

    return json_rows(path, parse, most)


def _full(text: object, what: str, where: str) -> str:
    if not isinstance(text, str):
        raise BadData(f"{where}: {what} is {text!r}; it must be text.")
    if not text.strip():
        raise BadData(
            f"{where}: {what} is empty, so its likelihood says nothing. Leave the row out."
        )
    return text


def _options(found: object, where: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not 2 <= len(found) <= _MOST:
        count = f"a list of {len(found)}" if isinstance(found, list) else repr(found)
        raise BadData(f"{where}: 'options' is {count}; it must be a list of 2 to {_MOST} texts.")
    texts = tuple(_full(each, f"option {at}", where) for at, each in enumerate(found))
    twice = next((each for at, each in enumerate(texts) if each in texts[:at]), None)
    if twice is not None:
        raise BadData(f"{where} has the option {twice[:60]!r} twice, so none of the two is right.")
    return texts


def _right(answer: object, options: tuple[str, ...], where: str) -> int:
    if answer is None:
        raise BadData(f"{where} has no answer; give each row one, or leave such rows out.")
    if isinstance(answer, str):
        if answer in options:
            return options.index(answer)
        hint = " Write an index as a number, without quotes." if answer.strip().isdigit() else ""
        raise BadData(
            f"{where}: the answer {answer[:60]!r} is none of its {len(options)} options.{hint}"
        )
    index = int(answer) if isinstance(answer, float) and answer.is_integer() else answer
    if type(index) is not int or not 0 <= index < len(options):
        raise BadData(
            f"{where}: the answer {answer!r} is no index of its {len(options)} options "
            f"(0 to {len(options) - 1}) and no option's text."
        )
    return index
