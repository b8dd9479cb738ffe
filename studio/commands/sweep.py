"""The command that sweeps one or two numbers of a recipe."""

import argparse
from pathlib import Path

from studio.commands.tools import (
    Commands,
    duplicates_argument,
    show_progress,
    write_json,
    zoo_bench,
)

_LEVELS = 3  # as the coefficients room has it, which is not imported for --help
_ROWS = 200


def add_sweep_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "sweep",
        _sweep,
        "Score a recipe over one or two of its numbers on validation rows, coarse to fine.",
    )
    each.add_argument("zoo", type=Path, metavar="ZOO")
    each.add_argument("--recipe", type=Path, required=True, metavar="RECIPE")
    each.add_argument(
        "--over", action="append", required=True, metavar="AXIS",
        help="an option of the method (strength=0:1), a task's coefficient "
        "(coefficient.TASK=0:1.5) or a factor on all (coefficients=0:2); twice for a grid",
    )  # fmt: skip
    each.add_argument(
        "--levels", type=int, default=_LEVELS, metavar="N",
        help=f"3 values per axis, then 5, 9, 17 ...: so many times (default {_LEVELS})",
    )  # fmt: skip
    each.add_argument(
        "--rows", type=int, default=_ROWS, metavar="N",
        help=f"validation rows per task, a fair sample that is always the same (default {_ROWS})",
    )  # fmt: skip
    duplicates_argument(each)
    each.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    each.add_argument("--csv", type=Path, metavar="FILE", help="write a line per point")


def _sweep(options: argparse.Namespace) -> None:
    from studio.disk.files import write_file
    from studio.recipe import load_recipe
    from studio.sweep.axis import parse_axis
    from studio.sweep.landscape import landscape, sweep_cost
    from studio.sweep.tables import landscape_csv, landscape_json, landscape_text

    recipe = load_recipe(options.recipe)
    axes = [parse_axis(recipe, text) for text in options.over]
    asked = zoo_bench(options), recipe, axes, options.levels, options.rows
    print(f"At most {sweep_cost(*asked).words}.\n", flush=True)
    *_, found = landscape(*asked, show_progress)
    print("\n".join(landscape_text(found)))
    write_json(options.json, landscape_json(found))
    if options.csv:
        write_file(options.csv, landscape_csv(found))
