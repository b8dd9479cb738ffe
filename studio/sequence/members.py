"""The tasks that are in a state of sums, as its header names them."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from studio.disk.files import mapping, only_keys
from studio.errors import BadState
from studio.recipe import task_name
from studio.sequence.sealed import UNSEALED, damaged

_TASK_KEYS = ("name", "digest", "coefficient", "statistics", "terms")
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Member:
    """A task that is in the sums.

    Attributes:
        name: what people call it.
        digest: of its checkpoint.
        coefficient: with which it came.
        statistics: weights root of what was measured of it; '' if nothing was.
        terms: weights root of the whole numbers that it added.
    """

    name: str
    digest: str
    coefficient: float
    statistics: str
    terms: str

    def plain(self) -> dict:
        """As a header holds it."""
        return vars(self) | {"coefficient": self.coefficient.hex()}


def members_of(path: Path, listed: object) -> tuple[Member, ...]:
    """The tasks that a header lists.

    Raises:
        BadState: it is no list, or one of them comes twice or says what cannot be.
    """
    if not isinstance(listed, list):
        raise damaged(path, f"its tasks are {listed!r}")
    found: dict[str, Member] = {}
    for number, entry in enumerate(listed, 1):
        member = member_of(path, entry, f"{path}: task {number}")
        if member.name in found:
            raise damaged(path, f"task {number}, '{member.name}', comes twice")
        found[member.name] = member
    return tuple(found.values())


def member_of(path: Path, entry: object, where: str) -> Member:
    """A task as a header holds it.

    Raises:
        BadState: it says what cannot be.
    """
    data = mapping(entry, where, BadState)
    only_keys(data, _TASK_KEYS, where, BadState)
    values = [data.get(key) for key in _TASK_KEYS]
    if not all(isinstance(value, str) for value in values):
        raise damaged(path, f"{where} has values that are no text")
    name, digest, written, statistics, terms = (str(value) for value in values)
    try:
        coefficient = float.fromhex(written)
    except (ValueError, OverflowError):
        coefficient = 0.0
    if not 0.0 < abs(coefficient) < math.inf:
        raise damaged(path, f"{where} has the coefficient {written[:40]!r}")
    for value in (digest, terms, statistics or UNSEALED):
        if not _DIGEST.fullmatch(value):
            raise damaged(path, f"{where} has the digest {value[:64]!r}")
    return Member(task_name(name, where, BadState), digest, coefficient, statistics, terms)
