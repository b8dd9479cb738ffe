"""What all pages of a running studio share: the open zoo, its worker, and the one long job."""

import gc
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from studio.checkpoints.resident import bytes_in_memory
from studio.demo import DEMOS
from studio.device import device_memory, used_memory
from studio.disk.folders import data_folder
from studio.disk.temporary import TemporaryFolder
from studio.errors import NotAllowed, StudioError
from studio.evidence.ledger.keys import demo_key, has_key, make_key, open_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.pending import adopt_orphans
from studio.evidence.ledger.report import warnings
from studio.hub.errand import Hub
from studio.measure.bench import Bench
from studio.preflight import Preflight, preflight
from studio.progress import Progress, attended, silent
from studio.session.jobs import Jobs
from studio.session.mix import starting_mix
from studio.session.other_zoos import demo_zoos, keep_recent, recent_zoos, zoo_choices
from studio.session.pace import earlier
from studio.session.roots import inside_roots
from studio.session.session import Session
from studio.session.shipped import Shipped, read_shipped
from studio.session.worker import Worker
from studio.zoo import Zoo, load_zoo

_MOST_SESSIONS = 64
_LOOKING = 10.0  # seconds in which every page that is open looks
_AWAY = 600.0  # seconds without a question after which a browser is taken to be closed


@dataclass(frozen=True)
class Memory:
    """Bytes in use.

    Attributes:
        process: that this process holds.
        deltas: dense deltas among them.
        device: taken on the device of the live model; None if that is the CPU.
        device_total: that the device has, or None.
        worn: dtype of the live model's weights where float32 would not fit; else empty.
    """

    process: int
    deltas: int
    device: int | None = None
    device_total: int | None = None
    worn: str = ""


