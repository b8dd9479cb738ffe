"""Rows of words with a tag each: from JSON lines, a JSON list, or CoNLL's columns."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import only_keys
from studio.errors import BadData
from studio.tasks.row_files import is_table, text_lines
from studio.tasks.rows import UNLABELLED, gathered, group_of, json_rows, label_index

_KEYS = ("words", "tokens", "tags", "ner_tags", "group")
_COLUMNS = (".conll", ".txt", ".bio", ".iob", ".iob2")
_NOT_SCORED = -100  # what torch's cross-entropy leaves out, and so data sets write
_DOCUMENT = "-DOCSTART-"


@dataclass(frozen=True)
class TokenRow:
    """One sentence.

    Attributes:
        words: at least one.
        tags: of each its label's index; None where it is not scored.
        group: whose rows belong together; None if there is none.
    """

    words: tuple[str, ...]
    tags: tuple[int | None, ...]
    group: str | None = None

    @property
    def scored(self) -> tuple[int, ...]:
        """Places of the words that are scored, at least one."""
        return tuple(place for place, tag in enumerate(self.tags) if tag is not None)

    @property
    def answers(self) -> tuple[int, ...]:
        """Every word that is scored asks a question."""
        return tuple(tag for tag in self.tags if tag is not None)


def untagged(text: str) -> TokenRow | None:
    """The words of a text, parted by spaces; None if it has none."""
    words = tuple(text.split())
    return TokenRow(words, (UNLABELLED,) * len(words)) if words else None


def read_sentences(
    path: Path, labels: tuple[str, ...], labelled: bool = True, most: int | None = None
) -> tuple[TokenRow, ...]:
    """Rows of words, tags (names or indices; None or -100 is not scored) and group (optional).

    Args:
        path: of the file.
        labels: names, in the order of their indices.
        labelled: whether every row must have tags.
        most: rows that are read; None for all.

    Raises:
        BadData: naming the file, the place and what is wrong with it.
    """
    indices = {label: index for index, label in enumerate(labels)}
    if is_table(path):
        raise BadData(
            f"{path} is a table, but a row of words and tags does not fit into one line of it. "
            f"Write JSON lines, or a word and its tag per line into a file that ends in "
            f"{', '.join(_COLUMNS)}."
        )
    if path.suffix.lower() in _COLUMNS:
        sentences = _sentences(path)
        rows = (_columns(lines, indices, labelled) for lines in sentences)
        return gathered(path, rows, most)
    return json_rows(path, lambda data, where: _row(data, indices, labelled, where), most)


def _row(data: dict, indices: Mapping[str, int], labelled: bool, where: str) -> TokenRow:
    only_keys(data, _KEYS, where, BadData)
    words, tags = (_either(data, *keys, where) for keys in (_KEYS[:2], _KEYS[2:4]))
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadData(f"{where}: 'words' is {words!r}; it must be a list of texts.")
    if not words:
        raise BadData(f"{where} has no words. Leave it out.")
    group = group_of(data, where)
    if tags is None and not labelled:
        return TokenRow(tuple(words), (UNLABELLED,) * len(words), group)
    if not isinstance(tags, list):
        said = "no tags" if tags is None else f"tags {tags!r}"
        raise BadData(f"{where} has {said}; give a list of one tag per word.")
    if len(tags) != len(words):
        raise BadData(f"{where} has {len(words)} words, but {len(tags)} tags; give each word one.")
    places = [f"{where}, word {n} ({word[:40]!r})" for n, word in enumerate(words, 1)]
    found = tuple(_tag(tag, indices, at) for tag, at in zip(tags, places, strict=True))
    return _scored(TokenRow(tuple(words), found, group), where)


def _either(data: Mapping, name: str, other: str, where: str) -> object:
    """What stands under one of two names."""
    if name in data and other in data:
        raise BadData(f"{where} has both '{name}' and '{other}'; give one of them.")
    return data.get(name, data.get(other))


def _tag(tag: object, indices: Mapping[str, int], where: str) -> int | None:
    return None if tag in (None, _NOT_SCORED) else label_index(tag, indices, where)


def _scored(row: TokenRow, where: str) -> TokenRow:
    if not row.answers:
        raise BadData(f"{where} has no word that is scored. Leave it out.")
    return row


def _sentences(path: Path) -> Iterator[list[tuple[list[str], str]]]:
    """The lines between blank ones: the columns of each, and where it stands."""
    found: list[tuple[list[str], str]] = []
    for line, where in text_lines(path):
        bare = line.strip(" \t\r\n")
        if bare and not bare.startswith(_DOCUMENT):
            found.append((re.split(r"\t" if "\t" in bare else " +", bare), where))
        elif found:
            yield found
            found = []
    if found:
        yield found


def _columns(
    lines: list[tuple[list[str], str]], indices: Mapping[str, int], labelled: bool
) -> TokenRow:
    """A sentence whose words are the first column, and whose tags are the last of several."""
    (first, where), tags = lines[0], []
    for cells, at in lines:
        if len(cells) != len(first):
            raise BadData(
                f"{at} has {len(cells)} columns, but its sentence begins with {len(first)}: a word "
                "first, its tag last."
            )
        if len(cells) == 1 and labelled:
            raise BadData(f"{at}: {cells[0][:40]!r} has no tag; write it behind the word.")
        tag = UNLABELLED if len(cells) == 1 else _tag(cells[-1], indices, at)
        tags.append(tag)
    return _scored(TokenRow(tuple(cells[0] for cells, _ in lines), tuple(tags)), where)
