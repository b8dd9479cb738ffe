"""Which token each row of a checkpoint's embeddings stands for, by its tokenizer's files."""

import hashlib
import json
import re
from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard

from studio.checkpoints.architecture import architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.loaded_tokens import loaded_tokens
from studio.checkpoints.stored import stamp
from studio.disk.cache import cache_key, keep, recall
from studio.disk.files import mapping, open_regular, parse_json, read_text
from studio.errors import BadCheckpoint

LARGEST = 64 * 2**20  # bytes of one file
WHOLE = ("tokenizer.json", "vocab.json", "vocab.txt")
"""Files that name all tokens; the first that is there counts."""
ADDED = ("added_tokens.json", "tokenizer_config.json")
"""Files that name tokens beside those."""
BINARY = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model", "tekken.json")
"""Files of one vocabulary that are not read: SentencePiece's and Mistral's."""
CONVERT = (
    "Where sentencepiece is installed, transformers writes a tokenizer.json: "
    "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)."
)
"""What to do about them."""
_ROOM, _KEPT = "tokens", 16  # tokenizers
_MOST_ROWS = 2**31
_END = "\0"
# A quote within text is written \", so that this is a key. What it holds is long, and not read.
_MERGES = re.compile(
    r'("merges"\s*:\s*)\[(?:[^\]\["]++|"(?:[^"\\]++|\\.)*+"|\[(?:[^\]"]++|"(?:[^"\\]++|\\.)*+")*+\])*+\]'
)
_REMEDY = "Correct it, or take the tokenizer's files away: rows are then matched by their place."


def vocabulary(checkpoint: Checkpoint) -> Mapping[str, int] | None:
    """``{token: row}`` by the tokenizer beside a checkpoint's weights; None if none is readable.

    Files are read as JSON and text; no code is run. Where added tokens leave rows out, they are
    those of the tokenizer as it is loaded, see ``loaded_tokens``. A tokenizer that lies in one
    binary file (``tokenizer.model``) is not read.

    Raises:
        BadCheckpoint: naming the file and what is wrong with it, such as one row for two tokens.
    """
    files = _files(checkpoint)
    return _tokens(_digest(files), files) if files else None


def in_tokens_of(
    base: Checkpoint, checkpoint: Checkpoint, config: Mapping
) -> dict[str, int | None]:
    """What a configuration says of tokens, in the base's rows, if its vocabulary is another.

    Args:
        base: whose tokenizer reads texts.
        checkpoint: whose folder has the other tokenizer.
        config: of the checkpoint; its size of the vocabulary, and entries like ``pad_token_id``.

    Returns:
        These entries; a token that the base lacks is None. Empty where nothing differs, or where
        tokens cannot be compared.
    """
    architecture = architecture_of(base)
    rows = architecture.settings.get("vocab_size") if architecture else None
    digests = vocabulary_digest(base), vocabulary_digest(checkpoint)
    same = digests[0] == digests[1] and config.get("vocab_size", rows) == rows
    if same or not all(digests) or not isinstance(rows, int):
        return {}
    ours, theirs = vocabulary(base) or {}, vocabulary(checkpoint) or {}
    names, taken = dict(zip(theirs.values(), theirs, strict=True)), {*ours.values()}

    def row(own: int) -> int | None:
        found = ours.get(names[own]) if own in names else None if own in taken else own
        return found if found is not None and found < rows else None

    ids = {k: v for k, v in config.items() if k.endswith("_token_id") and type(v) is int}
    return {"vocab_size": rows} | {name: row(own) for name, own in ids.items()}


def vocabulary_digest(checkpoint: Checkpoint) -> str:
    """Sha256 of the files that name tokens; empty where there is no such tokenizer."""
    files = _files(checkpoint)
    return _digest(files) if files else ""


def unread_file(checkpoint: Checkpoint) -> Path | None:
    """The file of a tokenizer that is not read, where nothing else names a checkpoint's tokens."""
    if _files(checkpoint):
        return None
    found = (checkpoint.folder / name for name in BINARY)
    return next((checkpoint.inside(file) for file in found if file.exists()), None)


def same_unread(one: Checkpoint, other: Checkpoint) -> bool | None:
    """Whether two tokenizers that are not read are one, byte for byte; None unless both are such.

    What names added tokens beside them must be equal, too.
    """
    parts = []
    for checkpoint in (one, other):
        if (file := unread_file(checkpoint)) is None:
            return None
        added = [checkpoint.folder / name for name in ADDED[:1]]
        every = (file, *(checkpoint.inside(each) for each in added if each.exists()))
        parts.append([(each.name, _file_digest(each, stamp(each.stat()))) for each in every])
    return parts[0] == parts[1]


def _files(checkpoint: Checkpoint) -> tuple[Path, ...]:
    """The file that names all tokens, and those that name more."""
    at = checkpoint.folder
    whole = next((at / name for name in WHOLE if (at / name).exists()), None)
    if whole is None:
        return ()
    added = [at / name for name in ADDED if (at / name).exists()]
    return tuple(checkpoint.inside(file) for file in (whole, *added))


