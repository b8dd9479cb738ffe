"""Tasks that were certified as removed stay out of a mix until somebody lets them in again."""

from collections.abc import Collection
from contextlib import suppress

from studio.checkpoints.deltas import Deltas
from studio.errors import BadCheckpoint, BadLedger, NotAllowed
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.register import (
    THE_BASE,
    Register,
    Removed,
    log_override,
    register_of,
)
from studio.session.mix import Mix


class Admission:
    """The removed tasks of an open zoo, by their checkpoints' weights and changes.

    Args:
        ledger: whose certificates count.
        deltas: of the zoo's tasks.

    Attributes:
        allowed: ids of removals after which the checkpoint was let in again.
    """

    def __init__(self, ledger: Ledger, deltas: Deltas) -> None:
        self._ledger = ledger
        self._deltas = deltas
        self._known: tuple[Register | None, dict[str, Removed], list[Removed]] = (None, {}, [])
        self.allowed: set[str] = set()

    @property
    def locked(self) -> dict[str, Removed]:
        """Removed tasks of the zoo that were not let in again; all, if its base is or holds one.

        None of a log that was edited: then the Unmerge tab says so, and nothing is exported. If a
        checkpoint's file was changed or is gone, what was known of the zoo before: nothing of it
        can be merged until it is opened again.
        """
        try:
            register = register_of(self._ledger)
        except BadLedger:
            return {}
        if self._known[0] != register:  # asked at every move, and changes rarely
            with suppress(BadCheckpoint):
                tasks = register.known(self._deltas)
                self._known = register, tasks, register.of(self._deltas.base)
        if (base := self._of_base) is not None:
            return dict.fromkeys(self._deltas.tasks, base)
        return {name: g for name, g in self._known[1].items() if g.id not in self.allowed}

    @property
    def _of_base(self) -> Removed | None:
        """A removed checkpoint that the zoo's base is or was merged from, and not let in again."""
        return next((each for each in self._known[2] if each.id not in self.allowed), None)

    def without(self, mix: Mix) -> Mix:
        """The mix with the removed tasks unticked."""
        return mix.unticked(tuple(self.locked))

    def refuse(self, names: Collection[str]) -> None:
        """Refuse removed tasks among those that would be merged.

        Raises:
            NotAllowed: naming it, and when it was removed.
        """
        locked, (register, known, _) = self.locked, self._known
        if register is not None and (base := self._of_base) is not None and names:
            how = register.how("", base, known, self._deltas)
            raise NotAllowed(
                f"{how} the checkpoint that was {base.words}, so nothing can be merged on it. "
                "The Unmerge tab can let it in again, which is written into the log."
            )
        for name in names:
            if name in locked:
                raise NotAllowed(
                    f"'{name}' was {locked[name].how}. "
                    "The Unmerge tab can let it in again, which is written into the log."
                )

    def allow(self, task: str, key: SigningKey) -> None:
        """Let a removed task in again; the log keeps that, signed unless the key is a demo.

        Raises:
            NotAllowed: it is no removed task of this zoo.
        """
        locked = self.locked
        if task not in locked:
            raise NotAllowed("Choose a task that was certified as removed.")
        name = task if self._of_base is None else THE_BASE
        log_override(self._ledger, name, locked[task], key)
        self.allowed.add(locked[task].id)
