"""The README's table of merge methods, from METHODS: ``python -m docs.make.methods_table``."""

from pathlib import Path

from docs.make.table import put
from studio.session.method_menu import method_menu

FILE = Path(__file__).parent.parent.parent / "README.md"
_HEAD = "| forms | methods |\n|---|---|\n"


def main() -> None:
    """Write the table into the README."""
    put(table(), _HEAD, FILE)


def table() -> str:
    """A row per group, with the names of its methods in the order in which the page has them."""
    groups: dict[str, list[str]] = {}
    for each in method_menu():
        groups.setdefault(each["group"], []).append(f"`{each['name']}`")
    rows = (f"| {group} | {', '.join(names)} |\n" for group, names in groups.items())
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    main()
