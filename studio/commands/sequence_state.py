"""The commands about a sequence's state: begin one, and let a checkpoint arrive."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.tools import (
    Commands,
    count_of_tasks,
    ledger_argument,
    link_roots,
    opened_ledger,
    print_notes,
    show_progress,
)
from studio.errors import NotAllowed, visible
from studio.progress import Progress, part

if TYPE_CHECKING:
    from studio.checkpoints.checkpoint import Checkpoint
    from studio.checkpoints.deltas import Deltas
    from studio.evidence.ledger.log import Ledger
    from studio.sequence.state import State


def add_state_commands(commands: Commands) -> None:
    """Add ``init`` and ``add`` to the commands of ``sequence``."""
    each = commands.add("init", _init, "Begin an OPCM sequence: a file that takes in checkpoints.")
    each.add_argument("state", type=Path, metavar="STATE", help="a new file")
    each.add_argument("--base", type=Path, required=True, metavar="B", help="the base model")
    each.add_argument(
        "--alpha", type=float, metavar="X", help="from 0 to 1: share that is protected (0.5)"
    )
    each.add_argument(
        "--block", choices=("code", "paper"),
        help="clear the dominant block only (code, the default) or keep the other block only",
    )  # fmt: skip
    each = commands.add(
        "add",
        _add,
        "Let a checkpoint arrive: reads the base, the state and the newcomer, no other task.",
    )
    each.add_argument("state", type=Path, metavar="STATE")
    each.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    each.add_argument("--base", type=Path, required=True, metavar="B", help="of the state")
    each.add_argument("--name", metavar="N", help="of the task (default: the folder's name)")
    each.add_argument("--out", type=Path, metavar="DIR", help="also write the merged model there")
    ledger_argument(each)


def _init(options: argparse.Namespace) -> None:
    from studio.checkpoints.checkpoint import open_base
    from studio.sequence.state import init_state
    from studio.sequence.state_export import NO_UNDO

    given = {"alpha": options.alpha, "block": options.block}
    chosen = {key: value for key, value in given.items() if value is not None}
    state = init_state(open_base(options.base, link_roots(options)), options.state, chosen)
    print(f"{visible(str(options.state))}: no task so far, on the base {state.base[:12]}…")
    print(NO_UNDO)


def _add(options: argparse.Namespace) -> None:
    from studio.checkpoints.checkpoint import open_base, open_checkpoint
    from studio.checkpoints.deltas import Deltas
    from studio.disk.folders import refuse_existing
    from studio.sequence.state import add_task, open_state
    from studio.sequence.state_export import NO_UNDO, scaling

    if options.out:
        refuse_existing(options.out)
    state, base = open_state(options.state), open_base(options.base, link_roots(options))
    checkpoint = open_checkpoint(options.checkpoint, link_roots(options))
    name = options.name or checkpoint.folder.name
    ledger = opened_ledger(options)
    _refuse_removed(ledger, state, Deltas(base, [(name, checkpoint)]))
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


def _refuse_removed(ledger: "Ledger", state: "State", newcomer: "Deltas") -> None:
    """Refuse a newcomer, a base or a state with a checkpoint that was certified as removed.

    Raises:
        NotAllowed: naming the task and when it was removed.
    """
    from studio.evidence.ledger.lineage import held
    from studio.evidence.ledger.register import register_of

    register = register_of(ledger)
    before = register.known(newcomer) if register.removed else {}
    for name, gone in (*before.items(), *(("", each) for each in register.of(newcomer.base))):
        how = register.how(name, gone, before, newcomer)
        then = "Leave it out." if name else "Begin a state on another base."
        raise NotAllowed(f"{how} the checkpoint that was {gone.words}. {then}")
    for gone in register.removed:
        for task in state.tasks:
            if gone.digest in held([task.digest], register.lineage):
                raise NotAllowed(
                    f"{state.path} holds '{task.name}', which {_was(task.digest, gone.digest)} "
                    f"{gone.words}. A state cannot be undone; begin another and let the kept "
                    "checkpoints arrive in it."
                )


def _was(digest: str, gone: str) -> str:
    return "was" if digest == gone else "was merged from what was"
