"""Rows that the tokenizers library gives to added tokens, where a file counts them otherwise."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def loaded_tokens(
    file: Path, model: Mapping[str, int], found: Mapping[str, int], besides: Sequence[str]
) -> dict[str, int]:
    """``{token: row}`` of a ``tokenizer.json`` as it is when it is loaded.

    On loading, an added token that is no piece of the model gets the next row, whatever its file
    says: where the file leaves rows out, its tokens are in other ones than it says. By those a
    model was trained.

    Args:
        file: the ``tokenizer.json``.
        model: the pieces of its model.
        found: all tokens, as the files have them.
        besides: tokens that other files add, in the order of their rows.

    Returns:
        What the library has, or what was found, where nothing is left out or it cannot load the
        file.
    """
    rows = sorted(row for token, row in found.items() if token not in model)
    if rows == [*range(len(model), len(model) + len(rows))]:
        return dict(found)
    from tokenizers import AddedToken, Tokenizer

    try:
        loaded = Tokenizer.from_file(str(file))
        loaded.add_tokens([AddedToken(token, normalized=False) for token in besides])
    except Exception:  # tokenizers raises nothing narrower
        return dict(found)
    return loaded.get_vocab(with_added_tokens=True)
