"""What ``compare --search`` does: finds the best merge of a zoo within a budget of seconds."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.tools import show_progress, write_json
from studio.errors import StudioError, visible

if TYPE_CHECKING:
    from studio.best.findings import Findings
    from studio.measure.bench import Bench

_ALONE = ("methods", "tune", "budget", "uad", "calibrate", "heads", "fusion", "markdown")
_SEARCHED = ("seconds", "resume", "criterion", "results", "out")


def search_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a search for the best."""
    each = parser.add_argument_group("search", "find the best merge, instead of comparing methods")
    each.add_argument(
        "--search", action="store_true",
        help="try bases, scales, coefficients, calibration and the strongest other methods, more "
        "rows for the better ones, and score the best on held-out rows",
    )  # fmt: skip
    each.add_argument(
        "--seconds", type=float, metavar="S", help="budget of the search (default: 600)"
    )
    each.add_argument(
        "--resume", action="store_true",
        help="go on from the trials of an earlier search of the same zoo; nothing is run twice",
    )  # fmt: skip
    each.add_argument(
        "--criterion", choices=("agreement", "accuracy"),
        help="what decides on validation rows: agreement with each task's expert, which needs no "
        "labels (default), or the labels",
    )  # fmt: skip
    each.add_argument(
        "--results", type=Path, metavar="DIR",
        help="where trials are kept as they come (default: in your data folder)",
    )  # fmt: skip
    each.add_argument(
        "--out", type=Path, metavar="RECIPE", help="a new file for the recipe that wins"
    )


def refuse_mixed(options: argparse.Namespace) -> None:
    """Refuse options of the one way of comparing beside the other.

    Raises:
        StudioError: naming them.
    """
    wrong = [name for name in (_ALONE if options.search else _SEARCHED) if getattr(options, name)]
    if wrong:
        named = ", ".join(f"--{name}" for name in wrong)
        where = "has no place beside --search" if options.search else "belongs to --search"
        raise StudioError(f"{named} {where}; leave it out, or run both one after the other.")


def run_search(options: argparse.Namespace, bench: "Bench") -> None:
    """Find the best merge, print each trial as it comes, and write the recipe that wins."""
    from studio.best import BestPlan, find_best
    from studio.best.judge import AGREES
    from studio.best.run import SECONDS, results_folder
    from studio.best.tables import findings_csv, findings_json, findings_text
    from studio.disk.files import write_file
    from studio.disk.folders import refuse_existing

    if options.out:
        refuse_existing(options.out)
    criterion = options.criterion or AGREES
    folder = options.results or results_folder(bench, criterion)
    seconds = SECONDS if options.seconds is None else options.seconds
    plan = BestPlan(seconds, criterion, fresh=not options.resume)
    found = None
    try:
        for found in find_best(bench, plan, folder, show_progress):
            if not found.ended:
                print(_line(found), flush=True)
    except KeyboardInterrupt:
        count = len(found.tried) if found else 0
        raise StudioError(
            f"stopped after {count} trials, which are kept in {folder}; the same command with "
            "--resume goes on from them."
        ) from None
    assert found is not None
    print(f"\n{findings_text(found)}")
    if found.left:
        print("The same command with --resume goes on from here.")
    _write(found, bench, folder, options.out)
    write_json(options.json, findings_json(found))
    if options.csv:
        write_file(options.csv, findings_csv(found))


def _line(found: "Findings") -> str:
    """The last trial, as it comes."""
    last = found.tried[-1]
    if last.refusal:
        return f"  {last.trial.what}: {last.refusal}"
    means = ", ".join(mean.words for mean in last.means)
    return f"  round {last.level + 1}, {last.rows:6,} rows: {means}  {last.trial.what}"


def _write(found: "Findings", bench: "Bench", folder: Path, out: Path | None) -> None:
    from studio.best.run import WINNER, chosen
    from studio.recipe import save_recipe

    if found.winner is None or found.winner.recipe is None:
        print("No recipe was written, since no merge is known to be better than none.")
        return
    path = out or folder / WINNER
    save_recipe(chosen(bench, found.winner.recipe), path)
    print(f"{visible(str(path))}: the recipe that wins.")