class Engine:
    """One zoo at a time and read-only; any number of browsers, each with a mix of its own.

    Args:
        zoo: path of the zoo that is opened first.
        roots: folders that paths from a page must lie in.
        device: of the live model.
        ledger: folder of the log and the signing key; None for the one in the user's data folder.
        hub: what a person may ask of the Hub; None forbids all.

    Attributes:
        key: that certificates are signed with; thrown away with the studio until one is unlocked.
        orphans: sentences on exports that were cut off before the log knew of them.
        choose_folder: shows a dialog on this computer's screen; None if it has none, or if others
            than the person at it are let in.
        restart: the command that starts it again as it was started.
        read_only: whether it is for strangers, who may write nothing.
    """

    read_only = False

    def __init__(
        self, zoo: Path, roots: tuple[Path, ...], device: torch.device,
        ledger: Path | None = None, hub: Hub | None = None,
    ) -> None:  # fmt: skip
        self.hub = hub or Hub(forbidden=True)
        self.roots = tuple(root.resolve() for root in roots)
        self.device = device
        self.jobs = Jobs()
        self.ledger = Ledger(ledger or data_folder())
        self.key = demo_key()
        self.orphans = _orphans(self.ledger)
        self.lock = threading.RLock()
        self.opened = 0
        self.temporary = TemporaryFolder("live")
        self.choose_folder: Callable[[], Path | None] | None = None
        self.restart = "python app.py"
        self._started = False
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._seen: dict[str, float] = {}
        self.take_up(zoo)

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
            self._seen[browser] = time.monotonic()
            for old in list(self._sessions)[:-_MOST_SESSIONS]:
                self._sessions[old].leave()
                self._forget(old)
            return self._sessions[browser]

    def comes_from(self, browser: str, address: str) -> None:
        """Note the address of a browser; of no use where nobody is a stranger."""

    def browsers(self) -> int:
        """How many have been heard of within the last seconds, be it a look at a page at rest."""
        with self.lock:
            return sum(time.monotonic() - seen < _LOOKING for seen in self._seen.values())

    def unlock(self, passphrase: str) -> None:
        """Sign with the ledger's own key from now on; the first time, make it.

        The log's present head is signed at once.

        Raises:
            BadCertificate: the passphrase is wrong, or too short for a key.
            BadLedger: the log was edited, or is another key's.
        """
        folder = self.ledger.folder
        key = (open_key if has_key(folder) else make_key)(folder, passphrase)
        self.ledger.append("key unlocked", {"fingerprint": key.fingerprint}, key)
        self.key = key

    def leave_out_removed(self) -> None:
        """Untick what was certified as removed, in every browser's mix."""
        with self.lock:
            for each in self._sessions.values():
                each.leave_out_removed()

    def look(self, path: str) -> Preflight:
        """Look at another zoo without opening it.

        Raises:
            StudioError: the path is outside the roots, or there is no zoo file that can be read.
        """
        return preflight(load_zoo(self.inside(path)), self._allow, self.roots)

    def start_open(self, path: str, browser: str = "") -> None:
        """Open another zoo as a job.

        Args:
            path: of the zoo, from a page.
            browser: id of the browser that asks.

        Raises:
            NotAllowed: the path is outside the roots.
            StudioError: a job is running.
        """
        inside = self.inside(path)

        def work(progress: Progress) -> tuple[str, str]:
            self.take_up(inside, progress)
            return f"Opened '{self.zoo.name}'.", ""

        self.jobs.start(f"Open {inside.name}", work, browser, earlier(f"open {inside}", 1))

    def open(self, path: str, browser: str = "") -> None:
        """As ``start_open``, at once: the zoo that is open stays if this fails.

        Raises:
            StudioError: the path is outside the roots, the zoo cannot be opened, or a job runs.
        """
        self.jobs.refuse_running(browser)
        self.take_up(self.inside(path))

    def let_in(self, folder: Path) -> None:
        """Let paths from pages lie in a further folder, until the studio ends.

        Only for what a person has chosen at this computer, or the studio has made itself.
        """
        with self.lock:
            if (resolved := folder.resolve()) not in self.roots:
                self.roots = (*self.roots, resolved)

    def inside(self, path: str) -> Path:
        """A path from a page, resolved.

        Raises:
            NotAllowed: it is empty, or leads outside the roots.
        """
        return inside_roots(path, self.roots)

    def recent(self) -> list[str]:
        """Zoos opened before on this computer that a page may open, the latest first."""
        return recent_zoos(self.inside)

    def demos(self) -> dict[str, str]:
        """The studio's own zoos that a page may open in place of the open one: {name: path}."""
        return demo_zoos(self.inside, self.path)

    def choices(self) -> dict[str, str]:
        """What a page can open in place of the open zoo: {words: path}."""
        return zoo_choices(self.demos(), self.recent(), self.path)

    def memory(self) -> Memory:
        """What is in use now."""
        bench = self.worker.bench
        worn = "" if bench.dtype is torch.float32 else str(bench.dtype)[len("torch.") :]
        about = used_memory(), bytes_in_memory(bench.deltas), *device_memory(self.device)
        return Memory(*about, worn)

    def take_up(self, path: Path, progress: Progress = silent) -> None:
        """Open a zoo; the open one is let go once this one is known to be good."""
        zoo = load_zoo(path)
        progress(0.0, "looking at the headers")
        preflight(zoo, self._allow, self.roots).refuse()
        made = partial(_bench, zoo, self.device, self.roots)
        bench = attended(made, progress, 0.1, "reading checkpoints, heads and rows")
        shipped = _shipped(path, bench)
        progress(0.9, "letting go of the zoo that was open")
        with self.lock:
            if self.opened:
                self.worker.stop()
            self.path, self.zoo, self.worker = path.absolute(), zoo, Worker(bench, shipped)
            self.opened += 1
            for browser in [b for b, seen in self._seen.items() if time.monotonic() - seen > _AWAY]:
                self._forget(browser)
            for each in self._sessions.values():
                each.begin()
            if self._started:
                gc.collect()  # models and workers refer to themselves; the next takes memory soon
                self.worker.start()
        keep_recent(self.path)

    def _forget(self, browser: str) -> None:
        self._sessions.pop(browser).new_zoos.stop_reading()
        del self._seen[browser]

    def _allow(self, source: str, name: str) -> None:
        """Refuse a checkpoint outside the roots; hub ids are looked up in the local cache."""
        if Path(source).is_absolute():
            try:
                self.inside(source)
            except NotAllowed as refusal:
                raise refusal.within(f"'{name}' of the zoo") from None


def _orphans(ledger: Ledger) -> list[str]:
    """Sentences on exports that were cut off, and on what is wrong with the log or beside it."""
    try:
        return [*adopt_orphans(ledger), *warnings(ledger)]
    except StudioError as problem:
        return [str(problem)]


def _shipped(path: Path, bench: Bench) -> Shipped | None:
    """What the studio's own zoos ship of their starting mix; of others' no number is believed."""
    if path.resolve() not in {each.resolve() for each in DEMOS.values()}:
        return None
    return read_shipped(path, bench, starting_mix(bench.zoo).recipe(bench.zoo))


def _bench(zoo: Zoo, device: torch.device, roots: tuple[Path, ...]) -> Bench:
    bench = Bench(zoo, device, roots=roots)
    for name in bench.scored():
        bench.tasks[name].rows("held_out")  # a broken data file is refused here, by name
    for each in bench.general.values():
        each.rows("held_out")
    return bench
