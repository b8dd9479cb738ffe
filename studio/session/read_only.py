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

    Args:
        longest: seconds of one.
        most: of a visitor within an hour.
        clock: seconds.
    """

    def __init__(
        self, longest: float = LONGEST, most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        super().__init__()
        self._longest, self._most, self._clock = longest, most, clock
        self._counting = Lock()
        self._begun: OrderedDict[str, list[float]] = OrderedDict()

    def start(self, name: str, work: Work, owner: str = "") -> Thread:
        """As ``Jobs.start``.

        Raises:
            StudioError: another job is running, or the visitor has had too many.
        """
        now = self._clock()
        with self._counting:
            recent = [each for each in self._begun.get(owner, []) if now - each < _HOUR]
            if len(recent) >= self._most:
                minutes = int((_HOUR - (now - recent[0])) // 60) + 1
                raise StudioError(
                    f"A visitor may start {self._most} jobs in an hour here; the next in {minutes} "
                    f"min. {_INSTEAD}"
                )
        thread = super().start(name, work, owner)
        with self._counting:
            self._begun[owner] = [*recent, now]
            self._begun.move_to_end(owner)
            while len(self._begun) > _MOST_VISITORS:
                self._begun.popitem(last=False)
        return thread

    def _report(self, share: float, words: str) -> None:
        state = self.state
        if state and state.seconds > self._longest:
            raise Cancelled(
                f"Stopped: a visitor's job may take {self._longest:.0f} s here. {_INSTEAD}"
            )
        super()._report(share, words)
