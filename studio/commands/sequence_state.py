"""The commands about a sequence's state: begin one, let tasks come and leave, merge, check."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.certificate import certificate_arguments
from studio.commands.sequence_sums import (
    add_to_sums,
    check_sums,
    init_sums_state,
    is_sums,
    merge_sums,
    remove_from_sums,
)
from studio.commands.tools import (
    Commands,
    count_of_tasks,
    ledger_argument,
    link_roots,
    opened_ledger,
    print_notes,
    show_progress,
)
from studio.errors import BadState, StudioError, visible
from studio.progress import Progress, part

if TYPE_CHECKING:
    from studio.checkpoints.checkpoint import Checkpoint
    from studio.evidence.ledger.log import Ledger
    from studio.sequence.state import State

ADDITIVE = "additive"
"""The plain sum's other name, where a sequence is begun."""


def add_state_commands(commands: Commands) -> None:
    """Add what begins a state, changes it, merges it and checks it."""
    _add_init(commands)
    _add_changes(commands)
    _add_uses(commands)


def _add_changes(commands: Commands) -> None:
    each = commands.add(
        "add",
        _add,
        "Let a checkpoint arrive: reads the base, the state and the newcomer, no other task.",
    )
    each.add_argument("state", type=Path, metavar="STATE")
    each.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    _state_arguments(each)
    each.add_argument("--name", metavar="N", help="of the task (default: the folder's name)")
    each.add_argument(
        "--coefficient", type=float, metavar="X",
        help="of the task in a state of sums (default: the method's)",
    )  # fmt: skip
    each.add_argument(
        "--receipt", type=Path, metavar="FILE",
        help="also write what it added to a state of sums, with which it can leave again",
    )  # fmt: skip
    each = commands.add(
        "remove",
        _remove,
        "Let a task leave a state of sums, exactly: by its receipt, or its own checkpoint.",
    )
    each.add_argument("state", type=Path, metavar="STATE")
    each.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", nargs="?")
    _state_arguments(each)
    each.add_argument("--receipt", type=Path, metavar="FILE", help="that was written as it came")
    _kept_argument(each)
    certificate_arguments(
        each,
        "write the model that is left with a certificate, report and verifier into --out; the "
        "state is built again from --zoo or every --task, else its root is held to the log",
    )


def _add_uses(commands: Commands) -> None:
    each = commands.add("merge", _merge, "Write the model merged from a state into a new folder.")
    each.add_argument("state", type=Path, metavar="STATE")
    _state_arguments(each, out_required=True)
    each = commands.add(
        "check",
        _check,
        "Build a state of sums again from its kept tasks and compare bits; without them, compare "
        "its root with those that the log quotes.",
    )
    each.add_argument("state", type=Path, metavar="STATE")
    each.add_argument("--base", type=Path, required=True, metavar="B", help="of the state")
    _kept_argument(each)
    _zoo_argument(each)
    ledger_argument(each)


def _add_init(commands: Commands) -> None:
    each = commands.add(
        "init", _init,
        "Begin a sequence: a file of constant size that takes in checkpoints, by OPCM or as sums "
        "that tasks can leave again.",
    )  # fmt: skip
    each.add_argument("state", type=Path, metavar="STATE", help="a new file")
    each.add_argument("--base", type=Path, required=True, metavar="B", help="the base model")
    each.add_argument(
        "--method", metavar="M",
        help="opcm (the default), which tasks cannot leave; or one whose sums are additive: "
        "average, task_arithmetic (also called additive), wudi, aswudi, actmat, regmean, mdm_oc "
        "with basis=activation",
    )  # fmt: skip
    each.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE",
        help="of a method whose sums are additive; once per option",
    )  # fmt: skip
    each.add_argument(
        "--coarser", type=int, default=0, metavar="N",
        help="units of the sums coarser by N powers of two, where numbers are very large",
    )  # fmt: skip
    each.add_argument(
        "--alpha", type=float, metavar="X", help="OPCM: from 0 to 1, share that is protected (0.5)"
    )
    each.add_argument(
        "--block", choices=("code", "paper"),
        help="OPCM: clear the dominant block only (code, the default) or keep the other block only",
    )  # fmt: skip


def _state_arguments(each: argparse.ArgumentParser, out_required: bool = False) -> None:
    each.add_argument("--base", type=Path, required=True, metavar="B", help="of the state")
    words = (
        "the merged model: a new folder" if out_required else "also write the merged model there"
    )
    each.add_argument("--out", type=Path, required=out_required, metavar="DIR", help=words)
    if not out_required:
        _zoo_argument(each)
    ledger_argument(each)


