"""Rows of a language model: a text, or a prompt and the answer that alone counts."""

from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import only_keys
from studio.errors import BadData
from studio.tasks.row_files import is_table, table_records
from studio.tasks.rows import gathered, group_of, json_rows

_KEYS = ("text", "prompt", "answer", "group")
_WORDS = 12  # of a text that are a prompt, at most


@dataclass(frozen=True)
class Passage:
    """One document: what is given, what counts, the group whose rows belong together.

    ``prompt`` and ``group`` are None where there is none.
    """

    text: str
    group: str | None = None
    prompt: str | None = None

    @property
    def answers(self) -> tuple[int, ...]:
        """A document asks one question, which has no options."""
        return (0,)


def read_passages(path: Path, most: int | None = None) -> tuple[Passage, ...]:
    """Rows of text, or of prompt and answer, and group (optional).

    Args:
        path: of the file: JSON lines, a JSON list, CSV or TSV.
        most: rows that are read; None for all.

    Raises:
        BadData: naming the file, the place and what is wrong with it.
    """
    if not is_table(path):
        return json_rows(path, _passage, most)
    cells = table_records(path, _KEYS, _needed(path))
    return gathered(path, (_passage(dict(row), where) for row, where in cells), most)


def opening(row: Passage) -> str:
    """The row's prompt; of a text without one its first words, at most half of them."""
    if row.prompt:
        return row.prompt
    words, seen = row.text.split(), 0
    for word in words[: max(min(len(words) // 2, _WORDS), 1)]:
        seen = row.text.index(word, seen) + len(word)
    return row.text[:seen].lstrip()


def _needed(path: Path) -> str:
    """The column that a table must have: text, unless its first line speaks of answers."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return "answer" if "answer" in file.readline() else "text"


def _passage(data: dict, where: str) -> Passage:
    only_keys(data, _KEYS, where, BadData)
    whole, pair = data.get("text"), (data.get("prompt"), data.get("answer"))
    if (whole is None) == (pair == (None, None)):
        raise BadData(f"{where}: give 'text', or 'prompt' and 'answer', and not both.")
    if whole is not None:
        return Passage(_full(whole, "text", where), group_of(data, where))
    prompt, answer = pair
    if not isinstance(prompt, str):
        raise BadData(f"{where}: 'prompt' is {prompt!r}; it must be text.")
    return Passage(_full(answer, "answer", where), group_of(data, where), prompt)


def _full(text: object, key: str, where: str) -> str:
    if not isinstance(text, str):
        raise BadData(f"{where}: {key!r} is {text!r}; it must be text.")
    if not text.strip():
        raise BadData(f"{where}: {key!r} is empty, so there is nothing to predict. Leave it out.")
    return text
