"""The command that lists the merge methods."""

import argparse

from studio.commands.stand_ins import without_heavy_libraries
from studio.commands.tools import Commands


def add_methods_command(commands: Commands) -> None:
    """Add the command."""
    commands.add("methods", _methods, "List the merge methods with options, defaults and sources.")


def _methods(options: argparse.Namespace) -> None:
    with without_heavy_libraries():
        from studio.methods import METHODS
        from studio.methods.contract import describe

    for name, method in METHODS.items():
        print(f"{name} (default coefficient {method.default_coefficient:g})")
        for line in (method.__doc__ or "").strip().splitlines():
            print(f"    {line.strip()}".rstrip())
        for each in describe(method):
            print(f"    {each['name']} = {each['default']}  [{_allowed(each)}]  {each['words']}")
        print()


def _allowed(option: dict) -> str:
    """The values that an option takes."""
    if isinstance(option["default"], bool):
        return "true|false"
    allowed = "|".join(option["choices"]) or f"from {option['low']}"
    allowed += f" to {option['high']}" if option["high"] is not None else ""
    return allowed + (" or null" if option["default"] is None else "")
