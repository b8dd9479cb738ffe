"""What the shown scores are compared with: a floor that no merge should miss, and changes."""

from collections.abc import Mapping

from studio.measure.intervals import Score
from studio.session.snapshot import Snapshot

ARROWS = {"better": ("up", "▲"), "worse": ("down", "▼"), "cannot tell": ("quiet", "·")}


def floor_of(now: Snapshot) -> tuple[str, dict[str, Score]]:
    """Its name and its scores: the base with fitted heads if known, else with the experts' own."""
    if complete(now.head_only, now.rows):
        return "head-only", now.head_only
    return "base", now.base


def complete(scores: Mapping[str, Score], rows: Mapping[str, int]) -> bool:
    """Whether every task that has rows is scored."""
    return bool(rows) and set(scores) == set(rows)
