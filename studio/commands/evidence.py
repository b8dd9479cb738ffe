"""The commands about evidence: unmerge, replace, verify and log."""

import argparse
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.passphrase import signing_key
from studio.commands.tools import Adder
from studio.errors import BadCertificate, StudioError, visible
from studio.progress import Progress

if TYPE_CHECKING:
    from studio.evidence.bundle import Certified
    from studio.evidence.ledger.log import Ledger
    from studio.evidence.unmerge import Unmerging
    from studio.measure.bench import Bench
    from studio.merge import Merge
    from studio.recipe import Recipe

REASONS = ("erasure request", "license withdrawn", "quality rollback", "other")


def add_evidence_commands(
    command: Adder, output: Callable[[argparse.ArgumentParser], None], progress: Progress
) -> None:
    """Add the commands to a parser.

    Args:
        command: adds one by its name, what it runs, and one line.
        output: adds what every command has that writes a merge.
        progress: told how far a command is.
    """
    each = command(
        "unmerge",
        lambda options: _unmerge(options, progress),
        "Merge a recipe without some of its tasks; with --certify, as evidence.",
    )
    each.add_argument("recipe", type=Path, metavar="RECIPE")
    each.add_argument("--task", action="append", required=True, metavar="NAME")
    each.add_argument(
        "--mode", default="exact", choices=("exact", "algebraic"),
        help="exact: as if the task had never been merged; algebraic: coefficient 0, Eq. 8",
    )  # fmt: skip
    output(each)
    _certificate(each)
    each = command(
        "replace",
        lambda options: _replace(options, progress),
        "Merge a recipe with a task's checkpoint replaced by a retrained one, in one operation.",
    )
    each.add_argument("recipe", type=Path, metavar="RECIPE")
    each.add_argument("--task", required=True, metavar="NAME")
    each.add_argument(
        "--checkpoint", type=Path, required=True, metavar="DIR", help="the retrained checkpoint"
    )
    output(each)
    _certificate(each)
    each = command(
        "verify",
        lambda options: _verify(options, progress),
        "Check a certificate and its bundle, offline; with --rebuild, compute the weights again.",
    )
    each.add_argument("folder", type=Path, metavar="DIR")
    each.add_argument("--certificate", type=Path, required=True, metavar="C")
    each.add_argument("--public-key", type=Path, required=True, metavar="K")
    each.add_argument("--log", type=Path, metavar="FILE", help="audit.jsonl, head.json beside it")
    each.add_argument(
        "--rebuild", action="store_true",
        help="compute the weights root again from --base and --tasks, without the removed ones",
    )  # fmt: skip
    each.add_argument("--base", type=Path, metavar="B")
    each.add_argument("--tasks", type=Path, nargs="*", default=[], metavar="T")
    each.add_argument("--json", type=Path, metavar="FILE")
    each = command("log", _log, "Show and check the log of exports and removals; recall copies.")
    ledger_argument(each)
    each.add_argument(
        "--recall", metavar="COPY", help="mark a copy as recalled: it is gone wherever it went"
    )
    each.add_argument("--json", type=Path, metavar="FILE")


def ledger_argument(parser: argparse.ArgumentParser) -> None:
    """Where the ledger lies, and what it may be overruled in."""
    parser.add_argument(
        "--ledger", type=Path, metavar="DIR",
        help="log of exports and removals, and the signing key (default: in your data folder)",
    )  # fmt: skip


def opened_ledger(options: argparse.Namespace) -> "Ledger":
    """The ledger that a command writes to; exports that were cut off are noted, and said."""
    from studio.disk.folders import data_folder
    from studio.evidence.ledger.copies import adopt_orphans
    from studio.evidence.ledger.log import Ledger

    ledger = Ledger(options.ledger or data_folder())
    for words in adopt_orphans(ledger):
        print(words)
    return ledger


def _certificate(parser: argparse.ArgumentParser) -> None:
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
    group.add_argument(
        "--predecessor", type=Path, metavar="C",
        help="the certificate that this one follows (default: the latest that shares a checkpoint)",
    )  # fmt: skip


def _unmerge(options: argparse.Namespace, progress: Progress) -> None:
    from studio.evidence.unmerge import unmerging
    from studio.recipe import load_recipe

    full = load_recipe(options.recipe)
    _write(options, unmerging(full, tuple(options.task), options.mode), progress)


