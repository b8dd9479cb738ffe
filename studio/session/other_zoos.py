"""Zoos that a page offers to open: the demos, and those that were open before on this computer."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from studio.demo import DEMOS
from studio.disk import cache
from studio.errors import NotAllowed, StudioError

_MOST_RECENT = 8
_RECENT = "recent-zoos"
Inside = Callable[[str], Path]


def recent_zoos(inside: Inside) -> list[str]:
    """Zoos opened before that a page may open, the latest first.

    Args:
        inside: resolves a path, and raises for one that no page may use.
    """
    allowed = []
    for path in _known():
        with suppress(StudioError, OSError):
            if inside(path).exists():
                allowed.append(path)
    return allowed


def demo_zoos(inside: Inside, opened: Path) -> dict[str, str]:
    """The studio's own zoos that a page may open, but the open one: {name: path}.

    Args:
        inside: as of ``recent_zoos``.
        opened: path of the zoo that is open.
    """
    allowed = {}
    for name, folder in DEMOS.items():
        with suppress(NotAllowed):
            if (path := inside(str(folder))) != opened.resolve():
                allowed[name] = str(path)
    return allowed


def zoo_choices(demos: Mapping[str, str], recent: Sequence[str], opened: Path) -> dict[str, str]:
    """Zoos to choose from in words of which no two are alike: {words: path}.

    Args:
        demos: as ``demo_zoos`` finds them.
        recent: as ``recent_zoos`` finds them.
        opened: path of the zoo that is open.
    """
    found = {f"Demo: {name}": path for name, path in demos.items()}
    known = {_folder(path) for path in (*demos.values(), str(opened))}
    for path in recent:
        if (folder := _folder(path)) not in known:
            known.add(folder)
            short = folder.name if folder.name not in found else str(folder)
            found[short] = path
    return found


def _folder(path: str) -> Path:
    """What names a zoo: its folder, or its file where that has a name of its own."""
    full = Path(path).resolve()
    return full.parent if full.name == "zoo.yaml" else full


def keep_recent(opened: Path) -> None:
    """Remember a zoo that was opened, and a few of those before it."""
    here = str(opened)
    latest = [here, *(each for each in _known() if each != here)][:_MOST_RECENT]
    cache.keep(_RECENT, json.dumps(latest).encode())


def _known() -> list[str]:
    """The paths that were kept; none of what does not look like a list of them."""
    try:
        known = json.loads(cache.recall(_RECENT) or b"[]")
    except (ValueError, RecursionError):
        return []
    return [each for each in known if isinstance(each, str)] if isinstance(known, list) else []
