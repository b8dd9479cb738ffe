"""The command that compares methods."""

import argparse
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.find_best import refuse_mixed, run_search, search_arguments
from studio.commands.tools import (
    Commands,
    duplicates_argument,
    show_progress,
    write_json,
    zoo_bench,
)
from studio.progress import Progress, part

if TYPE_CHECKING:
    from studio.compare import Table
    from studio.compare.unmerge_drop import Removal
    from studio.measure.bench import Bench
    from studio.recipe import Calibrate, Heads


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
    _fit_arguments(each)
    each.add_argument(
        "--fusion", action="store_true",
        help="also train AdapterFusion, attention over the adapters' outputs, on labelled "
        "validation rows; with --uad, also drop each adapter, with and without training the "
        "attention again. Takes minutes; the cost is said first",
    )  # fmt: skip
    search_arguments(each)
    duplicates_argument(each)
    for kind in ("json", "csv", "markdown"):
        each.add_argument(f"--{kind}", type=Path, metavar="FILE")


def _fit_arguments(each: argparse.ArgumentParser) -> None:
    each.add_argument(
        "--calibrate", type=int, metavar="ROWS",
        help="also show each method fitted to the experts layer by layer, on at most so many "
        "validation rows of each task, without labels (256 is usual, 8 help); takes long",
    )  # fmt: skip
    each.add_argument(
        "--heads", type=int, metavar="ROWS",
        help="also show each method with its tasks' heads refitted to the experts' predictions, on "
        "at most so many validation rows of each task, without labels (256 is usual); with "
        "--calibrate, alone and after it",
    )  # fmt: skip


def _methods(given: str | None) -> tuple[str, ...]:
    """The methods that were named, or the usual ones."""
    from studio.compare.comparison import methods_named
    from studio.methods import FIRST_COMPARED

    if given is None:
        return FIRST_COMPARED
    return methods_named([name.strip() for name in given.split(",") if name.strip()])


def _ends(options: argparse.Namespace) -> tuple[Progress, Progress, Progress, Progress]:
    """Progress of the table, AdapterFusion's row, linear methods' removals, and its own."""
    uad, fusion = bool(options.uad), bool(options.fusion)
    shares = [1, int(fusion), int(uad), 2 * (uad and fusion)]
    ends = [sum(shares[:place]) / sum(shares) for place in range(len(shares) + 1)]
    table, row, removals, own = (part(show_progress, a, b) for a, b in pairwise(ends))
    return table, row, removals, own


def _say_cost(options: argparse.Namespace, bench: "Bench") -> None:
    from studio.compare.fusion_row import fusion_cost
    from studio.fusion.training import FusionPlan

    removed = len(bench.tasks) if options.uad else 0
    print(fusion_cost(bench, FusionPlan(), removed), flush=True)


def _fused(
    options: argparse.Namespace, bench: "Bench", table: "Table", ends: Sequence[Progress]
) -> "tuple[dict, Iterable[Removal]]":
    """AdapterFusion's row, printed and as JSON, and its removals; nothing if not asked for."""
    from studio.compare.fusion_row import fusion_lines, fusion_removals, fusion_row
    from studio.fusion.training import FusionPlan

    if not options.fusion:
        return {}, ()
    row, fusion = fusion_row(bench, table, FusionPlan(), ends[1])
    print("\n" + "\n".join(fusion_lines(row)), flush=True)
    more = fusion_removals(bench, fusion, FusionPlan(), ends[3]) if options.uad else ()
    return {"fusion": row.plain()}, more


def _printed(removals: "Iterable[Removal]") -> "list[Removal]":
    from studio.compare.unmerge_drop import line

    found = []
    for each in removals:
        print(line(each), flush=True)
        found.append(each)
    return found


def _fits(options: argparse.Namespace) -> "tuple[Calibrate | None, Heads | None]":
    """How rows are fitted to the experts; None for what is not asked for."""
    from studio.recipe import parse_calibrate, parse_heads

    layers, heads = (
        None if rows is None else {"rows": rows} for rows in (options.calibrate, options.heads)
    )
    return parse_calibrate(layers, "The command"), parse_heads(heads, "The command")


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

    bench = zoo_bench(options)
    names = _methods(options.methods)
    linear = {name: bench.zoo.started(name) for name in names if name in uad.linear_methods()}
    ends = _ends(options)
    removals = uad.removals(bench, linear, progress=ends[2]) if options.uad else None
    calibrate, heads = _fits(options)
    tables = compare(
        bench, names, ends[0], options.tune, options.budget, calibrate=calibrate, heads=heads
    )
    budget = plan_budget(bench, names, options.tune, options.budget, bool(calibrate or heads))
    print(f"Validation: {budget.words}.\n", flush=True)
    if options.fusion:
        _say_cost(options, bench)
    *_, table = tables
    print(comparison_text(table))
    found = comparison_json(table)
    fused, more = _fused(options, bench, table, ends)
    found |= fused
    if removals:
        print(f"\nTasks taken out, one at a time\n{uad.HEADER}")
        drops = _printed(chain(removals, more))
        if others := [name for name in names if name not in linear]:
            print(f"Left out, as not linear: {', '.join(others)}.")
        print("\n".join([*uad.mean_notes(drops), "", *uad.paper_lines()]))
        found["uad"] = uad.drops_json(drops)
    write_json(options.json, found)
    if options.csv:
        write_file(options.csv, comparison_csv(table))
    if options.markdown:
        write_file(options.markdown, comparison_markdown(table))
