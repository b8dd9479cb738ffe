"""What every part of a session works with: the zoo, its worker, the mix, and the long job.

The parts (comparisons, sequences, sweeps, searches, evidence, exports) are handed one ``Context``
and know nothing of the session that made them, nor of the engine.

**The order of locks.** Whoever holds one may take those below it in this list, never one above:

1. ``Engine.lock``: which zoo is open, and the sessions by browser;
2. ``Session._lock``: one browser's mixer and parts;
3. ``Searches._lock``: its searches;
4. the locks of a ``Bench`` and of its statistics of experts, which report progress;
5. the worker's condition: what pages show, and what is known of it;
6. those of the engine below, which are named in ``docs/architecture.md``;
7. the last ones, which take no other: ``Jobs._lock``, ``OnDemand._lock``, the one of
   ``Downloads``, that of ``RowReading``, and the ledger's locks.

The worker's thread, the threads of ``OnDemand`` and a job's thread hold none of them when they
begin. The first two never take 1 to 3, so that an engine may hold its own lock while it waits
for them to end. A job takes 1 or 2 only for a moment and between its steps, holding nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import torch

from studio.disk.temporary import TemporaryFolder
from studio.errors import StudioError
from studio.evidence.ledger.keys import SigningKey
from studio.evidence.ledger.log import Ledger
from studio.hub.errand import Hub
from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.outcomes import Outcome
from studio.methods import method_type
from studio.progress import Progress
from studio.recipe import Recipe
from studio.session.admission import Admission
from studio.session.downloads import Downloads
from studio.session.jobs import BrowserJobs, Jobs
from studio.session.mix import Mix, mix_of_recipe
from studio.session.mix_words import mix_words
from studio.session.pace import Pace
from studio.session.tried import TriedModels
from studio.session.worker import Worker
from studio.zoo import Zoo


class SharedEngine(Protocol):
    """The engine, as far as a session and its parts know it.

    Attributes:
        path: of the zoo that is open.
        zoo: that is open.
        worker: of that zoo.
        jobs: the one long job.
        ledger: the log.
        key: that certificates are signed with; another one once a key is unlocked.
        temporary: a folder that goes with the studio.
        roots: folders that paths from a page must lie in.
        device: of the live model.
        choose_folder: shows a dialog on this computer's screen, or None.
        hub: what a person may ask of the Hub.
    """

    path: Path
    zoo: Zoo
    worker: Worker
    jobs: Jobs
    ledger: Ledger
    key: SigningKey
    temporary: TemporaryFolder
    hub: Hub
    roots: tuple[Path, ...]
    device: torch.device
    choose_folder: Callable[[], Path | None] | None

    def let_in(self, folder: Path) -> None:
        """Let paths from pages lie in a further folder, until the studio ends."""
        ...

    def take_up(self, path: Path, progress: Progress) -> None:
        """Open a zoo that the studio itself has written, within a job.

        Raises:
            StudioError: it cannot be opened; the open zoo stays.
        """
        ...

    def inside(self, path: str) -> Path:
        """A path from a page, resolved.

        Raises:
            NotAllowed: it is empty, or leads outside the roots.
        """
        ...

    def leave_out_removed(self) -> None:
        """Untick what was certified as removed, in every browser's mix."""
        ...


@dataclass(frozen=True)
class Context:
    """One browser at work on one zoo; another zoo is another context.

    Attributes:
        engine: what all browsers share.
        zoo: that is open.
        worker: that scores and measures what the page shows.
        jobs: the one long job, as this browser may see it.
        admission: keeps out what was certified as removed.
        downloads: what this browser has exported and may take away.
        start: the mix that the zoo starts with.
        mix: the mix that is shown.
        current: the mix that is worked on; another than the shown one during a flip.
        show: has another mix worked on; undo brings the one before back. It raises NotAllowed if
            a task of it was certified as removed.
        tried: models with their outcomes on all held-out rows, which one table ranks.
    """

    engine: SharedEngine
    zoo: Zoo
    worker: Worker
    jobs: BrowserJobs
    admission: Admission
    downloads: Downloads
    start: Mix
    mix: Callable[[], Mix]
    current: Callable[[], Mix]
    show: Callable[[Mix], None]
    tried: TriedModels = field(default_factory=TriedModels)

    @cached_property
    def pace(self) -> Pace:
        """How fast this computer is at the rows of the open zoo."""
        return Pace(self.bench, self._scored, self._begun)

    @property
    def bench(self) -> Bench:
        """The open zoo's deltas, heads, rows and live model."""
        return self.worker.bench

    def recipe(self) -> Recipe:
        """Of the mix that is shown."""
        return self.mix().recipe(self.zoo)

    def _scored(self) -> tuple[Recipe, ...]:
        """Of the mix that is worked on and of the first one, those whose rows are all scored."""
        recipes = (mix.recipe(self.zoo) for mix in (self.current(), self.start))
        known = ((each, self.worker.results.evaluation(each)) for each in recipes)
        return tuple(recipe for recipe, found in known if found and found.done)

    def _begun(self) -> tuple[Evaluation, ...]:
        """Evaluations of the mix that is worked on and of the first one, as far as they are."""
        recipes = (mix.recipe(self.zoo) for mix in (self.current(), self.start))
        return tuple(filter(None, map(self.worker.results.evaluation, recipes)))

    def land(
        self, recipe: Recipe, what: str, outcome: Outcome, seconds: float | None = None
    ) -> None:
        """Put a model into the table of everything tried, see ``TriedModels.land``."""
        try:
            about = mix_words(mix_of_recipe(recipe, self.start))
        except StudioError:  # sliders cannot show it
            about = method_type(recipe.method).title
        self.tried.land(recipe, what, about, outcome, seconds)

    def own_bench(self) -> Bench:
        """A bench with a live model of its own, for a job beside which the page goes on."""
        return Bench(self.zoo, self.bench.device, roots=self.bench.roots)
