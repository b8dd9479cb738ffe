"""The table of architectures that are scored: ``python -m docs.make.architectures_table``.

Its rows are the cases of ``tests/test_round_trips.py``.
"""

from pathlib import Path

from docs.make.table import put
from tests.trips import trips

FILE = Path(__file__).parent.parent / "formats.md"
_HEAD = "| asked | of | experts saved by |\n|---|---|---|\n"


def main() -> None:
    """Write the table into the document."""
    put(table(), _HEAD, FILE)


def table() -> str:
    """A row per kind and class of experts, with all architectures of which it is tested."""
    groups: dict[tuple[str, str], list[str]] = {}
    for trip in trips().values():
        suffix = trip.expert[trip.expert.index("For") :] if "For" in trip.expert else trip.expert
        groups.setdefault((trip.asked, suffix), []).append(trip.architecture)
    rows = (
        f"| {asked} | {', '.join(names)} | `{'…' if suffix.startswith('For') else ''}{suffix}` |\n"
        for (asked, suffix), names in groups.items()
    )
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    main()
