"""The command ``sequence``: tasks that arrive one after another."""

from studio.commands.sequence_run import add_run_command
from studio.commands.sequence_state import add_state_commands
from studio.commands.tools import Commands


def add_sequence_command(commands: Commands) -> None:
    """Add ``sequence`` with its own commands."""
    words = "Let tasks arrive one after another: what is learned, what is forgotten."
    own = commands.add_level("sequence", words)
    add_run_command(own)
    add_state_commands(own)
