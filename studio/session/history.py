"""Undo and redo: the mixes that were shown, where a drag or quick moves are one step."""

from collections.abc import Callable

from studio.session.mix import Mix
from studio.session.mixer_strip import controls

_SAME_MOVE = 1.0  # seconds within which moves of one control count as one step of undo
_LONGEST_HISTORY = 500
_NOTHING = ("", -1e9, "")  # control, when, gesture: none yet


class History:
    """Mixes that were shown, with undo and redo; a drag, or quick moves, are one step."""

    def __init__(self, first: Mix) -> None:
        self._mixes = [first]
        self._place = 0
        self._last = _NOTHING

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

    @property
    def every(self) -> tuple[Mix, ...]:
        """All mixes that undo and redo lead to, in the order in which they were shown."""
        return tuple(self._mixes)

    def push(self, mix: Mix, control: str, now: float, gesture: str = "") -> None:
        """Show a mix.

        Args:
            mix: to show.
            control: that was moved; '' for several.
            now: in seconds.
            gesture: by which a page tells one drag, or key that is held, from the next; '' for
                none. However late its moves come, they are one step.
        """
        if mix == self.current:
            return
        key, when, before = self._last
        soon = now - when < _SAME_MOVE or (gesture != "" and gesture == before)
        same = control and key == control and soon and not self.can_redo
        del self._mixes[self._place + 1 :]
        if same and self._place:
            self._mixes[self._place] = mix
        else:
            self._mixes.append(mix)
            del self._mixes[:-_LONGEST_HISTORY]
            self._place = len(self._mixes) - 1
        self._last = (control, now, gesture)

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
        self._last = _NOTHING

    def redo(self) -> None:
        """Go forward one step, if there is one."""
        self._place = min(self._place + 1, len(self._mixes) - 1)
        self._last = _NOTHING


def moved(before: Mix, after: Mix) -> str:
    """Name of the one control that differs, or '' if several do."""
    both = zip(before.strips, after.strips, strict=True)
    names = [name for a, b in both for name in controls(a, b)]
    if before.method != after.method or before.options != after.options:
        names.append("method")
    return names[0] if len(names) == 1 else ""
