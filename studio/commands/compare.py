"""The command that compares methods."""

import argparse
from pathlib import Path

from studio.commands.tools import (
    Commands,
    duplicates_argument,
    show_progress,
    write_json,
    zoo_bench,
)
from studio.progress import part


def add_compare_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "compare",
        _compare,
        "Score several methods on the same held-out rows, and propose one by validation rows.",
    )
    each.add_argument("zoo", type=Path, metavar="ZOO")
    each.add_argument("--methods", required=True, metavar="A,B,C", help="names, or all")
    each.add_argument(
        "--tune", action="store_true",
        help="also show each method with the scale that is best on validation rows; every method "
        "gets the same budget",
    )  # fmt: skip
    each.add_argument(
        "--budget", type=int, metavar="N",
        help="validation row evaluations per method (default: 7 scales on 200 rows of each task)",
    )  # fmt: skip
    each.add_argument(
        "--uad", action="store_true",
        help="also take out each task in turn by subtraction and by rebuild: 2 n evaluations per "
        "linear method; takes long",
    )  # fmt: skip
    duplicates_argument(each)
    for kind in ("json", "csv", "markdown"):
        each.add_argument(f"--{kind}", type=Path, metavar="FILE")


def _compare(options: argparse.Namespace) -> None:
    from studio.compare import compare, comparison_csv, comparison_json, comparison_markdown
    from studio.compare import unmerge_drop as uad
    from studio.compare.comparison import methods_named
    from studio.compare.scale_search import plan_budget
    from studio.compare.tables import comparison_text
    from studio.disk.files import write_file

    bench = zoo_bench(options)
    names = methods_named([n.strip() for n in options.methods.split(",") if n.strip()])
    linear = {name: bench.zoo.recipe(name) for name in names if name in uad.linear_methods()}
    rest = part(show_progress, 0.5, 1.0)
    removals = uad.removals(bench, linear, progress=rest) if options.uad else None
    report = part(show_progress, 0.0, 0.5) if options.uad else show_progress
    tables = compare(bench, names, report, options.tune, options.budget)
    budget = plan_budget(bench, len(names), options.tune, options.budget)
    print(f"Validation: {budget.words}.\n", flush=True)
    *_, table = tables
    print(comparison_text(table))
    found = comparison_json(table)
    if removals:
        print(f"\nTasks taken out of linear methods, one at a time\n{uad.HEADER}")
        drops = []
        for each in removals:
            print(uad.line(each), flush=True)
            drops.append(each)
        if others := [name for name in names if name not in linear]:
            print(f"Left out, as not linear: {', '.join(others)}.")
        print("\n".join(["", *uad.paper_lines()]))
        found["uad"] = uad.drops_json(drops)
    write_json(options.json, found)
    if options.csv:
        write_file(options.csv, comparison_csv(table))
    if options.markdown:
        write_file(options.markdown, comparison_markdown(table))
