"""Which tensors are orthogonalized together: the whole model, a layer, or one tensor."""

import re
from collections.abc import Iterable

SCOPES = ("model", "layer", "tensor")
_LAYER = re.compile(r"(.*?\.\d+)\.")
_GLOB = re.compile(r"[*?[]")  # what means something else in a pattern


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


def patterns(names: Iterable[str], scope: str) -> dict[str, str]:
    """A glob pattern per group of tensors, for coefficients that differ between the groups.

    Args:
        names: of the tensors.
        scope: one of ``SCOPES``.

    Returns:
        Pattern by label, longest label first: the first one that matches a name is its own.
    """
    members: dict[str, list[str]] = {}
    names = tuple(names)
    for label, name in zip(labels(names, scope), names, strict=True):
        members.setdefault(label, []).append(name)
    if scope == "model":
        return dict.fromkeys(members, "*")
    longest = sorted(members, key=len, reverse=True)
    return {
        label: _GLOB.sub(r"[\g<0>]", label) + _ending(label, members[label]) for label in longest
    }


def _ending(label: str, names: list[str]) -> str:
    """What a pattern adds to its label: all names below it, it alone, or both.

    A label that is a whole name has no part before it, so that what else begins like it is of a
    longer label, which comes first.
    """
    if label not in names:
        return ".*"
    return "*" if len(names) > 1 else ""
