"""What tokens say: the text that each adds to those before it, and which of them end a text."""

from collections.abc import Sequence
from typing import Any

_NEAR = 8  # tokens before one that decide how it is spelled
_UNFINISHED = "\ufffd"  # what a decoder gives for a part of a letter


def ends(tokenizer: Any, model: Any) -> frozenset[int]:
    """What ends a text: by the tokenizer, and by the configuration of what the class generates."""
    own = getattr(model.generation_config, "eos_token_id", None)
    listed = own if isinstance(own, list | tuple) else [own]
    return frozenset({tokenizer.eos_token_id, *listed} - {None})


def spelled(tokenizer: Any, ids: Sequence[int]) -> str:
    """What the last token adds to the text of those before it; empty for a part of a letter."""
    near = list(ids[-_NEAR - 1 :])
    before, whole = (_text(tokenizer, some) for some in (near[:-1], near))
    same = 0
    while same < min(len(before), len(whole)) and before[same] == whole[same]:
        same += 1
    return whole[same:]


def _text(tokenizer: Any, ids: Sequence[int]) -> str:
    """Up to a letter of which a part is missing."""
    if not ids:
        return ""
    return tokenizer.decode(ids, clean_up_tokenization_spaces=False).rstrip(_UNFINISHED)
