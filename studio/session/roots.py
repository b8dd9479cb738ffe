"""Paths from a page: where they lead, and whether that is a place that the studio may use."""

from collections.abc import Sequence
from pathlib import Path

from studio.errors import NotAllowed, Remedy

_LONGEST_NAME = 255  # bytes that a file system takes


def inside_roots(path: object, roots: Sequence[Path]) -> Path:
    """A path from a page, resolved.

    Args:
        path: as it was typed; from the working directory if it is relative.
        roots: resolved folders that it must lie in.

    Raises:
        NotAllowed: it is empty, or leads outside the roots.
    """
    given = path.strip() if isinstance(path, str) else ""
    if not given or "\0" in given:
        raise NotAllowed("Give a path.")
    resolved = _resolved(given)
    if resolved is None or not any(resolved.is_relative_to(root) for root in roots):
        raise NotAllowed(
            f"{given[:_LONGEST_NAME]} is outside the folders this studio may use "
            f"({', '.join(map(str, roots))}).",
            Remedy.ADD_ROOT,
            given if resolved else "",  # as typed: where it leads is not for everybody to know
        )
    return resolved


def _resolved(path: str) -> Path | None:
    """Where a path leads, or None if the system knows no such path."""
    try:
        resolved = (Path.cwd() / Path(path).expanduser()).resolve()
        fits = all(len(part.encode()) <= _LONGEST_NAME for part in resolved.parts)
    except (OSError, RuntimeError, ValueError):  # a loop, an unknown home, no text
        return None
    return resolved if fits else None
