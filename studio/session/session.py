"""One browser's work in a running studio: its mixer, its live results, and its parts."""

import threading

import yaml

from studio.checkpoints.deltas import Deltas
from studio.inspection import checkpoint_summaries, warnings
from studio.measure.bench import known_digests
from studio.recipe import Recipe
from studio.session.admission import Admission
from studio.session.best import Bests
from studio.session.compare import Comparisons
from studio.session.context import Context, SharedEngine
from studio.session.downloads import Downloads
from studio.session.evidence import Evidence
from studio.session.examples import Examples
from studio.session.export import Exports
from studio.session.fusion import Fusions
from studio.session.interference import Disturbances
from studio.session.jobs import BrowserJobs, JobState
from studio.session.learn import Learn
from studio.session.mix import Mix, mix_of_recipe
from studio.session.mix_log import MixLog
from studio.session.mixer import Mixer
from studio.session.new_zoo import NewZoos
from studio.session.planes import Planes
from studio.session.push import Pushes
from studio.session.rankings import Rankings
from studio.session.recipe_upload import read_upload
from studio.session.search import Searches
from studio.session.sequence import Sequences
from studio.session.snapshot import Snapshot, take_snapshot
from studio.session.states import States
from studio.session.sweep import Sweeps
from studio.session.taken_out import TakenOut
from studio.session.training import Trainings
from studio.session.wall import Wall
from studio.session.writing import Writings


