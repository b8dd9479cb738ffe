"""Which tensors are orthogonalized together: the whole model, a layer, or one tensor."""

import re

SCOPES = ("model", "layer", "tensor")
_LAYER = re.compile(r"(.*?\.\d+)\.")


def layer_of(name: str) -> str:
    """Layer a tensor belongs to: its name up to the first number, else its first part.

    >>> layer_of("encoder.layer.2.output.dense.weight")
    'encoder.layer.2'
    >>> layer_of("embeddings.word_embeddings.weight")
    'embeddings'
    """
    match = _LAYER.match(name)
    return match[1] if match else name.split(".")[0]


def labels(names: tuple[str, ...], scope: str) -> tuple[str, ...]:
    """For each tensor, the name of the group it belongs to under a scope."""
    if scope == "tensor":
        return names
    return tuple("model" if scope == "model" else layer_of(name) for name in names)


def index(labels: tuple[str, ...]) -> tuple[tuple[str, ...], list[int]]:
    """Distinct labels in order of appearance, and each tensor's position among them."""
    distinct = tuple(dict.fromkeys(labels))
    positions = {label: i for i, label in enumerate(distinct)}
    return distinct, [positions[label] for label in labels]
