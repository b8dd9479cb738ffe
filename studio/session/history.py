"""Undo and redo: the mixes that were shown, where quick moves of one control are one step."""

from collections.abc import Callable

from studio.session.mix import Mix
from studio.session.mixer_strip import controls

_SAME_MOVE = 1.0  # seconds within which moves of one control count as one step of undo
_LONGEST_HISTORY = 500


class History:
    """Mixes that were shown, with undo and redo; quick moves of one control are one step."""

    def __init__(self, first: Mix) -> None:
        self._mixes = [first]
        self._place = 0
        self._last: tuple[str, float] = ("", -1e9)

    @property
    def current(self) -> Mix:
        """The mix that is shown."""
        return self._mixes[self._place]

    @property
    def mixes(self) -> tuple[Mix, ...]:
        """Every mix that could be shown again."""
        return tuple(self._mixes)

    @property
    def before(self) -> Mix | None:
        """The mix before the last move, or None."""
        return self._mixes[self._place - 1] if self._place else None

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier mix."""
        return self._place > 0

    @property
    def can_redo(self) -> bool:
        """Whether an undone mix can come back."""
        return self._place < len(self._mixes) - 1

    def push(self, mix: Mix, control: str, now: float) -> None:
        """Show a mix; ``control`` is what was moved, ``now`` in seconds."""
        if mix == self.current:
            return
        key, when = self._last
        same = control and key == control and now - when < _SAME_MOVE and not self.can_redo
        del self._mixes[self._place + 1 :]
        if same and self._place:
            self._mixes[self._place] = mix
        else:
            self._mixes.append(mix)
            del self._mixes[:-_LONGEST_HISTORY]
            self._place = len(self._mixes) - 1
        self._last = (control, now)

    def change_all(self, change: Callable[[Mix], Mix]) -> None:
        """Change every mix that could be shown again; steps that became equal are one."""
        kept: list[Mix] = []
        place = 0
        for number, mix in enumerate(map(change, self._mixes)):
            if not kept or mix != kept[-1]:
                kept.append(mix)
            if number == self._place:
                place = len(kept) - 1
        self._mixes, self._place = kept, place

    def undo(self) -> None:
        """Go back one step, if there is one."""
        self._place = max(self._place - 1, 0)
        self._last = ("", -1e9)

    def redo(self) -> None:
        """Go forward one step, if there is one."""
        self._place = min(self._place + 1, len(self._mixes) - 1)
        self._last = ("", -1e9)


def moved(before: Mix, after: Mix) -> str:
    """Name of the one control that differs, or '' if several do."""
    both = zip(before.strips, after.strips, strict=True)
    names = [name for a, b in both for name in controls(a, b)]
    if before.method != after.method or before.options != after.options:
        names.append("method")
    return names[0] if len(names) == 1 else ""
