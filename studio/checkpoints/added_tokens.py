"""Tokens that were added to a tokenizer, and how each is found in a text."""

from collections.abc import Mapping

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.vocabulary import LARGEST, without_merges
from studio.disk.files import mapping, parse_json, read_text
from studio.errors import BadCheckpoint

FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
"""What tokenizers say of an added token: whether it is a word by itself, takes the spaces before
or behind it, is looked for in the normalized text, and is left out of decoded text."""
Flags = Mapping[str, bool]


def added_tokens(checkpoint: Checkpoint) -> dict[str, Flags]:
    """``{token: flags}`` of what the tokenizer beside a checkpoint's weights was given besides.

    All other tokens are pieces of its model, which come of merges and rules of their own.

    Raises:
        BadCheckpoint: a file cannot be read.
    """
    found: dict[str, Flags] = {}
    for token in _listed(checkpoint):
        content = token.get("content")
        if isinstance(content, str):
            flags = {flag: token[flag] for flag in FLAGS if isinstance(token.get(flag), bool)}
            found.setdefault(content, flags)
    for content in _read(checkpoint, "added_tokens.json"):
        found.setdefault(content, {})
    return {content: _complete(flags) for content, flags in found.items()}


def _listed(checkpoint: Checkpoint) -> list[Mapping]:
    """Entries of added tokens, those of the later file behind."""
    decoder = _read(checkpoint, "tokenizer_config.json").get("added_tokens_decoder")
    added = _read(checkpoint, "tokenizer.json").get("added_tokens")
    entries = [
        *(added if isinstance(added, list) else ()),
        *(decoder.values() if isinstance(decoder, dict) else ()),
    ]
    return [each for each in entries if isinstance(each, dict)]


def _read(checkpoint: Checkpoint, name: str) -> Mapping:
    file = checkpoint.folder / name
    if not file.exists():
        return {}
    text = read_text(checkpoint.inside(file), BadCheckpoint, LARGEST)
    content = parse_json(without_merges(text), str(file), BadCheckpoint)
    return mapping(content, str(file), BadCheckpoint)


def _complete(flags: Flags) -> Flags:
    """All flags, as ``tokenizers.AddedToken`` has those that nobody names."""
    special = flags.get("special", False)
    usual = dict.fromkeys(FLAGS, False) | {"special": special, "normalized": not special}
    return usual | dict(flags)
