"""The command ``sequence``: tasks that arrive one after another."""

import argparse
from collections.abc import Callable

from studio.commands.sequence_run import add_run_command
from studio.commands.sequence_state import add_state_commands
from studio.commands.tools import Adder
from studio.progress import Progress


def add_sequence_commands(
    command: Adder, common: argparse.ArgumentParser, progress: Progress
) -> None:
    """Add ``sequence`` with its own commands to a parser.

    Args:
        command: adds one by its name, what it runs, and one line.
        common: options that every command has.
        progress: told how far a command is.
    """
    words = "Let tasks arrive one after another: what is learned, what is forgotten."
    parser = command("sequence", lambda options: None, words)
    commands = parser.add_subparsers(dest="part", required=True, metavar="COMMAND")

    def nested(
        name: str, run: Callable[[argparse.Namespace], None], words: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[common], help=words, description=words)
        added.set_defaults(run=run)
        return added

    add_run_command(nested, progress)
    add_state_commands(nested, progress)