def _replace(options: argparse.Namespace, progress: Progress) -> None:
    from studio.evidence.unmerge import unmerging
    from studio.recipe import TaskEntry, load_recipe

    successor: TaskEntry = TaskEntry(options.task, str(options.checkpoint.absolute()))
    full = load_recipe(options.recipe)
    _write(options, unmerging(full, (options.task,), "exact", successor), progress)


def _write(options: argparse.Namespace, unmerged: "Unmerging", progress: Progress) -> None:
    from studio.disk.folders import refuse_existing
    from studio.evidence.logged_export import write_merge
    from studio.measure.bench import open_bench

    refuse_existing(options.out)
    if options.certify and options.classifiers:
        raise StudioError("--classifiers is for plain exports; leave it or --certify out.")
    bench = open_bench(options.zoo, options.device, options.allow_duplicates)
    ledger = opened_ledger(options)
    merges = _merges(bench)
    if options.certify:
        made = _certified(options, unmerged, bench, ledger, merges, progress)
        print(f"{made.statement['predicate']['verdict']['result']}: {made.words}")
        print(f"{visible(str(options.out))}: certificate {made.digest}")
        return
    merge = merges(unmerged.recipe)
    root = write_merge(
        merge, options.out, bench, progress, options.allow_duplicates, options.classifiers,
        ledger, options.allow_removed,
    )  # fmt: skip
    count = "1 task" if len(merge.deltas) == 1 else f"{len(merge.deltas)} tasks"
    print(f"{visible(str(options.out))}: {count} merged, weights root {root}")


def _certified(
    options: argparse.Namespace, unmerged: "Unmerging", bench: "Bench | None", ledger: "Ledger",
    merges: "Callable[[Recipe], Merge]", progress: Progress,
) -> "Certified":  # fmt: skip
    from studio.evidence import envelope
    from studio.evidence.bundle import certify
    from studio.evidence.certificate import Request
    from studio.evidence.scoring import bench_scoring
    from studio.export.classifier import own_tasks

    request = Request(
        options.reason, options.reference, options.received, options.signer,
        tuple(options.recipient), options.backups,
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
        merges, unmerged, options.out, ledger, key, request,
        scoring=bench_scoring(bench) if bench and bench.scored() else None, tasks=tasks,
        predecessor=predecessor, allowed=options.allow_removed,
        allow_duplicates=options.allow_duplicates, progress=progress,
    )  # fmt: skip


def _merges(bench: "Bench | None") -> "Callable[[Recipe], Merge]":
    from studio.merge import open_merge

    return bench.merge if bench else cache(open_merge)


def _verify(options: argparse.Namespace, progress: Progress) -> None:
    from studio.disk.files import write_file
    from studio.evidence.verify import closing_words, verify

    if options.rebuild and options.base is None:
        raise StudioError("--rebuild needs --base, and --tasks for every kept checkpoint.")
    inputs = (options.base, options.tasks) if options.rebuild else None
    found = verify(
        options.folder, options.certificate, options.public_key, options.log, inputs, progress
    )
    for each in found.findings:
        print(f"{'ok' if each.good else 'FAILED'}: {visible(each.words)}")
    for words in closing_words(found):
        print(visible(words))
    if options.json:
        plain = {"good": found.good, "findings": [vars(each) for each in found.findings]}
        write_file(options.json, json.dumps(plain | {"statement": found.statement}, indent=1))
    if not found.good:
        raise StudioError("The bundle does not pass; see the lines above.")


def _log(options: argparse.Namespace) -> None:
    from studio.disk.files import write_file
    from studio.disk.folders import data_folder
    from studio.evidence.ledger import report as log_report
    from studio.evidence.ledger.copies import recall_copy
    from studio.evidence.ledger.log import Ledger

    ledger = Ledger(options.ledger or data_folder())
    if options.recall:
        ledger = opened_ledger(options)
        copy = recall_copy(ledger, options.recall, signing_key(ledger.folder, demo=False))
        print(f"{copy.id} ({visible(copy.name)}) is marked as recalled.")
    for line in log_report.lines(ledger):
        print(visible(line))
    if options.json:
        write_file(options.json, json.dumps(log_report.plain(ledger), indent=1))
    if log_report.problems(ledger):
        raise StudioError("The log does not pass; see the lines above.")
