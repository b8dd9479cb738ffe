"""The command that lists the merge methods."""

import argparse
from typing import TYPE_CHECKING

from studio.commands.stand_ins import without_heavy_libraries
from studio.commands.tools import Commands

if TYPE_CHECKING:
    from studio.methods.contract import Method

_MANY = 6  # tasks, as the demo zoo has


def add_methods_command(commands: Commands) -> None:
    """Add the command."""
    commands.add("methods", _methods, "List the merge methods with options, defaults and sources.")


def _methods(options: argparse.Namespace) -> None:
    with without_heavy_libraries():
        from studio.methods import METHODS
        from studio.methods.after import AFTER
        from studio.methods.contract import describe

    for name, method in METHODS.items():
        print(f"{name} (coefficient {_starts(method)})")
        print(f"    {method.plainly}")
        for line in (method.__doc__ or "").strip().splitlines():
            print(f"    {line.strip()}".rstrip())
        for each in describe(method):
            _tell(each)
        print()
    print("After any of them:")
    for each in AFTER.values():
        _tell(each)


def _tell(option: dict) -> None:
    """Print an option: what it takes, and what it means."""
    print(f"    {option['name']} = {option['default']}  [{_allowed(option)}]  {option['words']}")
    if option["exactly"]:
        print(f"        {option['exactly']}")


def _starts(method: "type[Method]") -> str:
    """What coefficients are when nobody chooses: one number, or two where they differ."""
    usual, start = method.default_coefficient, method.starting_coefficient(_MANY)
    if start == usual:
        return f"{usual:g}"
    return f"{usual:g} where a recipe leaves it out; the studio starts {_MANY} tasks at {start:g}"


def _allowed(option: dict) -> str:
    """The values that an option takes."""
    if isinstance(option["default"], bool):
        return "true|false"
    allowed = "|".join(option["choices"]) or f"from {option['low']}"
    allowed += f" to {option['high']}" if option["high"] is not None else ""
    return allowed + (" or null" if option["default"] is None else "")
