"""The jobs of a browser's zoo in the making: its search, and its writing."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from studio.disk.folders import data_folder
from studio.errors import BadData, BadZoo, Findings, StudioError, some
from studio.hub.cache import Cache
from studio.hub.fitting import Fit
from studio.hub.look import RemoteLook
from studio.new_zoo.cost import make_cost, note_make
from studio.new_zoo.dropped import keep_dropped
from studio.new_zoo.finding import find, is_remote
from studio.new_zoo.grouping import propose
from studio.new_zoo.names import as_name
from studio.new_zoo.plan import Plan
from studio.new_zoo.saving import save_zoo
from studio.progress import Progress, part
from studio.session.context import SharedEngine
from studio.session.jobs import BrowserJobs
from studio.session.making import Making
from studio.session.pace import Takes, earlier
from studio.session.remote_fits import remote_fits
from studio.session.row_looks import Draws

_OFTEN = 0.05  # seconds between looks at whether rows were read
SEARCH, FETCH, SAVE = "Search for models", "Fetch from the Hub", "Write the new zoo"


class NewZoos(Making):
    """The part of a session that makes a zoo; it outlives the zoo that is open.

    Attributes:
        remote: repositories of the Hub that were asked for and are not all here yet.
        remote_fits: by id, what of each would merge, and into which base.
    """

    def __init__(self, engine: SharedEngine, browser: str) -> None:
        super().__init__(engine, browser)
        self._jobs = BrowserJobs(engine.jobs, browser)
        self.remote: tuple[RemoteLook, ...] = ()
        self.remote_fits: dict[str, Fit] = {}

    def drop(self, files: Sequence[str]) -> str:
        """Keep files that were dropped into the page; returns the folder that they lie in now.

        Raises:
            BadZoo: they are no adapter and no tables.
        """
        folder = keep_dropped([Path(file) for file in files], data_folder() / "dropped")
        self._engine.let_in(folder)
        return str(folder)

    def ask_for_folder(self) -> str:
        """A folder that a person has chosen on this computer's screen; empty if none was.

        Raises:
            StudioError: no dialog can be shown.
        """
        if self._engine.choose_folder is None:
            raise StudioError("This page has no dialog; type the path.")
        chosen = self._engine.choose_folder()
        if chosen is None:
            return ""
        self._engine.let_in(chosen)
        return str(chosen)

    def start_search(self, places: str, base: str = "") -> None:
        """Search folders, one a line, as a job.

        Args:
            places: paths from a page, and ids of the Hub, whose headers are read.
            base: path or hub id of the base; empty to find it out.

        Raises:
            NotAllowed: a folder is outside the roots.
            StudioError: none is named, or a job is running.
        """
        lines = [line.strip() for line in places.splitlines() if line.strip()]
        if not lines:
            raise BadZoo("Name a folder to search: one that your training has written, say.")
        remote = [line for line in lines if is_remote(line)]
        outside = Findings("The search")
        every = [outside.tried(partial(self._engine.inside, x)) for x in lines if x not in remote]
        outside.refuse()
        folders = [folder for folder in every if folder]
        self.places, self.wanted = "\n".join(lines), base.strip()
        wanted = self.wanted or None

        def work(progress: Progress) -> tuple[str, str]:
            known = [self._engine.hub.look(each, progress=progress) for each in remote]
            refused = [look.refusal for look in known if look.refusal]
            if refused:
                raise BadZoo(" ".join(refused))
            missing = sum(Cache(look).missing for look in known)
            fits = remote_fits(self._engine, known, folders, wanted, self.allow) if missing else {}
            self._show_remote(tuple(known) if missing else (), fits)
            if missing:
                return f"{missing:,} bytes must be fetched from the Hub before they can merge.", ""
            fetched = [self._engine.hub.fetch(look, progress=progress) for look in known]
            for each in fetched:
                self._engine.let_in(each)
            found = find([*folders, *fetched], self.allow, progress, self._engine.roots)
            progress(0.3, "finding out what shares a base")
            made = propose(found, wanted, self.allow, self._engine.roots)
            with self._lock:
                self.found, self.proposals = found, made
                self._rows.forget()
                self.choose(0)
            count = len(found.models)
            return f"Found {count} {'model' if count == 1 else 'models'}.", ""

        self._jobs.start(SEARCH, work)

    def _show_remote(self, looks: tuple[RemoteLook, ...], fits: dict[str, Fit]) -> None:
        with self._lock:
            if (looks, fits) != (self.remote, self.remote_fits):
                self.remote, self.remote_fits = looks, fits
                self.version += 1

    def start_fetch(self) -> None:
        """Fetch what the last search has found on the Hub, as a job; the search is asked again.

        Raises:
            StudioError: nothing is to be fetched, or a job is running.
        """
        remote = self.remote
        if not remote:
            raise BadZoo("There is nothing to fetch; search again.")

        def work(progress: Progress) -> tuple[str, str]:
            for at, look in enumerate(remote):
                self._engine.hub.fetch(
                    look, progress=part(progress, at / len(remote), (at + 1) / len(remote))
                )
            self._show_remote((), {})
            return "Fetched; search again.", ""

        missing = sum(Cache(look).missing for look in remote)
        self._jobs.start(FETCH, work, earlier("fetch", missing))

    def free_folder(self, root: Path) -> str:
        """A new folder for the zoo, called as its base is."""
        stem = as_name(Path(self.proposal.source).name) if self.proposal else "own"
        names = (f"zoo-{stem}" + (f"-{number}" if number else "") for number in range(1000))
        return str(next(root / each for each in names if not (root / each).exists()))

    def start_save(self, name: str, folder: str, seed: int, drop_leaks: bool) -> None:
        """Write the zoo and open it, as a job.

        Args:
            name: of the zoo; that of its folder if empty.
            folder: a new one, from a page.
            seed: of the draws.
            drop_leaks: leave rows of two splits out of all but the held-out one.

        Raises:
            StudioError: nothing was chosen, the folder is outside the roots, or a job is running.
        """
        with self._lock:
            if self.proposal is None or self.proposal.base is None or not self.tasks:
                raise BadZoo("Search for models first, and choose at least one.")
            base, source = self.proposal.base, self.proposal.source
            place = self._engine.inside(folder)
            self.draw(Draws(seed, drop_leaks))
            self._refuse_changed()
            self._refuse_troubles()
        called = name.strip() or place.name

        def work(progress: Progress) -> tuple[str, ...]:
            self._wait_for_rows(part(progress, 0.0, 0.1))
            with self._lock:
                self._refuse_troubles()
                plan = Plan(called, base, source, tuple(self.tasks.values()), seed)
                read, needed = self._as_looked_at(), self.work()
            began = time.monotonic()
            saved = save_zoo(
                plan, place, self._engine.device, part(progress, 0.1, 0.7), self.allow,
                self._engine.roots, drop_leaks, read,
            )  # fmt: skip
            if needed:
                note_make(needed, time.monotonic() - began)
            self._engine.take_up(place, part(progress, 0.7, 1.0))
            return f"Wrote {saved.file} and opened it.", "", "", *saved.notes

        needed = self.work()
        cost = make_cost(needed).seconds if needed else None
        self._jobs.start(SAVE, work, Takes(cost, lambda seconds: None))  # the make itself is noted

    def _refuse_changed(self) -> None:
        """Refuse to write rows that nobody has looked at."""
        if files := self.refresh():
            raise BadData(
                f"{some(files)} changed since its rows were looked at. It is read again: look at "
                "it, then write the zoo."
            )

    def _refuse_troubles(self) -> None:
        for trouble in self.troubles.values():
            raise trouble.bare()

    def _wait_for_rows(self, progress: Progress) -> None:
        """Until the rows of all tasks were looked at."""
        while state := self.reading:
            progress(state.share, state.words)
            time.sleep(_OFTEN)
