"""What the commands of ``sequence`` do to a state of sums: tasks come, leave, and are checked."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.certificate import operator_of
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
    from studio.sequence.removal import Leaver
    from studio.sequence.sums import SumState
    from studio.sequence.sums_check import Inputs
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
    from studio.sequence.sums import open_sums
    from studio.sequence.sums_check import LEFT, log_change

    if options.receipt is None and options.checkpoint is None:
        raise StudioError("A leaver needs its receipt, or its own checkpoint; give one of them.")
    if options.certify and not options.out:
        raise StudioError("--certify writes a folder; give --out.")
    state, base, ledger = open_sums(options.state), _base(options), opened_ledger(options)
    state.refuse_other_base(base)
    ledger.check()
    leaver = _leaver(options, state, base)
    if options.certify:
        _certify(options, state, base, leaver, ledger)
        return
    new = leaver.leave(part(show_progress, 0.3, 1.0), None)
    log_change(ledger, new, leaver.task, LEFT)
    _print_left(options, leaver, new)
    _export_if_asked(options, new, base, ledger)


def _leaver(options: argparse.Namespace, state: "SumState", base: "Checkpoint") -> "Leaver":
    from studio.sequence.arrivals import task_of
    from studio.sequence.receipt import open_receipt
    from studio.sequence.removal import by_checkpoint, by_receipt

    asked = task_of(state, _checkpoint(options)) if options.checkpoint else None
    if not options.receipt:
        assert asked is not None
        pair = asked.name, _checkpoint(options)
        return by_checkpoint(state, _terms(options, state, base, pair, asked.coefficient))
    found = by_receipt(state, open_receipt(options.receipt))
    if asked is not None and asked != found.task:
        raise StudioError(
            f"{options.receipt} is the receipt of '{found.task.name}', but {options.checkpoint} is "
            f"'{asked.name}'. Give one of them."
        )
    return found


def _certify(
    options: argparse.Namespace, state: "SumState", base: "Checkpoint", leaver: "Leaver",
    ledger: "Ledger",
) -> None:  # fmt: skip
    from studio.sequence.removal import certify_removal
    from studio.sequence.sums import open_sums

    kept, inputs = _kept(options, state, base)
    made = certify_removal(
        state, leaver, base, options.out, operator_of(options, ledger), kept, inputs,
        part(show_progress, 0.3, 1.0),
    )  # fmt: skip
    _print_left(options, leaver, open_sums(options.state))
    print(f"pass: {visible(made.words)}")
    print(f"{visible(str(options.out))}: certificate {made.digest}, no. {made.number}")


def _print_left(options: argparse.Namespace, leaver: "Leaver", new: "SumState") -> None:
    print(
        f"{visible(str(options.state))}: '{visible(leaver.task.name)}' left, "
        f"{count_of_tasks(len(new.tasks))} in it, root {new.root}: the bits of a state that "
        "never had it"
    )


def merge_sums(options: argparse.Namespace) -> None:
    """Write the model merged from a state of sums."""
    from studio.sequence.sums import open_sums

    _export_if_asked(options, open_sums(options.state), _base(options), opened_ledger(options))


def check_sums(options: argparse.Namespace) -> None:
    """Build a state again from its kept tasks, or hold it to the log."""
    from studio.sequence.sums import open_sums
    from studio.sequence.sums_check import built_again, held_to_log

    state, ledger = open_sums(options.state), opened_ledger(options)
    base = _base(options)
    kept, inputs = _kept(options, state, base)
    if not kept and state.tasks:
        found = held_to_log(ledger, state, show_progress)
    else:
        found = built_again(state, base, kept, inputs, show_progress)
    if found.exact is False:
        raise StudioError(found.words)
    print(f"{'Exact' if found.exact else 'Not known'}: {visible(found.words)}")


def _kept(
    options: argparse.Namespace, state: "SumState", base: "Checkpoint"
) -> "tuple[dict[str, Checkpoint], Inputs]":
    """The checkpoints of a state's tasks that are at hand, and how what enters them is measured."""
    from studio.checkpoints.checkpoint import open_checkpoint
    from studio.sequence.own_inputs import checkpoints_of, own_inputs

    zoo, roots = _zoo(options), link_roots(options)
    kept = checkpoints_of(state, zoo, roots) if zoo else {}
    for each in options.task:
        name, equals, folder = each.partition("=")
        if not equals:
            raise StudioError(f"{each!r} names no checkpoint; write NAME=FOLDER.")
        kept[state.member(name).name] = open_checkpoint(Path(folder), roots)

    def inputs(name: str, checkpoint: "Checkpoint"):
        return own_inputs(state, zoo, base, checkpoint)

    return kept, inputs


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
