"""Tasks that were certified as removed stay out of a mix until somebody lets them in again."""

from collections.abc import Collection

from studio.checkpoints.deltas import Deltas
from studio.errors import BadLedger, NotAllowed
from studio.evidence.ledger.copies import Removed, log_override, removed, removed_before
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.log import Ledger
from studio.session.mix import Mix


class Admission:
    """The removed tasks of an open zoo, by their checkpoints' weights and changes.

    Args:
        ledger: whose certificates count.
        deltas: of the zoo's tasks.

    Attributes:
        allowed: weights roots of removed checkpoints that were let in again.
    """

    def __init__(self, ledger: Ledger, deltas: Deltas) -> None:
        self._ledger = ledger
        self._deltas = deltas
        self._known: tuple[tuple[Removed, ...], dict[str, Removed]] = ((), {})
        self.allowed: set[str] = set()

    @property
    def locked(self) -> dict[str, Removed]:
        """Removed tasks of the zoo that were not let in again.

        None of a log that was edited: then the Evidence tab says so, and nothing is exported.
        """
        try:
            register = tuple(removed(self._ledger))
        except BadLedger:
            return {}
        if self._known[0] != register:  # asked at every move; what is known changes rarely
            self._known = register, removed_before(register, self._deltas)
        return {name: g for name, g in self._known[1].items() if g.root not in self.allowed}

    def without(self, mix: Mix) -> Mix:
        """The mix with the removed tasks unticked."""
        return mix.unticked(tuple(self.locked))

    def refuse(self, names: Collection[str]) -> None:
        """Refuse removed tasks among those that would be merged.

        Raises:
            NotAllowed: naming it, and when it was removed.
        """
        locked = self.locked
        for name in names:
            if name in locked:
                raise NotAllowed(
                    f"'{name}' was certified as removed on {locked[name].time[:10]}. "
                    "The Evidence tab can let it in again, which is written into the log."
                )

    def allow(self, task: str, key: SigningKey) -> None:
        """Let a removed task in again; the log keeps that, signed unless the key is a demo.

        Raises:
            NotAllowed: it is no removed task of this zoo.
        """
        locked = self.locked
        if task not in locked:
            raise NotAllowed("Choose a task that was certified as removed.")
        log_override(self._ledger, task, locked[task], key)
        self.allowed.add(locked[task].root)
