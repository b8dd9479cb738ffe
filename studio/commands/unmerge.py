"""The commands that take tasks out of a merge: unmerge and replace."""

import argparse
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.passphrase import signing_key
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
from studio.errors import BadCertificate, StudioError, visible

if TYPE_CHECKING:
    from studio.evidence.bundle import Certified
    from studio.evidence.ledger.log import Ledger
    from studio.evidence.unmerge import Unmerging
    from studio.measure.bench import Bench
    from studio.merge import Merge
    from studio.recipe import Recipe

LANGUAGES = ("en", "de", "fr", "es")
REASONS = ("erasure request", "license withdrawn", "quality rollback", "other")


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
    _certificate_arguments(each)


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
    _certificate_arguments(each)


def _certificate_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("certificate")
    group.add_argument(
        "--certify", action="store_true",
        help="measure, sign, and add certificate, report and verifier to the folder; with --zoo "
        "also the behaviour on held-out rows",
    )  # fmt: skip
    group.add_argument(
        "--demo-key", action="store_true",
        help="sign with a key that is thrown away: a demonstration that binds nothing",
    )  # fmt: skip
    group.add_argument("--reason", default=REASONS[-1], choices=REASONS)
    group.add_argument("--reference", default="", metavar="ID", help="of the request; no names")
    group.add_argument("--received", default="", metavar="YYYY-MM-DD")
    group.add_argument("--signer", default="", metavar="NAME", help="shown beside the key")
    group.add_argument(
        "--recipient", action="append", default=[], metavar="WHO", help="who was told"
    )
    group.add_argument("--backups", default="", metavar="WORDS", help="what became of backups")
    _paper_arguments(group)
    group.add_argument(
        "--predecessor", type=Path, metavar="C",
        help="the certificate that this one follows (default: the latest that shares a checkpoint)",
    )  # fmt: skip


def _paper_arguments(group: "argparse._ArgumentGroup") -> None:
    """What stands in the report alone."""
    group.add_argument(
        "--language", default="en", choices=LANGUAGES, help="of the report's first two pages"
    )
    for name, metavar, words in (
        ("--in-charge", "WHO", "who answers for the request; a role, no name"),
        ("--basis", "WORDS", "legal basis, as you see it"),
        ("--told", "WORDS", "when and how recipients were told"),
        ("--next-date", "WORDS", "when somebody looks at this again"),
        ("--retention", "WORDS", "how long the record is kept"),
    ):
        group.add_argument(name, default="", metavar=metavar, help=f"in the report: {words}")


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
    from studio.evidence import envelope
    from studio.evidence.bundle import Operator, certify
    from studio.evidence.certificate import Request
    from studio.evidence.report.paper import Paper
    from studio.evidence.scoring import bench_scoring
    from studio.export.classifier import own_tasks

    request = Request(
        options.reason, options.reference, options.received, options.signer,
        tuple(options.recipient), options.backups,
    )  # fmt: skip
    paper = Paper(
        options.language, options.in_charge, options.basis, options.told, options.next_date,
        options.retention,
    )  # fmt: skip
    predecessor = None
    if options.predecessor:
        try:
            predecessor = envelope.digest(options.predecessor.read_bytes())
        except OSError as problem:
            raise BadCertificate(
                f"{options.predecessor} cannot be read: {problem.strerror}."
            ) from None
    key = signing_key(ledger.folder, options.demo_key)
    tasks = list(bench.tasks.values()) if bench else own_tasks(merges(unmerged.recipe))
    return certify(
        merges, unmerged, options.out,
        Operator(ledger, key, request, predecessor, options.allow_removed, paper),
        scoring=bench_scoring(bench) if bench and bench.scored() else None, tasks=tasks,
        allow_duplicates=options.allow_duplicates, progress=show_progress,
    )  # fmt: skip


def _merges(bench: "Bench | None", roots: tuple[Path, ...]) -> "Callable[[Recipe], Merge]":
    from studio.merge import open_merge

    return bench.merge if bench else cache(partial(open_merge, roots=roots))
