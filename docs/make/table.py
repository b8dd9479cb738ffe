"""A table in a document, which is made anew in the place of the one that is there."""

from pathlib import Path


def put(table: str, head: str, file: Path) -> None:
    """Write a table into a document.

    Args:
        table: with its head.
        head: by which the old one is found.
        file: of the document.
    """
    text = file.read_text(encoding="utf-8")
    before, _, rest = text.partition(head)
    after = rest[rest.index("\n\n") :] if rest[:1] != "\n" else rest
    file.write_text(before + table + after.removeprefix("\n"), encoding="utf-8")
