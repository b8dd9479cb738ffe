"""Tasks that were certified as removed stay out of a mix until somebody lets them in again."""

from collections.abc import Collection
from contextlib import suppress

from studio.checkpoints.deltas import Deltas
from studio.errors import BadCheckpoint, BadLedger, NotAllowed
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.lineage import lineage_of
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.register import Removed, log_override, removed, removed_before
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
        self._known: tuple[object, dict[str, Removed]] = (None, {})
        self.allowed: set[str] = set()

    @property
    def locked(self) -> dict[str, Removed]:
        """Removed tasks of the zoo that were not let in again.

        None of a log that was edited: then the Evidence tab says so, and nothing is exported. If a
        checkpoint's file was changed or is gone, what was known of the zoo before: nothing of it
        can be merged until it is opened again.
        """
        try:
            register = removed(self._ledger)
            lineage = lineage_of(self._ledger) if register else {}
        except BadLedger:
            return {}
        if self._known[0] != (register, lineage):  # asked at every move, and changes rarely
            with suppress(BadCheckpoint):
                before = removed_before(register, self._deltas, lineage) if register else {}
                self._known = (register, lineage), before
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
