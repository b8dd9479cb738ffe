"""What all pages of a running studio share: the open zoo, its worker, and the one long job."""

import json
import tempfile
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import torch

from studio import cache
from studio.device import used_memory
from studio.errors import NotAllowed, StudioError
from studio.session.jobs import Jobs
from studio.session.session import Session
from studio.session.worker import Worker
from studio.tasks.bench import Bench
from studio.zoo import load_zoo

_MOST_SESSIONS = 64
_MOST_RECENT = 8
_RECENT = "recent-zoos"
_LONGEST_NAME = 255  # bytes that a file system takes


class Engine:
    """One zoo at a time and read-only; any number of browsers, each with a mix of its own.

    Args:
        zoo: path of the zoo that is opened first.
        roots: folders that paths from a page must lie in.
        device: of the live model.
    """

    def __init__(self, zoo: Path, roots: tuple[Path, ...], device: torch.device) -> None:
        self.roots = tuple(root.resolve() for root in roots)
        self.device = device
        self.jobs = Jobs()
        self.lock = threading.RLock()
        self.temporary = tempfile.TemporaryDirectory(prefix="studio-", ignore_cleanup_errors=True)
        self._opening = threading.Lock()
        self._started = False
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._open(zoo)

    def start(self) -> None:
        """Begin to compute; what is there can be looked at before."""
        self._started = True
        self.worker.start()

    def close(self) -> None:
        """Stop the worker and ask a running job to stop."""
        self.jobs.cancel()
        self.worker.stop()
        self.temporary.cleanup()

    def session(self, browser: str) -> Session:
        """The session of a browser, by the id that its cookie holds."""
        with self.lock:
            if browser not in self._sessions:
                self._sessions[browser] = Session(self, browser)
            self._sessions.move_to_end(browser)
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
            return self._sessions[browser]

    def open(self, path: str, browser: str = "") -> None:
        """Open another zoo and let go of the one that is open; it stays if this fails.

        Args:
            path: of the zoo, from a page.
            browser: id of the browser that asks.

        Raises:
            StudioError: the path is outside the roots, the zoo cannot be opened, or a job runs.
        """
        with self._opening:
            self.jobs.refuse_running(browser)
            before = self.worker
            self._open(self.inside(path))
        before.stop()

    def inside(self, path: str) -> Path:
        """A path from a page, resolved.

        Raises:
            NotAllowed: it is empty, or leads outside the roots.
        """
        given = path.strip() if isinstance(path, str) else ""
        if not given or "\0" in given:
            raise NotAllowed("Give a path.")
        resolved = _resolved(given)
        if resolved is None or not any(resolved.is_relative_to(root) for root in self.roots):
            raise NotAllowed(
                f"{given[:_LONGEST_NAME]} is outside the folders this studio may use "
                f"({', '.join(map(str, self.roots))}). Restart it with --root to add another."
            )
        return resolved

    def recent(self) -> list[str]:
        """Zoos opened before on this computer that a page may open, the latest first."""
        allowed = []
        for path in _recent():
            with suppress(StudioError, OSError):
                if self.inside(path).exists():
                    allowed.append(path)
        return allowed

    def memory(self) -> tuple[int, int]:
        """Bytes that this process holds, and bytes of dense deltas among them."""
        return used_memory(), self.worker.bench.deltas.bytes_in_memory

    def _open(self, path: Path) -> None:
        zoo = load_zoo(path)
        for task in zoo.tasks:
            self._refuse_outside(task.checkpoint, task.name)
        self._refuse_outside(zoo.base, "base")
        bench = Bench(zoo, self.device)
        for name in bench.scored():
            bench.tasks[name].rows("held_out")  # a broken data file is refused here, by name
        worker = Worker(bench)
        with self.lock:
            self.zoo = zoo
            self.worker = worker
            if self._started:
                worker.start()
            for each in self._sessions.values():
                each.begin()
        here = str(path.absolute())
        latest = [here, *(each for each in _recent() if each != here)][:_MOST_RECENT]
        cache.keep(_RECENT, json.dumps(latest).encode())

    def _refuse_outside(self, source: str, name: str) -> None:
        if Path(source).is_absolute():
            try:
                self.inside(source)
            except NotAllowed as refusal:
                raise NotAllowed(f"'{name}' of the zoo: {refusal}") from None


def _resolved(path: str) -> Path | None:
    """Where a path leads, or None if the system knows no such path."""
    try:
        resolved = (Path.cwd() / Path(path).expanduser()).resolve()
        fits = all(len(part.encode()) <= _LONGEST_NAME for part in resolved.parts)
    except (OSError, RuntimeError, ValueError):  # a loop, an unknown home, no text
        return None
    return resolved if fits else None


def _recent() -> list[str]:
    known = cache.recall(_RECENT)
    return json.loads(known) if known else []
