"""A studio for strangers: they move, measure and compare; no path, no key, nothing written."""

import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread

import torch

from studio.disk.temporary import TemporaryFolder
from studio.errors import Cancelled, NotAllowed, Remedy, StudioError
from studio.session.engine import Engine
from studio.session.jobs import Jobs, Work

LONGEST, MOST = 120.0, 20  # seconds of a visitor's job; jobs of a visitor within an hour
MOST_TOGETHER = 60  # of all visitors at one address within an hour: a school has one, say
_HOUR = 3600.0
_MOST_VISITORS = 4096
_INSTEAD = "Install it on your own computer for that."


class ReadOnlyEngine(Engine):
    """An engine whose visitors share nothing but the open zoo, and leave nothing behind.

    Args:
        zoo: its path; nobody opens another one.
        roots: folders that its checkpoints must lie in.
        device: of the live model.
        jobs: of visitors; None for short ones.
    """

    read_only = True

    def __init__(
        self, zoo: Path, roots: tuple[Path, ...], device: torch.device, jobs: Jobs | None = None
    ) -> None:
        self._log = TemporaryFolder("log")  # of nothing: no certificate and no export is written
        super().__init__(zoo, roots, device, self._log.path)
        self.jobs = jobs or ShortJobs()

    def comes_from(self, browser: str, address: str) -> None:
        """Note the address of a visitor, whose jobs are counted by it, too."""
        if isinstance(self.jobs, ShortJobs):
            self.jobs.comes_from(browser, address)

    def close(self) -> None:
        """Stop, and leave no log."""
        super().close()
        self._log.cleanup()

    def inside(self, path: str) -> Path:
        """No path of a visitor is one.

        Raises:
            NotAllowed: always.
        """
        raise NotAllowed(f"This studio is read-only: it neither opens nor writes files. {_INSTEAD}")

    def let_in(self, folder: Path) -> None:
        """No folder is let in.

        Raises:
            NotAllowed: always.
        """
        self.inside(str(folder))

    def unlock(self, passphrase: str) -> None:
        """There is no key.

        Raises:
            NotAllowed: always.
        """
        raise NotAllowed(f"This studio is read-only: it signs nothing. {_INSTEAD}")

    def _allow(self, source: str, name: str) -> None:
        """The zoo's own checkpoints are allowed, although no path of a visitor is."""
        resolved = Path(source).resolve()
        if not any(resolved.is_relative_to(root) for root in self.roots):
            raise NotAllowed(f"'{name}' of the zoo lies outside its folder.", Remedy.ADD_ROOT)


class ShortJobs(Jobs):
    """Jobs of strangers: each ends after a while, and each visitor has so many in an hour.

    A visitor is known by a cookie, which can be thrown away, and so all that come from one
    address have so many together, too: more, for many may share it.

    Args:
        longest: seconds of one, from its start on.
        most: of a visitor within an hour.
        most_together: of all visitors at one address within an hour.
        clock: seconds.
    """

    def __init__(
        self, longest: float = LONGEST, most: int = MOST, most_together: int = MOST_TOGETHER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        super().__init__()
        self._longest, self._most, self._clock = longest, most, clock
        self._together = most_together
        self._counting = Lock()
        self._begun: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._addresses: OrderedDict[str, str] = OrderedDict()
        self._overdue = ""

    def comes_from(self, owner: str, address: str) -> None:
        """Note the address that a visitor comes from now."""
        with self._counting:
            self._addresses[owner] = address
            self._addresses.move_to_end(owner)
            while len(self._addresses) > _MOST_VISITORS:
                self._addresses.popitem(last=False)

    def start(self, name: str, work: Work, owner: str = "") -> Thread:
        """As ``Jobs.start``.

        Raises:
            StudioError: another job is running, or the visitor has had too many.
        """
        with self._counting:
            address = self._addresses.get(owner, "")
            self._refuse("visitor", owner, self._most, "A visitor")
            if address:
                self._refuse("address", address, self._together, "All visitors at one address")
            self.refuse_running(owner)
            self._overdue = ""
            thread = self._timed(super().start(name, work, owner))
            for key in (("visitor", owner), *([("address", address)] if address else [])):
                self._begun[key] = [*self._recent(key), self._clock()]
                self._begun.move_to_end(key)
            while len(self._begun) > _MOST_VISITORS:
                self._begun.popitem(last=False)
        return thread

    def _recent(self, key: tuple[str, str]) -> list[float]:
        now = self._clock()
        return [each for each in self._begun.get(key, []) if now - each < _HOUR]

    def _refuse(self, what: str, who: str, most: int, whose: str) -> None:
        recent = self._recent((what, who))
        if len(recent) >= most:
            minutes = int((_HOUR - (self._clock() - recent[0])) // 60) + 1
            raise StudioError(
                f"{whose} may start {most} jobs in an hour here; the next in {minutes} min. "
                f"{_INSTEAD}"
            )

    def _timed(self, job: Thread) -> Thread:
        """Have a job end once it has had its time, whether it reports or not by then."""

        def watch() -> None:
            job.join(self._longest)
            if job.is_alive():
                self._overdue = (
                    f"Stopped: a visitor's job may take {self._longest:.0f} s here. {_INSTEAD}"
                )
                self.cancel()

        Thread(target=watch, name="watch", daemon=True).start()
        return job

    def _report(self, share: float, words: str) -> None:
        if overdue := self._overdue:
            raise Cancelled(overdue)
        super()._report(share, words)
