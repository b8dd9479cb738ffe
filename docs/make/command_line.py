"""Every option of every command, as ``--help`` prints it: ``python -m docs.make.command_line``."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from studio.__main__ import command_parser

FILE = Path(__file__).parent.parent / "command-line.md"
MARK = "<!-- help -->\n"
_WIDTH = "90"


def main() -> None:
    """Write what follows the mark in the document."""
    FILE.write_text(document(FILE.read_text(encoding="utf-8")), encoding="utf-8")


def document(text: str) -> str:
    """The document with the present help behind its mark."""
    kept, _, _ = text.partition(MARK)
    with patch.dict(os.environ, {"COLUMNS": _WIDTH}):
        parts = [
            f"### {name}\n\n```text\n{each.format_help().strip()}\n```\n"
            for name, each in commands(command_parser())
        ]
    return kept + MARK + "\n" + "\n".join(parts)


def commands(of: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that has no commands of its own, by its words."""
    inner = [each for each in of._actions if isinstance(each, argparse._SubParsersAction)]
    for action in inner:
        for each in action.choices.values():
            yield from commands(each)
    if not inner:
        yield of.prog.removeprefix("python -m studio "), of


if __name__ == "__main__":
    main()
