"""Licences that the cards of a merge's inputs name, and which of them is the strictest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import inside, open_regular, parse_yaml
from studio.errors import BadCheckpoint, StudioError

_LARGEST_FRONT = 256 * 2**10
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?\n)---[ \t]*(?:\r?\n|\Z)", re.S)
_OPEN = (
    "cc0-1.0", "unlicense", "wtfpl", "0bsd", "isc", "zlib", "mit", "bsl-1.0", "postgresql", "ncsa",
    "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "apache-2.0", "odc-by",
    "cc-by-4.0",
)  # fmt: skip
"""Licences under which a copy may become part of something under any other, by what they ask."""
_CLOSED_TO = {
    ("apache-2.0", "gpl-2.0"), ("apache-2.0", "lgpl-2.1"), ("cc-by-4.0", "gpl-2.0"),
    ("cc-by-4.0", "lgpl-2.1"),
}  # fmt: skip
_INTO = {
    "mpl-2.0": ("lgpl-2.1", "lgpl-3.0", "gpl-2.0", "gpl-3.0", "agpl-3.0"),
    "lgpl-2.1": ("gpl-2.0", "gpl-3.0", "agpl-3.0"),
    "lgpl-3.0": ("gpl-3.0", "agpl-3.0"),
    "gpl-3.0": ("agpl-3.0",),
    "cc-by-sa-4.0": ("gpl-3.0",),
    "cc-by-nc-4.0": ("cc-by-nc-sa-4.0",),
}
"""What may become part of what is under which stricter licence, as their texts or authors say."""
_YOURS = "Which licence the merge may have is for you to decide; its card names none."


@dataclass(frozen=True)
class Licence:
    """What a merge's card says of its licence.

    Attributes:
        name: the Hub's short name of the strictest of the inputs'; '' where none can be named.
        words: which the inputs have, and what follows, as sentences.
    """

    name: str
    words: str


def strictest(found: Mapping[str, str]) -> Licence:
    """The licence under which all inputs may stand together, if one of theirs is it.

    Names alone are compared. A licence that forbids changed copies, two that exclude each other,
    and one that is not known are left to the person.

    Args:
        found: ``{input: short name}``; '' for an input whose card names none.
    """
    listed = "; ".join(f"{source}: {name or 'none named'}" for source, name in found.items())
    if not any(found.values()):
        return Licence("", "No card of the inputs names a licence.")
    if not all(found.values()):
        return Licence("", f"{listed}. {_YOURS}")
    if closed := sorted({name for name in found.values() if re.search(r"(^|-)nd(-|$)", name)}):
        return Licence("", f"{listed}. {', '.join(closed)} allows no changed copies. {_YOURS}")
    names = sorted({*found.values()}, key=_place)
    for name in names:
        if all(_may_become_part(other, name) for other in names):
            return Licence(name, f"{listed}. The strictest is {name}.")
    return Licence("", f"{listed}. None of these takes in all others. {_YOURS}")


def licence_of_folder(folder: Path) -> str:
    """The licence that a folder's card names; '' without a card, or one that can be read."""
    try:
        with open_regular(inside(folder, folder / "README.md"), BadCheckpoint) as stream:
            text = stream.read(_LARGEST_FRONT).decode("utf-8", "ignore")
        return licence_of_card(front_of(text))
    except (StudioError, OSError):
        return ""


def licence_of_card(front: Mapping) -> str:
    """The licence that a card's front matter names, by its short name; '' for none."""
    said = front.get("license")
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    if said == "other" and isinstance(front.get("license_name"), str):
        said = front["license_name"]
    return said.strip().lower()[:100] if isinstance(said, str) else ""


def licence_fields(name: str) -> dict[str, str]:
    """How a card's front matter says a licence; nothing for none.

    A name that the Hub may not know is said as a licence of its own.
    """
    known = {*_OPEN, *_INTO, *(each for more in _INTO.values() for each in more)}
    if not name:
        return {}
    return {"license": name} if name in known else {"license": "other", "license_name": name}


def front_of(card: str) -> dict:
    """The front matter of a card; empty if it has none.

    Raises:
        BadCheckpoint: it cannot be read.
    """
    found = _FRONT.match(card)
    told = parse_yaml(found[1], "the card's front matter", BadCheckpoint) if found else {}
    return told if isinstance(told, dict) else {}


def body_of(card: str) -> str:
    """A card without its front matter."""
    found = _FRONT.match(card)
    return card[found.end() :] if found else card


def _place(name: str) -> int:
    """Stricter ones last; what is not known at the end."""
    order = (*_OPEN, *_INTO)
    return order.index(name) if name in order else len(order)


def _may_become_part(one: str, other: str) -> bool:
    if one in _OPEN and other in _OPEN:
        return _place(one) <= _place(other)
    if one in _OPEN:
        return (one, other) not in _CLOSED_TO
    return one == other or other in _INTO.get(one, ())
