"""The README's table of merge methods, from METHODS: ``python -m docs.make.methods_table``."""

from pathlib import Path

from studio.session.mix import method_menu

FILE = Path(__file__).parent.parent.parent / "README.md"
_HEAD = "| forms | methods |\n|---|---|\n"


def main() -> None:
    """Write the table into the README, in the place of the one that is there."""
    text = FILE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_HEAD)
    after = rest[rest.index("\n\n") :]
    FILE.write_text(before + table() + after.removeprefix("\n"), encoding="utf-8")


def table() -> str:
    """A row per group, with the names of its methods in the order in which the page has them."""
    groups: dict[str, list[str]] = {}
    for each in method_menu():
        groups.setdefault(each["group"], []).append(f"`{each['name']}`")
    rows = (f"| {group} | {', '.join(names)} |\n" for group, names in groups.items())
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    main()