def _digest(files: tuple[Path, ...]) -> str:
    parts = [(file.name, _file_digest(file, stamp(file.stat()))) for file in files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@lru_cache(maxsize=64)
def _file_digest(file: Path, state: tuple[int, ...]) -> str:
    """Sha256 of a file in this state; a base's is asked for by every checkpoint."""
    if state[2] > LARGEST:
        read_text(file, BadCheckpoint, LARGEST)  # refused, and not read to its end
    with open_regular(file, BadCheckpoint) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@lru_cache(maxsize=4)
def _tokens(digest: str, files: tuple[Path, ...]) -> Mapping[str, int]:
    """The tokens of files with this digest, recalled if they were read before."""
    key = cache_key("tokens 2", digest)
    if (kept := recall(key, _ROOM)) is not None:
        return _unpacked(kept)
    found: dict[str, int] = {}
    names: dict[int, str] = {}
    model: Mapping[str, int] | None = None
    besides: dict[str, object] = {}
    for file in files:
        whole, more = _named(file)
        if file.name == WHOLE[0]:
            model = whole
        else:
            besides |= dict(whole) | dict(more)
        if not found and _is_plain(whole):
            found, names = dict(whole), dict(zip(whole.values(), whole, strict=True))
        else:
            more = [*whole.items(), *more]
        for token, row in more:
            _add(found, names, token, row, file)
    if model is not None:
        found = loaded_tokens(files[0], model, found, sorted(besides, key=lambda each: found[each]))
    if not any(_END in token for token in found):
        keep(key, _packed(found), _ROOM, _KEPT)
    return found


def _packed(found: Mapping[str, int]) -> bytes:
    """The rows, after their number, and the tokens between ends: read fast."""
    return array("q", [len(found), *found.values()]).tobytes() + _END.join(found).encode()


def _unpacked(content: bytes) -> dict[str, int]:
    count = array("q", content[:8])[0] if content else 0
    rows = array("q", content[8 : 8 * (count + 1)])
    tokens = content[8 * (count + 1) :].decode().split(_END) if count else []
    return dict(zip(tokens, rows, strict=True))


def _is_plain(rows: Mapping) -> TypeGuard[Mapping[str, int]]:
    """Whether every token has a row of its own, as a look at all of them at once tells."""
    values = rows.values()
    plain = bool(rows) and {*map(type, values)} == {int} and len({*values}) == len(rows)
    return plain and min(values) >= 0 and max(values) < _MOST_ROWS


def _add(found: dict[str, int], names: dict[int, str], token: str, row: object, file: Path) -> None:
    """Give a token its row, which must be no other's."""
    if not isinstance(row, int) or isinstance(row, bool) or not 0 <= row < _MOST_ROWS:
        raise BadCheckpoint(
            f"{file} puts the token {token[:50]!r} at row {str(row)[:50]}; a row is a whole "
            f"number from 0. {_REMEDY}"
        )
    if names.setdefault(row, token) != token or found.setdefault(token, row) != row:
        raise BadCheckpoint(
            f"{file} puts the token {token[:50]!r} at row {row:,}, but the tokenizer has "
            f"{names[row][:50]!r} at row {found.get(names[row], row):,}: it is not clear which "
            f"row is whose. {_REMEDY}"
        )


def _named(file: Path) -> tuple[Mapping, Sequence[tuple[str, object]]]:
    """What one file says: ``{token: row}`` of the whole vocabulary, and (token, row) beside it."""
    text = read_text(file, BadCheckpoint, LARGEST)
    if file.suffix == ".txt":
        lines = text.removesuffix("\n").split("\n")
        return {line.rstrip(): row for row, line in enumerate(lines)}, ()
    where = str(file)
    content = parse_json(without_merges(text), where, BadCheckpoint)
    content = mapping(content, where, BadCheckpoint)
    if file.name == "tokenizer.json":
        return _of_model(content, where)
    if file.name == "tokenizer_config.json":
        listed = content.get("added_tokens_decoder") or {}
        listed = mapping(listed, f"{where}: added_tokens_decoder", BadCheckpoint)
        rows = (int(row) if re.fullmatch(r"\d{1,10}", row) else row for row in listed)
        return {}, [
            (_content(listed[row], where), at) for row, at in zip(listed, rows, strict=True)
        ]
    return content, ()


def without_merges(text: str) -> str:
    """A tokenizer's JSON without its merges, which are long and name no token."""
    return _MERGES.sub(r"\1[]", text)


def _of_model(content: Mapping, where: str) -> tuple[Mapping, Sequence[tuple[str, object]]]:
    """The tokens of a ``tokenizer.json``: of its model, and those that were added."""
    model = mapping(content.get("model"), f"{where}: model", BadCheckpoint)
    listed, added = model.get("vocab"), content.get("added_tokens") or []
    more = [
        (_content(token, where), token.get("id"))
        for token in (added if isinstance(added, list) else [added])
    ]
    if not isinstance(listed, list):
        return mapping(listed, f"{where}: the vocabulary", BadCheckpoint), more
    for row, piece in enumerate(listed):
        if not isinstance(piece, list) or not piece or not isinstance(piece[0], str):
            raise BadCheckpoint(f"{where}: piece {row:,} of the vocabulary is no token. {_REMEDY}")
    pieces = {piece[0]: row for row, piece in enumerate(listed)}
    if len(pieces) < len(listed):  # one of them twice, which is refused where it is found
        more = [*((piece[0], row) for row, piece in enumerate(listed)), *more]
    return pieces, more


def _content(token: object, where: str) -> str:
    """What an added token is called."""
    found = token.get("content") if isinstance(token, dict) else None
    if not isinstance(found, str):
        raise BadCheckpoint(f"{where} lists an added token without its text (content). {_REMEDY}")
    return found