class Session:
    """One browser's view: its mixer, and the parts that work on what it shows.

    Tabs of one browser share it, and it outlives reloads; the mix outlives the studio, too.

    Args:
        engine: what all sessions share.
        browser: id of the browser; '' or with a space for one whose mix is not kept on disk.

    Attributes:
        zoo: that is open.
        worker: that scores and measures what the page shows.
        admission: keeps out what was certified as removed.
        mixer: the mix, its history and the pinned one.
        context: what the parts are handed.
        new_zoos, trainings: a zoo and experts in the making; they outlive the one that is open.
        examples, writings, comparisons, fusions, rankings, log, sequences, sweeps, searches, bests,
            evidence, taken_out, wall, exports, pushes, disturbances, learn, planes, states: parts.
    """

    def __init__(self, engine: SharedEngine, browser: str) -> None:
        self.engine, self.browser = engine, browser
        self._lock = threading.RLock()
        self._taken = Downloads()
        self.new_zoos = NewZoos(engine, browser)
        self.trainings = Trainings(engine, browser, self.new_zoos)
        self.begin()

    def begin(self) -> None:
        """Take up the open zoo: the mix last shown of it by this browser, or the starting mix."""
        with self._lock:
            self.zoo, self.worker = self.engine.zoo, self.engine.worker
            deltas = self.worker.bench.deltas
            self.admission = Admission(self.engine.ledger, deltas)
            self.mixer = Mixer(self.zoo, deltas, self.admission, self.browser)
            self.context = Context(
                self.engine, self.zoo, self.worker, BrowserJobs(self.engine.jobs, self.browser),
                self.admission, self._taken, self.mixer.start, lambda: self.mix, self._current,
                self.show_mix,
            )  # fmt: skip
            before, pinned = self._before, lambda: self.mixer.pinned
            self.examples = Examples(self.context, self.browser, before, pinned, self._lock)
            self.writings = Writings(self.context, self.browser, before, self._lock)
            self.comparisons = Comparisons(self.context, pinned)
            self.rankings, self.fusions = Rankings(self.context, pinned), Fusions(self.context)
            self.log = MixLog(self.context, self.pin_mix)
            self.sequences, self.sweeps = Sequences(self.context), Sweeps(self.context)
            self.searches, self.evidence = Searches(self.context), Evidence(self.context)
            self.bests = Bests(self.context)
            self.taken_out = TakenOut(self.context, self.evidence)
            self.wall = Wall(self.context, self.evidence, self.taken_out)
            self.exports, self.pushes = Exports(self.context), Pushes(self.context)
            self.disturbances, self.states = Disturbances(self.context), States(self.context)
            self.learn, self.planes = Learn(self.context), Planes(self.context)
            self._show()

    def attend(self) -> None:
        """A page was opened: end a flip whose key was never seen to rise, and compute again."""
        with self._lock:
            self.mixer.flipped = False
            self.mixer.leave_out_removed()
            self._show()

    def leave_out_removed(self) -> None:
        """Untick what was certified as removed, in the shown mix and in the pinned one."""
        with self._lock:
            if self.mixer.leave_out_removed():
                self._show()

    def leave(self) -> None:
        """Have nothing computed for this browser any more; its mix is kept for a later visit."""
        self.worker.forget(self.browser)
        self.new_zoos.stop_reading()

    @property
    def mix(self) -> Mix:
        """The mix that is shown."""
        with self._lock:
            return self.mixer.mix

    @property
    def overruled(self) -> int:
        """How often the mix was changed behind the page's back, since this zoo was opened."""
        return self.mixer.overruled

    def move(self, value: object) -> None:
        """Take over what the page's mixer sent.

        Raises:
            BadRecipe: it holds something that cannot be merged; nothing changes.
        """
        with self._lock:
            self.mixer.move(value)
            self._show()

    def edit(self, action: str) -> None:
        """One of the mixer's buttons and keys.

        Args:
            action: equal, halve, reset, undo, redo, pin (compare with this mix from now on), flip
                and unflip (show the pinned mix, and back), 'earlier:TASK', or 'dtype:NAME' of an
                export ('dtype:' for the base's).

        Raises:
            BadRecipe: it is none of these; nothing changes.
        """
        with self._lock:
            self.mixer.edit(action)
            self._show()

    def load_recipe(self, text: str) -> tuple[str, ...]:
        """Show the mix of a recipe file, or of mergekit's; undo brings the one before back.

        Returns what to know of a recipe that was converted, a sentence each. It raises BadRecipe if
        it is no recipe, or not one of this zoo's tasks.
        """
        recipe, notes = read_upload(text, self.zoo, self.worker.bench.deltas, self.mixer.start)
        self.show_recipe(recipe)
        return notes

    def show_recipe(self, recipe: Recipe) -> None:
        """Show a recipe's mix, if sliders can; undo brings the one before back."""
        self.show_mix(mix_of_recipe(recipe, self.mixer.start))

    def links(self) -> tuple[str, str]:
        """What an address says of the mix that is worked on, and of the pinned one."""
        with self._lock:
            return self.mixer.links

    def open_link(self, shown: str, pinned: str) -> None:
        """Show the mix of an address, and pin the other one; see ``Mixer.open_link``."""
        with self._lock:
            self.mixer.open_link(shown, pinned)
            self._show()

    def show_mix(self, mix: Mix) -> None:
        """Show another mix, unless a task was certified as removed; undo brings this one back."""
        with self._lock:
            self.mixer.show(mix)
            self._show()

    def pin_mix(self, mix: Mix) -> None:
        """Compare with a mix from now on; NotAllowed if a task of it was certified as removed."""
        with self._lock:
            self.admission.refuse(mix.ticked)
            self.mixer.pinned, self.mixer.flipped = mix, False
            self._show()

    def mixer_value(self) -> dict:
        """What the page's mixer is drawn from."""
        with self._lock:
            return self.mixer.value(self.searches.moving())

    def snapshot(self) -> Snapshot:
        """Everything the page shows, at this moment."""
        with self._lock:
            self.log.watch()
            return take_snapshot(self.context, self.mixer, self.job())

    def job(self) -> JobState | None:
        """The long job, or the reading of rows; of another browser's only that it runs."""
        job = self.context.jobs.state
        return job if job and job.running else self.new_zoos.reading or job

    def cancel_job(self) -> None:
        """Ask what is shown to stop, if this browser started it."""
        job = self.context.jobs.state
        (self.context.jobs.cancel if job and job.running else self.new_zoos.stop_reading)()

    def dismiss_job(self) -> None:
        """Show the last job no more, if this browser started it."""
        self.context.jobs.dismiss()

    def preflight(self) -> tuple[list[dict], list[str]]:
        """What is in the zoo, and what to know about it: from headers, heads, inner products."""
        bench = self.worker.bench
        return checkpoint_summaries(bench.deltas, bench.notes), warnings(bench.gram)

    def recipe_text(self) -> str:
        """The shown recipe as a file that can lie anywhere: its paths are absolute."""
        return _as_file(self.context.recipe(), self.worker.bench.deltas)

    def wait_for_rows(self, seconds: float) -> None:
        """Give the first rows of the shown recipe a moment, so that an answer can hold them."""
        self.worker.wait_for_rows(self.context.recipe(), seconds)

    def _current(self) -> Mix:
        with self._lock:
            return self.mixer.current

    def _before(self) -> Mix:
        with self._lock:
            return self.mixer.before

    def _show(self) -> None:
        """Have the mix computed, and behind it the pinned one; keep both for a later start."""
        self.log.watch()
        pinned = self.mixer.pinned.recipe(self.zoo)
        self.worker.want(self.context.recipe(), self.browser, pinned)
        self.writings.want()
        self.mixer.keep()


def _as_file(recipe: Recipe, deltas: Deltas) -> str:
    """A recipe with the digests of its checkpoints, as YAML."""
    plain = recipe.with_digests(dict(known_digests(deltas, recipe.names))).plain()
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
