"""A tokenizer that learns the tokens of a union, by the ``add_tokens`` of its own library."""

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from studio.checkpoints.added_tokens import Flags
from studio.checkpoints.checkpoint import Checkpoint, open_checkpoint
from studio.checkpoints.vocabulary import vocabulary
from studio.errors import BadCheckpoint, some
from studio.tasks.pretrained import load_tokenizer

_REMEDY = "Take vocabulary: base."


def join_tokens(folder: Path, places: Mapping[str, int], flags: Mapping[str, Flags]) -> None:
    """Add tokens to the tokenizer in a folder of weights, in place, and read it again.

    A ``tokenizer.json`` is written by tokenizers, which keeps the rest of it; of a folder without
    one, transformers writes what it makes of the other files. Which tokens begin or end a text,
    pad or part it stays as the folder's files say.

    Args:
        folder: of a written model, with its configuration.
        places: ``{token: row}``, in the order of the rows.
        flags: how each is found in a text.

    Raises:
        BadCheckpoint: the tokenizer cannot be loaded, gives a token another row, or reads another
            token where one stands in a text.
    """
    checkpoint, file = open_checkpoint(folder), folder / "tokenizer.json"
    before = dict(vocabulary(checkpoint) or {})
    tokens = [AddedToken(token, **flags[token]) for token in places]
    if file.is_file():
        _extend(file, tokens)
        _list_besides(folder, places, flags)
    else:
        found = load_tokenizer(checkpoint)
        for special, group in groupby(tokens, key=lambda each: each.special):
            found.add_tokens([*group], special_tokens=special)
        found.save_pretrained(str(folder))
    written = load_tokenizer(checkpoint)
    _refuse_other_rows(written, before | dict(places))
    unread = [token for token, row in places.items() if row not in _read(written, token)]
    if unread:
        raise BadCheckpoint(
            f"The tokenizer of the written model has the tokens {some(unread)}, and does not find "
            f"them in a text: it reads them as something else first. {_REMEDY}"
        )


def reads_otherwise(
    base: Checkpoint, tokens: Iterable[str], flags: Mapping[str, Flags]
) -> Callable[[str], bool]:
    """Whether the base's tokenizer reads a text otherwise once it knows some tokens.

    Args:
        base: with its tokenizer.
        tokens: that it learns, in the order of their rows.
        flags: how each is found in a text.
    """
    before = load_tokenizer(base)
    after = copy.deepcopy(before)
    for token in tokens:
        after.add_tokens([AddedToken(token, **flags[token])])

    def ids(tokenizer: Any, text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    return lambda text: ids(before, text) != ids(after, text)


def _extend(file: Path, tokens: list[AddedToken]) -> None:
    try:
        found = Tokenizer.from_file(str(file))
    except Exception as problem:  # tokenizers raises nothing narrower
        raise BadCheckpoint(f"tokenizers cannot read {file}: {problem}. {_REMEDY}") from None
    for special, group in groupby(tokens, key=lambda each: each.special):
        (found.add_special_tokens if special else found.add_tokens)([*group])
    found.save(str(file))


def _list_besides(folder: Path, places: Mapping[str, int], flags: Mapping[str, Flags]) -> None:
    """Let the other files that list added tokens list these as well, where they are there."""
    config, added = folder / "tokenizer_config.json", folder / "added_tokens.json"
    if config.is_file():
        content = json.loads(config.read_text(encoding="utf-8"))
        if isinstance(listed := content.get("added_tokens_decoder"), dict):
            for token, row in places.items():
                listed[str(row)] = {"content": token, **flags[token]}
            config.write_text(_text(content), encoding="utf-8")
    if added.is_file():
        content = json.loads(added.read_text(encoding="utf-8"))
        added.write_text(_text(content | dict(places)), encoding="utf-8")


def _text(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


def _refuse_other_rows(written: Any, expected: Mapping[str, int]) -> None:
    """Refuse a tokenizer in which a token has another row than its weights have for it."""
    rows = written.get_vocab()
    for token, row in expected.items():
        if rows.get(token) != row:
            raise BadCheckpoint(
                f"transformers' tokenizer of the written model gives the token {token[:50]!r} the "
                f"row {rows.get(token)}, the weights have it at {row:,}. {_REMEDY}"
            )


def _read(tokenizer: Any, token: str) -> list[int]:
    """Rows of the one token as a text."""
    return tokenizer(token, add_special_tokens=False)["input_ids"]
