"""What one browser looks at of rows and of a text of its own, by the mix that it shows."""

from collections.abc import Callable, Sequence
from threading import RLock

from studio.errors import BadData
from studio.measure.examples import RowAt
from studio.measure.showcase import Likeliest, Reading, ShownRow, reads_typed, shown_rows
from studio.session.context import Context
from studio.session.mix import Mix

Looks = tuple[Likeliest | None, ...]
_LONGEST_TEXT = 10_000


class Examples:
    """Held-out rows before the last move and now, and a text that every head reads.

    Args:
        context: of the session.
        browser: id of the browser.
        before: the mix before the last move.
        pinned: the mix that the shown one is compared with.
        lock: of the session.

    Attributes:
        own_text: that is read by every head; empty for none.
        only_changed: whether the rows to look at are those that the last move has changed.
    """

    def __init__(
        self, context: Context, browser: str, before: Callable[[], Mix], pinned: Callable[[], Mix],
        lock: RLock,
    ) -> None:  # fmt: skip
        self._context, self._browser = context, browser
        self._before, self._pinned, self._lock = before, pinned, lock
        self.own_text, self.only_changed = "", False

    @property
    def reads(self) -> bool:
        """Whether a typed text is read by any head."""
        bench = self._context.bench
        tasks = (bench.tasks[name] for name in bench.scored())
        return any(reads_typed(task) for task in tasks)

    def rows(self) -> tuple[list[ShownRow], int]:
        """A dozen held-out rows as the mix before the last move and the shown one read them.

        Returns:
            The rows, and how many changed among all that both have seen.
        """
        results = self._context.worker.results
        with self._lock:
            before = results.evaluation(self._before().recipe(self._context.zoo))
            now = results.evaluation(self._context.recipe())
            return shown_rows(now, before, self.only_changed) if now else ([], 0)

    def looks(self, rows: Sequence[ShownRow]) -> dict[RowAt, Looks]:
        """The likeliest options of the shown rows that are pictures, by four models.

        What is not known yet is looked at from now on, in place of what was looked at before.

        Returns:
            By row: the options by base, expert, before and now; None of a model that has not
            looked.
        """
        asked = [row.at for row in rows if row.picture is not None]
        context, worker = self._context, self._context.worker
        with self._lock:
            own = (
                context.recipe(),
                self._before().recipe(context.zoo),
                context.bench.untouched().recipe,
            )
            now, before, base = own
            experts = {name: context.bench.expert(name).recipe for name, _ in asked}
            apart = [
                (expert, tuple(row for row in asked if row[0] == name))
                for name, expert in experts.items()
            ]
            everyone = [(recipe, tuple(asked)) for recipe in own] if asked else []
            worker.want_looks([*everyone, *apart], self._browser)
        models = {row: (base, experts[row[0]], before, now) for row in asked}
        return {
            row: tuple(worker.results.looked(recipe, row) for recipe in four)
            for row, four in models.items()
        }

    def read(self, text: object) -> None:
        """Have a text of one's own read by the shown mix and the pinned one, from now on.

        Raises:
            BadData: it is no text, or too long.
        """
        with self._lock:
            self.own_text = page_text(text).strip()
            self._context.worker.want_text(self.own_text, self._browser)

    def readings(self) -> tuple[dict[str, Reading], dict[str, Reading]]:
        """What every head makes of the own text: by the shown mix, and by the pinned one."""
        read = self._context.worker.results.reading
        with self._lock:
            pinned = self._pinned().recipe(self._context.zoo)
            return read(self._context.recipe(), self.own_text), read(pinned, self.own_text)


def page_text(text: object) -> str:
    """What a box for text on the page holds.

    Raises:
        BadData: it is no text, or too long.
    """
    if not isinstance(text, str):
        raise BadData("The page sent no text; reload the page.")
    if len(text) > _LONGEST_TEXT:
        raise BadData(f"The text has {len(text):,} letters; at most {_LONGEST_TEXT:,} are read.")
    return text
