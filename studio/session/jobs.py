"""One long job at a time, with progress, cancel and its outcome; and what a browser sees of it."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from studio.errors import Cancelled, StudioError
from studio.progress import Progress
from studio.session.pace import Takes

_AGAIN = "Nothing was changed. Put this right, then start it again."
_ROOM = "Close other programs or use a smaller model, then start it again."
_BUG = "Start it again; if it fails again, restart the studio and report what the terminal says."


Work = Callable[[Progress], tuple[str, ...]]
"""Does a job; returns what ``Jobs.start`` says."""


@dataclass(frozen=True)
class JobState:
    """What the page shows of a job.

    Attributes:
        name: what it does, for people.
        phase: 'running', 'cancelling', 'done', 'failed' or 'cancelled'.
        share: 0 to 1.
        words: what it is doing, or how it ended.
        seconds: since its start, or how long it took.
        result: what it made, once done.
        advice: what to do next, if it failed.
        owner: id of the browser that started it.
        problem: the error that ended it, for a page that has words of its own for what to do.
        warning: what must not be overlooked of what it made.
        notes: what else there is to know of it, a sentence each.
        expected: seconds in all, as earlier jobs tell; None if nothing does.
        tab: title of the one in which it is watched; empty where nobody said.
        control: id of the control that started it; empty where nobody said.
    """

    name: str
    phase: str
    share: float
    words: str
    seconds: float
    result: str = ""
    advice: str = ""
    owner: str = ""
    problem: StudioError | None = None
    warning: str = ""
    notes: tuple[str, ...] = ()
    expected: float | None = None
    tab: str = ""
    control: str = ""

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self.phase in ("running", "cancelling")


@contextmanager
def keeping(said: Callable[[], str]) -> Iterator[None]:
    """For work whose results stay when it is cancelled.

    Args:
        said: what stays, a sentence; asked once it is cancelled.

    Raises:
        Cancelled: with that sentence.
    """
    try:
        yield
    except Cancelled:
        raise Cancelled(f"Cancelled. {said()}") from None


class Jobs:
    """Runs one job in a thread of its own; a page that is reloaded finds it here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancel = threading.Event()
        self._state: JobState | None = None
        self._started = 0.0

    @property
    def state(self) -> JobState | None:
        """The running job, or the last one; None before the first."""
        with self._lock:
            if self._state and self._state.running:
                return replace(self._state, seconds=time.monotonic() - self._started)
            return self._state

    def start(
        self, name: str, work: Work, owner: str = "", takes: Takes | None = None
    ) -> threading.Thread:
        """Start a job.

        Args:
            name: for people.
            work: does it, reporting progress; returns its last words, its result, perhaps what
                must not be overlooked of it, and then what else there is to know, a sentence each.
            owner: id of the browser that asks.
            takes: what it is expected to take; it learns what the job took, once that is done.

        Returns:
            Its thread; once that has ended, another job may start.

        Raises:
            StudioError: another job is running.
        """
        with self._lock:
            self._refuse_running(owner)
            self._cancel.clear()
            self._started = time.monotonic()
            expected = takes.seconds if takes else None
            self._state = JobState(
                name, "running", 0.0, "starting", 0.0, owner=owner, expected=expected
            )
        given = work, takes
        thread = threading.Thread(target=self._run, args=given, name="job", daemon=True)
        thread.start()
        return thread

    def refuse_running(self, owner: str) -> None:
        """Refuse what cannot be done beside a job.

        Raises:
            StudioError: a job is running; another browser is not told what it does.
        """
        with self._lock:
            self._refuse_running(owner)

    def place(self, tab: str, control: str) -> None:
        """Remember where on the page the last job was started."""
        with self._lock:
            if self._state:
                self._state = replace(self._state, tab=tab, control=control)

    def cancel(self) -> None:
        """Ask the running job to stop; it does at its next progress report."""
        with self._lock:
            if self._state and self._state.phase == "running":
                self._cancel.set()
                self._state = replace(self._state, phase="cancelling", words="cancelling")

    def dismiss(self) -> None:
        """Show no job any more, unless one is running."""
        with self._lock:
            if self._state and not self._state.running:
                self._state = None

    def _refuse_running(self, owner: str) -> None:
        if self._state and self._state.running:
            if self._state.owner != owner:
                raise StudioError("A job of another browser is still running; wait for its end.")
            raise StudioError(f"'{self._state.name}' is still running; wait or cancel it.")

    def _run(self, work: Work, takes: Takes | None) -> None:
        try:
            words, result, *more = work(self._report)
            if takes:
                takes.learn(time.monotonic() - self._started)
            self._end("done", words, result, warning="".join(more[:1]), notes=tuple(more[1:]))
        except Cancelled as stop:
            self._end("cancelled", str(stop))
        except StudioError as refusal:
            self._end("failed", str(refusal), advice=_AGAIN, problem=refusal.bare())
        except MemoryError:
            self._end("failed", "Out of memory; nothing was kept.", advice=_ROOM)
        except Exception as bug:
            traceback.print_exc()
            words = f"Internal error ({type(bug).__name__}); the terminal has details."
            self._end("failed", words, advice=_BUG)

    def _report(self, share: float, words: str) -> None:
        if self._cancel.is_set():
            raise Cancelled("Cancelled; nothing was written.")
        with self._lock:
            if self._state and self._state.phase == "running":
                self._state = replace(self._state, share=share, words=words)

    def _end(
        self, phase: str, words: str, result: str = "", advice: str = "",
        problem: StudioError | None = None, warning: str = "", notes: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        with self._lock:
            assert self._state is not None
            seconds = time.monotonic() - self._started
            share = 1.0 if phase == "done" else self._state.share
            ended = replace(self._state, phase=phase, share=share, words=words, seconds=seconds)
            self._state = replace(
                ended, result=result, advice=advice, problem=problem, warning=warning, notes=notes
            )


class BrowserJobs:
    """The long job as one browser may see it: of another's only that it runs.

    Args:
        jobs: of the studio.
        browser: id of the browser.
    """

    def __init__(self, jobs: Jobs, browser: str) -> None:
        self._jobs = jobs
        self._browser = browser

    @property
    def state(self) -> JobState | None:
        """The running job, or this browser's last one; None before the first."""
        state = self._jobs.state
        if state is None or state.owner == self._browser:
            return state
        if not state.running:
            return None
        return replace(state, name="Another browser's job", words="", tab="", control="")

    def start(self, name: str, work: Work, takes: Takes | None = None) -> None:
        """Start a job of this browser, as ``Jobs.start``.

        Raises:
            StudioError: another job is running.
        """
        self._jobs.start(name, work, self._browser, takes)

    def place(self, tab: str, control: str) -> None:
        """Remember where on the page this browser started its job."""
        if self._mine:
            self._jobs.place(tab, control)

    def cancel(self) -> None:
        """Ask the job to stop, if this browser started it."""
        if self._mine:
            self._jobs.cancel()

    def dismiss(self) -> None:
        """Show the last job no more, if this browser started it."""
        if self._mine:
            self._jobs.dismiss()

    @property
    def _mine(self) -> bool:
        state = self._jobs.state
        return state is not None and state.owner == self._browser
