"""What may come to a sequence's state: nothing that was certified as removed."""

from studio.checkpoints.deltas import Deltas
from studio.errors import NotAllowed
from studio.evidence.ledger.lineage import held
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.register import register_of
from studio.sequence.state import State
from studio.sequence.sums import SumState


def refuse_removed(ledger: Ledger, state: State | SumState, newcomer: Deltas) -> None:
    """Refuse a newcomer, a base or a state with a checkpoint that was certified as removed.

    Raises:
        NotAllowed: naming the task and when it was removed.
    """
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
                    f"{gone.words}. {state.undone_by}"
                )


def _was(digest: str, gone: str) -> str:
    return "was" if digest == gone else "was merged from what was"
