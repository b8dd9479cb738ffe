"""What lies beside weights of a joined vocabulary: its tokenizer and its number of rows."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from studio.checkpoints.architecture import architecture_of
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.matched_rows import row_count
from studio.checkpoints.token_union import TokenUnion
from studio.errors import BadCheckpoint
from studio.tasks.joined_tokenizer import join_tokens, reads_otherwise
from studio.tasks.task import Task

_SIZE = "vocab_size"


def write_union(union: TokenUnion, folder: Path) -> None:
    """Let the configuration and the tokenizer of a written model know the tokens that joined.

    Args:
        union: of the weights; nothing is done if no token joined.
        folder: with the weights, and the base's configuration and tokenizer.

    Raises:
        BadCheckpoint: the configuration does not say how large the vocabulary is, or the
            tokenizer cannot take the tokens.
    """
    if not union.places:
        return
    _resize(union, folder)
    join_tokens(folder, union.places, union.flags)


def read_otherwise(union: TokenUnion, tasks: Iterable[Task], split: str) -> list[str]:
    """How many rows hold a token that joined, which the base's tokenizer took for other words.

    Args:
        union: of the weights.
        tasks: that were scored on their rows.
        split: which rows.

    Returns:
        One sentence; none if no token joined or nothing was scored.
    """
    if not union.places:
        return []
    otherwise = reads_otherwise(union.deltas.base, union.places, union.flags)
    found = {}
    for task in tasks:
        texts = [[*_texts(task.kind.plain(row))] for row in task.rows(split)]
        held = sum(any(map(otherwise, row)) for row in texts)
        found[task.name] = f"'{task.name}' {held:,} of {len(texts):,}"
    if not found:
        return []
    return [
        "Scored rows that hold a token which joins the vocabulary, and which the export reads "
        f"otherwise than they were scored: {', '.join(found.values())}."
    ]


def _texts(plain: object) -> Iterator[str]:
    """All texts of a row."""
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, list | tuple):
        for each in plain:
            yield from _texts(each)
    elif isinstance(plain, Mapping):
        yield from _texts([*plain.values()])


def _resize(union: TokenUnion, folder: Path) -> None:
    """Let ``config.json`` name the number of rows that the weights have."""
    entries, file = union.deltas.base.weights.entries, folder / "config.json"
    before = {row_count(entries[name].shape) for name in union.heights}
    rows = max(union.heights.values())
    if rows in before or not file.is_file():
        return
    content = json.loads(file.read_text(encoding="utf-8"))
    architecture = architecture_of(open_checkpoint(folder))
    settings = architecture.settings if architecture else content
    if not _put(content, settings, before, rows):
        raise BadCheckpoint(
            f"{union.deltas.base.folder}/config.json gives no {_SIZE} that is the number of rows "
            f"of its weights ({', '.join(f'{each:,}' for each in sorted(before))}), so that no "
            "token can join. Take vocabulary: base."
        )
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _put(content: dict, settings: Mapping, before: Collection[int], rows: int) -> bool:
    """Write the number of rows wherever the complete settings have the one before."""
    found = settings.get(_SIZE) in before
    if found:
        content[_SIZE] = rows
    for name, inner in settings.items():
        if isinstance(inner, dict) and isinstance(content.setdefault(name, {}), dict):
            found = _put(content[name], inner, before, rows) or found
            if not content[name]:
                del content[name]
    return found
