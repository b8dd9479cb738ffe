"""What the commands share: how one is added, and how it opens a zoo, reports and writes."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import visible

if TYPE_CHECKING:
    from studio.evidence.ledger.log import Ledger
    from studio.measure.bench import Bench


@dataclass(frozen=True)
class Commands:
    """The commands of one level: those of the program, or those of ``sequence``.

    Attributes:
        level: argparse's own list of them.
        common: options that every command has.
    """

    level: "argparse._SubParsersAction[argparse.ArgumentParser]"
    common: argparse.ArgumentParser

    def add(
        self, name: str, run: Callable[[argparse.Namespace], None], words: str
    ) -> argparse.ArgumentParser:
        """Add a command: its name, what it runs, and one line; returns what takes its options."""
        added = self.level.add_parser(name, parents=[self.common], help=words, description=words)
        added.set_defaults(run=run)
        return added

    def add_level(self, name: str, words: str) -> "Commands":
        """Add a command that only has commands of its own; returns these."""
        added = self.level.add_parser(name, parents=[self.common], help=words, description=words)
        return Commands(
            added.add_subparsers(dest="part", required=True, metavar="COMMAND"), self.common
        )


def duplicates_argument(parser: argparse.ArgumentParser) -> None:
    """Whether equal checkpoints are accepted."""
    parser.add_argument(
        "--allow-duplicates", action="store_true", help="accept equal checkpoints and zero deltas"
    )


def ledger_argument(parser: argparse.ArgumentParser) -> None:
    """Where the ledger lies."""
    parser.add_argument(
        "--ledger", type=Path, metavar="DIR",
        help="log of exports and removals, and the signing key (default: in your data folder)",
    )  # fmt: skip


def output_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command has that writes a merge."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--zoo", type=Path, metavar="ZOO",
        help="also write its heads and measured scores; methods that need data measure the experts "
        "on its validation rows",
    )  # fmt: skip
    parser.add_argument(
        "--classifiers", action="store_true",
        help="also write a complete classifier per task whose pooling and head are its "
        "architecture's own",
    )  # fmt: skip
    parser.add_argument(
        "--check", choices=("none", "header", "full"), default="full",
        help="what is looked at again: nothing; written headers and bytes; also that transformers "
        "loads the result, or that PEFT's forward with a written adapter is ours, and that each "
        "checkpoint alone is what transformers and PEFT open, which loads each once (default: "
        "full)",
    )  # fmt: skip
    duplicates_argument(parser)
    ledger_argument(parser)
    parser.add_argument(
        "--allow-removed", action="store_true",
        help="merge a checkpoint although it was certified as removed; written into the log",
    )  # fmt: skip


def link_roots(options: argparse.Namespace, *folders: Path) -> tuple[Path, ...]:
    """Folders into which links may lead: where the files lie, where one is, and each ``--root``."""
    return (*folders, Path.cwd(), *getattr(options, "root", ()))


def zoo_bench(options: argparse.Namespace) -> "Bench":
    """The bench of the zoo that the parser demands; every misfit is found before any work."""
    from studio.measure.bench import open_bench
    from studio.preflight import preflight
    from studio.zoo import load_zoo

    roots = link_roots(options, *_recipe_folder(options))
    preflight(load_zoo(options.zoo), roots=roots).refuse_misfits()
    bench = open_bench(options.zoo, options.device, options.allow_duplicates, roots)
    assert bench is not None, "the parser demands a zoo"
    return bench


def _recipe_folder(options: argparse.Namespace) -> list[Path]:
    recipe = getattr(options, "recipe", None)
    return [recipe.absolute().parent] if recipe else []


def opened_ledger(options: argparse.Namespace) -> "Ledger":
    """The ledger that a command writes to; exports that were cut off are noted, and said."""
    from studio.disk.folders import data_folder
    from studio.disk.temporary import sweep_temporary
    from studio.evidence.ledger.log import Ledger
    from studio.evidence.ledger.pending import adopt_orphans
    from studio.evidence.ledger.report import warnings

    ledger = Ledger(options.ledger or data_folder())
    for words in [*sweep_temporary(), *adopt_orphans(ledger), *warnings(ledger)]:
        print(words)
    return ledger


def count_of_tasks(n: int) -> str:
    """A number of tasks, for people."""
    return "1 task" if n == 1 else f"{n} tasks"


def print_checked(checked: Sequence[str], warnings: Sequence[str]) -> None:
    """What an export has compared, and what must not be overlooked, a sentence a line."""
    for words in checked:
        print(f"Checked: {visible(words)}.")
    for words in warnings:
        print(f"warning: {visible(words)}")


def print_notes(notes: Sequence[str]) -> None:
    """Say what a reader should know of something, a line each."""
    for note in notes:
        print(f"Note: {visible(note)}")


def write_json(path: Path | None, content: dict) -> None:
    """Write a file, if one is named."""
    from studio.disk.files import write_file

    if path:
        write_file(path, json.dumps(content, indent=1))


def show_progress(share: float, words: str) -> None:
    """Say on a terminal how far a command is, on one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r{share:4.0%} {words[:70]:70}", end="\n" if share >= 1 else "", file=sys.stderr)
