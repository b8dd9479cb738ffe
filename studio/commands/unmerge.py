"""The commands that take tasks out of a merge: unmerge and replace."""

import argparse
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.certificate import certificate_arguments, operator_of
from studio.commands.tools import (
    Commands,
    count_of_tasks,
    link_roots,
    opened_ledger,
    output_arguments,
    print_checked,
    print_notes,
    show_progress,
)
from studio.errors import StudioError, visible

if TYPE_CHECKING:
    from studio.evidence.bundle import Certified
    from studio.evidence.ledger.log import Ledger
    from studio.evidence.unmerge import Unmerging
    from studio.measure.bench import Bench
    from studio.merge import Merge
    from studio.recipe import Recipe

_CERTIFY = (
    "measure, sign, and add certificate, report and verifier to the folder; with --zoo also the "
    "behaviour on held-out rows"
)


def add_unmerge_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "unmerge",
        _unmerge,
        "Merge a recipe without some of its tasks; with --certify, as evidence.",
    )
    each.add_argument("recipe", type=Path, metavar="RECIPE")
    each.add_argument("--task", action="append", required=True, metavar="NAME")
    each.add_argument(
        "--mode", default="exact", choices=("exact", "algebraic"),
        help="exact: as if the task had never been merged; algebraic: coefficient 0, Eq. 8",
    )  # fmt: skip
    output_arguments(each)
    certificate_arguments(each, _CERTIFY)


def add_replace_command(commands: Commands) -> None:
    """Add the command."""
    each = commands.add(
        "replace",
        _replace,
        "Merge a recipe with a task's checkpoint replaced by a retrained one, in one operation.",
    )
    each.add_argument("recipe", type=Path, metavar="RECIPE")
    each.add_argument("--task", required=True, metavar="NAME")
    each.add_argument(
        "--checkpoint", type=Path, required=True, metavar="DIR", help="the retrained checkpoint"
    )
    output_arguments(each)
    certificate_arguments(each, _CERTIFY)


def _unmerge(options: argparse.Namespace) -> None:
    from studio.evidence.unmerge import unmerging
    from studio.recipe import load_recipe

    full = load_recipe(options.recipe)
    _write(options, unmerging(full, tuple(options.task), options.mode))


def _replace(options: argparse.Namespace) -> None:
    from studio.evidence.unmerge import unmerging
    from studio.recipe import TaskEntry, load_recipe

    successor = TaskEntry(options.task, str(options.checkpoint.absolute()))
    full = load_recipe(options.recipe)
    _write(options, unmerging(full, (options.task,), "exact", successor))


def _write(options: argparse.Namespace, unmerged: "Unmerging") -> None:
    from studio.disk.folders import refuse_existing
    from studio.evidence.logged_export import Account, export_merge
    from studio.export.plan import ExportPlan
    from studio.measure.bench import open_bench

    refuse_existing(options.out)
    if options.certify and options.classifiers:
        raise StudioError("--classifiers is for plain exports; leave it or --certify out.")
    roots = link_roots(options, options.recipe.absolute().parent)
    bench = open_bench(options.zoo, options.device, options.allow_duplicates, roots)
    ledger = opened_ledger(options)
    merges = _merges(bench, roots)
    if options.certify:
        made = _certified(options, unmerged, bench, ledger, merges)
        print(f"{made.statement['predicate']['verdict']['result']}: {made.words}")
        print(f"{visible(str(options.out))}: certificate {made.digest}, no. {made.number}")
        return
    merge = merges(unmerged.recipe)
    plan = ExportPlan(
        options.out, classifiers=options.classifiers, allow_duplicates=options.allow_duplicates,
        check=options.check,
    )  # fmt: skip
    account = Account(ledger, options.allow_removed)
    made = export_merge(merge, plan, bench, account=account, progress=show_progress)
    print_notes(made.notes)
    print_checked(made.checked, made.warnings)
    count = count_of_tasks(len(merge.deltas))
    print(f"{visible(str(options.out))}: {count} merged, weights root {made.root}")


def _certified(
    options: argparse.Namespace, unmerged: "Unmerging", bench: "Bench | None", ledger: "Ledger",
    merges: "Callable[[Recipe], Merge]",
) -> "Certified":  # fmt: skip
    from studio.evidence.bundle import certify
    from studio.evidence.scoring import bench_scoring
    from studio.export.classifier import own_tasks

    operator = operator_of(options, ledger, options.allow_removed)
    tasks = list(bench.tasks.values()) if bench else own_tasks(merges(unmerged.recipe))
    return certify(
        merges, unmerged, options.out, operator,
        scoring=bench_scoring(bench) if bench and bench.scored() else None, tasks=tasks,
        allow_duplicates=options.allow_duplicates, progress=show_progress,
    )  # fmt: skip


def _merges(bench: "Bench | None", roots: tuple[Path, ...]) -> "Callable[[Recipe], Merge]":
    from studio.merge import open_merge

    return bench.merge if bench else cache(partial(open_merge, roots=roots))
