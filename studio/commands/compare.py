"""The command that compares methods."""

import argparse
from pathlib import Path

from studio.commands.find_best import refuse_mixed, run_search, search_arguments
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
    each.add_argument(
        "--methods", metavar="A,B,C",
        help="names, or all (default: the usual four that the page compares)",
    )  # fmt: skip
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
    each.add_argument(
        "--calibrate", type=int, metavar="ROWS",
        help="also show each method fitted to the experts layer by layer, on at most so many "
        "validation rows of each task, without labels (256 is usual, 8 help); takes long",
    )  # fmt: skip
    search_arguments(each)
    duplicates_argument(each)
    for kind in ("json", "csv", "markdown"):
        each.add_argument(f"--{kind}", type=Path, metavar="FILE")


def _methods(given: str | None) -> tuple[str, ...]:
    """The methods that were named, or the usual ones."""
    from studio.compare.comparison import methods_named
    from studio.methods import FIRST_COMPARED

    if given is None:
        return FIRST_COMPARED
    return methods_named([name.strip() for name in given.split(",") if name.strip()])


def _compare(options: argparse.Namespace) -> None:
    refuse_mixed(options)
    if options.search:
        run_search(options, zoo_bench(options))
    else:
        _compare_methods(options)


def _compare_methods(options: argparse.Namespace) -> None:
    from studio.compare import compare, comparison_csv, comparison_json, comparison_markdown
    from studio.compare import unmerge_drop as uad
    from studio.compare.scale_search import plan_budget
    from studio.compare.tables import comparison_text
    from studio.disk.files import write_file
    from studio.recipe import parse_calibrate

    bench = zoo_bench(options)
    names = _methods(options.methods)
    linear = {name: bench.zoo.started(name) for name in names if name in uad.linear_methods()}
    rest = part(show_progress, 0.5, 1.0)
    removals = uad.removals(bench, linear, progress=rest) if options.uad else None
    report = part(show_progress, 0.0, 0.5) if options.uad else show_progress
    rows = options.calibrate
    calibrate = None if rows is None else parse_calibrate({"rows": rows}, "The command")
    tables = compare(
        bench, names, report, options.tune, options.budget, calibrate=calibrate
    )  # fmt: skip
    budget = plan_budget(bench, names, options.tune, options.budget, calibrate is not None)
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
        print("\n".join([*uad.mean_notes(drops), "", *uad.paper_lines()]))
        found["uad"] = uad.drops_json(drops)
    write_json(options.json, found)
    if options.csv:
        write_file(options.csv, comparison_csv(table))
    if options.markdown:
        write_file(options.markdown, comparison_markdown(table))