def _kept_argument(each: argparse.ArgumentParser) -> None:
    each.add_argument(
        "--task", action="append", default=[], metavar="NAME=FOLDER",
        help="a kept task and its checkpoint; once per task",
    )  # fmt: skip


def _zoo_argument(each: argparse.ArgumentParser) -> None:
    each.add_argument(
        "--zoo", type=Path, metavar="ZOO",
        help="that has the task's validation rows, for methods that measure its inputs",
    )  # fmt: skip


def _init(options: argparse.Namespace) -> None:
    from studio.checkpoints.checkpoint import open_base
    from studio.methods import RUNNING_SUM, SUM
    from studio.sequence.state import init_state
    from studio.sequence.state_export import NO_UNDO

    given = {"alpha": options.alpha, "block": options.block}
    chosen = {key: value for key, value in given.items() if value is not None}
    if options.method not in (None, RUNNING_SUM):
        if chosen:
            raise StudioError(f"{' and '.join(chosen)} are options of OPCM; leave them out.")
        options.method = SUM if options.method == ADDITIVE else options.method
        init_sums_state(options)
        return
    if options.option or options.coarser:
        raise StudioError("OPCM takes --alpha and --block; its state has no units and no others.")
    state = init_state(open_base(options.base, link_roots(options)), options.state, chosen)
    print(f"{visible(str(options.state))}: no task so far, on the base {state.base[:12]}…")
    print(NO_UNDO)


def _add(options: argparse.Namespace) -> None:
    from studio.disk.folders import refuse_existing

    if options.out:
        refuse_existing(options.out)
    if is_sums(options.state):
        add_to_sums(options)
    elif options.receipt or options.coefficient is not None:
        raise StudioError(
            f"{options.state} is a state of OPCM, which knows no coefficients and writes no "
            "receipts. Leave them out, or begin a state whose sums are additive."
        )
    else:
        _add_to_opcm(options)


def _remove(options: argparse.Namespace) -> None:
    from studio.disk.folders import refuse_existing

    if options.out:
        refuse_existing(options.out)
    _refuse_opcm(options)
    remove_from_sums(options)


def _merge(options: argparse.Namespace) -> None:
    from studio.checkpoints.checkpoint import open_base
    from studio.disk.folders import refuse_existing
    from studio.sequence.state import open_state

    refuse_existing(options.out)
    if is_sums(options.state):
        merge_sums(options)
        return
    state, base = open_state(options.state), open_base(options.base, link_roots(options))
    root = _export(options.out, state, base, opened_ledger(options), show_progress)
    count = count_of_tasks(len(state.tasks))
    print(f"{visible(str(options.out))}: {count} merged, weights root {root}")


def _check(options: argparse.Namespace) -> None:
    _refuse_opcm(options)
    check_sums(options)


def _refuse_opcm(options: argparse.Namespace) -> None:
    from studio.sequence.state import open_state
    from studio.sequence.state_export import NO_UNDO

    if not is_sums(options.state):
        open_state(options.state)
        raise BadState(f"{options.state} is a state of OPCM. {NO_UNDO}")


def _add_to_opcm(options: argparse.Namespace) -> None:
    from studio.checkpoints.checkpoint import open_base, open_checkpoint
    from studio.checkpoints.deltas import Deltas
    from studio.sequence.admission import refuse_removed
    from studio.sequence.state import add_task, open_state
    from studio.sequence.state_export import NO_UNDO, scaling

    state, base = open_state(options.state), open_base(options.base, link_roots(options))
    checkpoint = open_checkpoint(options.checkpoint, link_roots(options))
    name = options.name or checkpoint.folder.name
    ledger = opened_ledger(options)
    refuse_removed(ledger, state, Deltas(base, [(name, checkpoint)]))
    roots: list[str] = []

    def export(new: "State") -> None:
        roots.append(_export(options.out, new, base, ledger, part(show_progress, 0.5, 1.0)))

    halfway = part(show_progress, 0.0, 0.5) if options.out else show_progress
    state = add_task(state, base, checkpoint, name, halfway, export if options.out else None)
    count = count_of_tasks(len(state.tasks))
    print(
        f"{visible(str(options.state))}: '{visible(name)}' arrived, {count} in it, "
        f"lambda {1 / scaling(state):.4f}"
    )
    if roots:
        print(f"{visible(str(options.out))}: {count} merged, weights root {roots[0]}")
    print(NO_UNDO)


def _export(
    target: Path, state: "State", base: "Checkpoint", ledger: "Ledger", progress: Progress
) -> str:
    """Write the merged model; the ledger hears of it."""
    from studio.evidence.logged_export import Account, logged_export
    from studio.sequence.state_export import MergedState

    made = logged_export(MergedState(state, base), target, Account(ledger), progress)
    print_notes(made.notes)
    return made.root
