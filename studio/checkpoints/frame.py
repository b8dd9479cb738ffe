"""Where a checkpoint's names stand in the base's: behind a prefix on either side, or in a tower."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

_PROBES = 4
_LEAST = 3  # parts of a name that two models must share to be compared


@dataclass(frozen=True)
class Frame:
    """The base's names behind one prefix are a checkpoint's behind another.

    Attributes:
        inside: prefix of the base's names, with a dot; empty for the whole base.
        prefix: of the checkpoint's names.
        matched: how many names are on both sides.
        missing: required names of the base, behind ``inside``, that the checkpoint lacks.
    """

    inside: str
    prefix: str
    matched: int
    missing: tuple[str, ...]

    def base_name(self, name: str) -> str | None:
        """The base's name of one of the checkpoint's; None for one that lies outside."""
        if not name.startswith(self.prefix):
            return None
        return self.inside + name[len(self.prefix) :]

    def own_name(self, base_name: str) -> str | None:
        """The checkpoint's name of one of the base's; None for one that lies outside."""
        if not base_name.startswith(self.inside):
            return None
        return self.prefix + base_name[len(self.inside) :]


def frames(
    base: Collection[str],
    required: Collection[str],
    own: Mapping[str, str],
    excused: Callable[[str], bool] = lambda name: False,
) -> list[Frame]:
    """Frames in which the two meet, those that match most first.

    Args:
        base: names of the base.
        required: of them, those that a checkpoint must hold.
        own: the checkpoint's names.
        excused: whether the checkpoint need not hold one of its names, by its own class.
    """
    pairs = _alike(own, base) | {(ours, theirs) for theirs, ours in _alike(required, own)}
    whole = [pair for pair in pairs if not _cuts_a_list(pair[0], base) and not _shifts(*pair)]
    found = [_frame(*pair, base, required, own, excused) for pair in whole]
    return sorted(found, key=lambda f: (-f.matched, f.inside, f.prefix))


def _alike(names: Collection[str], others: Collection[str]) -> set[tuple[str, str]]:
    """``(prefix in others, prefix in names)`` behind which a few deep names end alike."""
    found = set()
    for probe in sorted(names, key=lambda name: (-name.count("."), name))[:_PROBES]:
        parts = probe.split(".")
        for cut in range(max(len(parts) - _LEAST, 0) + 1):
            suffix = ".".join(parts[cut:])
            found |= {
                _reduced(name[: -len(suffix)], probe[: -len(suffix)])
                for name in others
                if name == suffix or name.endswith("." + suffix)
            }
    return found


def _cuts_a_list(inside: str, base: Collection[str]) -> bool:
    """Whether numbers stand behind a prefix: layers of a list are no model of their own."""
    return bool(inside) and any(
        name[len(inside) :].split(".")[0].isdigit() for name in base if name.startswith(inside)
    )


def _shifts(inside: str, prefix: str) -> bool:
    """Whether one layer of a list would be another one of it."""
    ours, theirs = (each.rstrip(".").split(".")[-1] for each in (inside, prefix))
    return ours.isdigit() and theirs.isdigit()


def _reduced(inside: str, prefix: str) -> tuple[str, str]:
    """Two prefixes without the parts that they end with alike."""
    ours, theirs = inside.split(".")[:-1], prefix.split(".")[:-1]
    while ours and theirs and ours[-1] == theirs[-1]:
        ours.pop()
        theirs.pop()
    return "".join(f"{each}." for each in ours), "".join(f"{each}." for each in theirs)


def _frame(
    inside: str,
    prefix: str,
    base: Collection[str],
    required: Collection[str],
    own: Mapping[str, str],
    excused: Callable[[str], bool],
) -> Frame:
    def at(name: str) -> str:
        return prefix + name[len(inside) :]

    matched = sum(name.startswith(inside) and at(name) in own for name in base)
    missing = tuple(
        name
        for name in required
        if name.startswith(inside) and at(name) not in own and not excused(at(name))
    )
    return Frame(inside, prefix, matched, missing)
