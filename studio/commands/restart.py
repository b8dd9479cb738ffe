"""The command that starts the page again as it was started, for a person to copy and add to."""

import argparse
import shlex
from pathlib import Path


def restart_command(
    parser: argparse.ArgumentParser, options: argparse.Namespace, program: str
) -> str:
    """The program with every option that is not at its default; a password is left out.

    Args:
        parser: of the program.
        options: as they were given.
        program: as it was called: the path of a script, or a name.
    """
    words = ["python", program] if program.endswith(".py") else [Path(program).name]
    for action in parser._actions:
        value = getattr(options, action.dest, action.default)
        if value == action.default:
            continue
        option = action.option_strings[-1]
        if action.nargs == 0:
            words.append(option)
            continue
        for each in value if isinstance(value, list) else [value]:
            text = str(each)
            words += [option, text.partition(":")[0] + ":" if action.dest == "auth" else text]
    return shlex.join(words)
