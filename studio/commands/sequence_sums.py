"""What the commands of ``sequence`` do to a state of sums: tasks come, leave, and are checked."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.tools import (
    count_of_tasks,
    link_roots,
    opened_ledger,
    print_notes,
    show_progress,
)
from studio.errors import StudioError, visible
from studio.progress import part

if TYPE_CHECKING:
    from studio.checkpoints.checkpoint import Checkpoint
    from studio.evidence.ledger.log import Ledger
    from studio.sequence.sums import SumState
    from studio.sequence.terms import Terms
    from studio.zoo import Zoo


def is_sums(path: Path) -> bool:
    """Whether a file says that it is a state of sums."""
    from studio.sequence.sealed import said_in
    from studio.sequence.sums import KEY

    return said_in(path, KEY) is not None


def init_sums_state(options: argparse.Namespace) -> None:
    """Begin a state of sums."""
    from studio.checkpoints.checkpoint import open_base
    from studio.sequence.sums import init_sums
    from studio.sequence.sums_export import EXACT

    base = open_base(options.base, link_roots(options))
    state = init_sums(
        base, options.state, options.method, chosen_options(options.option), options.coarser,
        show_progress,
    )  # fmt: skip
    title = state.method.title
    print(f"{visible(str(options.state))}: no task so far, {title}, on the base {state.base[:12]}…")
    print(EXACT)


def chosen_options(given: list[str]) -> dict:
    """Options of a method, each written as NAME=VALUE.

    Raises:
        StudioError: one is written otherwise.
    """
    from studio.disk.files import parse_yaml

    chosen = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise StudioError(f"{each!r} is no option; write NAME=VALUE, such as strength=1.")
        chosen[name] = parse_yaml(value, f"option '{name}'", StudioError)
    return chosen


def add_to_sums(options: argparse.Namespace) -> None:
    """Let a task come to a state of sums."""
    from studio.sequence.admission import refuse_removed
    from studio.sequence.arrivals import come
    from studio.sequence.sums import open_sums
    from studio.sequence.sums_check import CAME, log_change

    state, base, ledger = open_sums(options.state), _base(options), opened_ledger(options)
    checkpoint = _checkpoint(options)
    name = options.name or checkpoint.folder.name
    usual = state.method.default_coefficient
    coefficient = usual if options.coefficient is None else options.coefficient
    terms = _terms(options, state, base, (name, checkpoint), coefficient)
    refuse_removed(ledger, state, terms.deltas)
    ledger.check()
    state = come(state, terms, options.receipt, part(show_progress, 0.3, 0.8))
    task = state.member(terms.deltas.tasks[0])
    log_change(ledger, state, task, CAME)
    print(
        f"{visible(str(options.state))}: '{visible(task.name)}' came with the coefficient "
        f"{coefficient:g}, {count_of_tasks(len(state.tasks))} in it, root {state.root}"
    )
    if options.receipt:
        print(
            f"{visible(str(options.receipt))}: its receipt, {options.receipt.stat().st_size:,} "
            "bytes. Who has it has the task's delta; keep it as you keep the checkpoint."
        )
    _export_if_asked(options, state, base, ledger)


def remove_from_sums(options: argparse.Namespace) -> None:
    """Let a task leave a state of sums, by its receipt or its own checkpoint."""
    from studio.sequence.arrivals import leave, leave_by_receipt, task_of
    from studio.sequence.receipt import open_receipt, refuse_other
    from studio.sequence.sums import open_sums
    from studio.sequence.sums_check import LEFT, log_change

    if options.receipt is None and options.checkpoint is None:
        raise StudioError("A leaver needs its receipt, or its own checkpoint; give one of them.")
    state, base, ledger = open_sums(options.state), _base(options), opened_ledger(options)
    state.refuse_other_base(base)
    ledger.check()
    asked = task_of(state, _checkpoint(options)) if options.checkpoint else None
    if options.receipt:
        receipt = open_receipt(options.receipt)
        task = refuse_other(receipt, state)
        if asked not in (None, task):
            raise StudioError(
                f"{options.receipt} is the receipt of '{task.name}', but {options.checkpoint} is "
                f"'{asked.name}'. Give one of them."
            )
        new = leave_by_receipt(state, receipt, show_progress)
    else:
        assert asked is not None
        task = asked
        checkpoint = task.name, _checkpoint(options)
        terms = _terms(options, state, base, checkpoint, task.coefficient)
        new = leave(state, terms, part(show_progress, 0.3, 1.0))
    log_change(ledger, new, task, LEFT)
    print(
        f"{visible(str(options.state))}: '{visible(task.name)}' left, "
        f"{count_of_tasks(len(new.tasks))} in it, root {new.root}: the bits of a state that "
        "never had it"
    )
    _export_if_asked(options, new, base, ledger)


def merge_sums(options: argparse.Namespace) -> None:
    """Write the model merged from a state of sums."""
    from studio.sequence.sums import open_sums

    _export_if_asked(options, open_sums(options.state), _base(options), opened_ledger(options))


def check_sums(options: argparse.Namespace) -> None:
    """Build a state again from its kept tasks, or hold it to the log."""
    from studio.checkpoints.checkpoint import open_checkpoint
    from studio.sequence.own_inputs import checkpoints_of, own_inputs
    from studio.sequence.sums import open_sums
    from studio.sequence.sums_check import built_again, held_to_log

    state, ledger, zoo = open_sums(options.state), opened_ledger(options), _zoo(options)
    roots = link_roots(options)
    kept = checkpoints_of(state, zoo, roots) if zoo else {}
    for each in options.task:
        name, equals, folder = each.partition("=")
        if not equals:
            raise StudioError(f"{each!r} names no checkpoint; write NAME=FOLDER.")
        kept[state.member(name).name] = open_checkpoint(Path(folder), roots)
    if not kept and state.tasks:
        found = held_to_log(ledger, state, show_progress)
    else:
        base = _base(options)

        def inputs(name: str, checkpoint: "Checkpoint"):
            return own_inputs(state, zoo, base, checkpoint)

        found = built_again(state, base, kept, inputs, show_progress)
    if found.exact is False:
        raise StudioError(found.words)
    print(f"{'Exact' if found.exact else 'Not known'}: {visible(found.words)}")


def _base(options: argparse.Namespace) -> "Checkpoint":
    from studio.checkpoints.checkpoint import open_base

    return open_base(options.base, link_roots(options))


def _checkpoint(options: argparse.Namespace) -> "Checkpoint":
    from studio.checkpoints.checkpoint import open_checkpoint

    return open_checkpoint(options.checkpoint, link_roots(options))


def _zoo(options: argparse.Namespace) -> "Zoo | None":
    from studio.zoo import load_zoo

    return load_zoo(options.zoo) if options.zoo else None


def _terms(
    options: argparse.Namespace, state: "SumState", base: "Checkpoint",
    task: "tuple[str, Checkpoint]", coefficient: float,
) -> "Terms":  # fmt: skip
    from studio.sequence.own_inputs import own_inputs
    from studio.sequence.terms import Terms

    state.refuse_other_base(base)
    state.additive.refuse(task[0], coefficient)
    measured = own_inputs(state, _zoo(options), base, task[1], part(show_progress, 0.0, 0.3))
    return Terms.of(state, base, task, coefficient, measured)


def _export_if_asked(
    options: argparse.Namespace, state: "SumState", base: "Checkpoint", ledger: "Ledger"
) -> None:
    from studio.evidence.logged_export import Account, logged_export
    from studio.sequence.sums_export import MergedSums

    if not options.out:
        return
    made = logged_export(MergedSums(state, base), options.out, Account(ledger), show_progress)
    print_notes(made.notes)
    count = count_of_tasks(len(state.tasks))
    print(f"{visible(str(options.out))}: {count} merged, weights root {made.root}")
