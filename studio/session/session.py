"""One browser's work in a running studio: the mix and its history, live results, exports."""

import json
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from studio.disk import cache
from studio.disk.files import mapping, parse_yaml
from studio.errors import BadData, BadRecipe, StudioError
from studio.inspection import checkpoint_summaries, warnings
from studio.measure.showcase import Reading, ShownRow, shown_rows
from studio.recipe import Recipe, parse_recipe
from studio.session.admission import Admission
from studio.session.compare import Comparisons
from studio.session.drawn import drawn
from studio.session.evidence import Evidence
from studio.session.export import Exports
from studio.session.history import History, moved
from studio.session.jobs import JobState
from studio.session.mix import Mix, mix_from_page, mix_from_plain, mix_of_recipe, starting_mix
from studio.session.packed import Packed
from studio.session.search import Searches
from studio.session.sequence import Sequences
from studio.session.snapshot import Snapshot
from studio.session.sweep import Sweeps

if TYPE_CHECKING:
    from studio.session.engine import Engine

_LONGEST_TEXT = 10_000
_ACTIONS = (
    "equal", "halve", "reset", "undo", "redo", "pin", "flip", "unflip", "earlier", "dtype",
)  # fmt: skip


class Session(Exports):
    """One browser's view: its mix with history, and the mix it is compared with.

    Tabs of one browser share it, and it outlives reloads; the mix outlives the studio, too.

    Args:
        engine: what all sessions share.
        browser: id of the browser; '' or with a space for one whose mix is not kept on disk.

    Attributes:
        own_text: that is read by every head; empty for none.
        only_changed: whether the rows to look at are those that the last move has changed.
        evidence: of what is unmerged.
        comparing: of methods.
        arrivals: tasks that arrive one after another.
        sweeping: of numbers of the mix.
        optimizing: searches for coefficients.
        admission: keeps out what was certified as removed.
        overruled: how often it has changed the mix behind the page's back.
    """

    def __init__(self, engine: "Engine", browser: str) -> None:
        self.engine = engine
        self.browser = browser
        self._lock = threading.RLock()
        self._kept = ""
        self.overruled = 0
        self._packed = Packed(engine.temporary.name)
        self.begin()

    def begin(self) -> None:
        """Take up the open zoo: the mix last shown of it by this browser, or the starting mix."""
        with self._lock:
            self.zoo, self.worker = self.engine.zoo, self.engine.worker
            deltas = self.worker.bench.deltas
            named = dict(zip(deltas.tasks, deltas.checkpoints, strict=True))
            self._tensors = {n: tuple(j.shared) for n, j in zip(named, deltas.joins, strict=True)}
            self.admission = Admission(self.engine.ledger, named)
            self.pinned = self._starting = self.admission.without(starting_mix(self.zoo))
            self.flipped = False
            self.own_text = ""
            self.only_changed = False
            self.evidence = Evidence(self)
            self.comparisons = Comparisons(self)
            self.sequences = Sequences(self)
            self.sweeps = Sweeps(self)
            self.searches = Searches(self)
            self.history = History(self._starting)
            self._kept = self._text()
            if known := cache.recall(self._key()):
                with suppress(StudioError, KeyError, TypeError, AttributeError, ValueError):
                    kept = json.loads(known)
                    mix, pinned = (
                        mix_from_plain(kept[which], self._starting) for which in ("mix", "pinned")
                    )
                    self.pinned, self.history = pinned, History(mix)
                    self.leave_out_removed()
                self._kept = self._text()
            self._show()

    def attend(self) -> None:
        """A page was opened: end a flip whose key was never seen to rise, and compute again."""
        with self._lock:
            self.flipped = False
            self.leave_out_removed()
            self._show()

    def leave_out_removed(self) -> None:
        """Untick what was certified as removed, in the shown mix and in the pinned one."""
        with self._lock:
            before = self.pinned, self.history.current
            self.pinned = self.admission.without(self.pinned)
            self.history.change_all(self.admission.without)
            if (self.pinned, self.history.current) != before:
                self.overruled += self.history.current != before[1]  # the mixer is drawn anew
                self._show()

    def leave(self) -> None:
        """Have nothing computed for this browser any more; its mix is kept for a later visit."""
        self.worker.forget(self.browser)

    @property
    def mix(self) -> Mix:
        """The mix that is shown."""
        return self.pinned if self.flipped else self.history.current

    def move(self, value: object) -> None:
        """Take over what the page's mixer sent.

        Raises:
            BadRecipe: it holds something that cannot be merged; nothing changes.
        """
        with self._lock:
            mix = mix_from_page(value, self.mix)
            self.admission.refuse(mix.ticked)
            self.history.push(mix, moved(self.mix, mix), time.monotonic())
            self.flipped = False
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
            name, _, about = action.partition(":") if isinstance(action, str) else ("", "", "")
            known = {"earlier": self.mix.names, "dtype": (about,)}.get(name, ("",))
            if name not in _ACTIONS or about not in known:
                raise BadRecipe("The page asked for something unknown; reload the page.")
            self.flipped = name == "flip"
            if name in ("undo", "redo"):
                self.leave_out_removed()
                getattr(self.history, name)()
            elif name == "pin":
                self.pinned = self.mix
            elif name not in ("flip", "unflip"):
                mix = {
                    "equal": self.mix.equal,
                    "halve": self.mix.halved,
                    "reset": lambda: self.admission.without(starting_mix(self.zoo)),
                    "earlier": lambda: self.mix.earlier(about),
                    "dtype": lambda: self.mix.with_dtype(about or None),
                }[name]()
                self.history.push(mix, "", time.monotonic())
            self._show()

    def load_recipe(self, text: str) -> None:
        """Show the mix of a recipe file; undo brings the one before back.

        Raises:
            BadRecipe: it is no recipe, or not one of this zoo's tasks.
        """
        where = "The recipe"
        data = mapping(parse_yaml(text, where, BadRecipe), where, BadRecipe)
        self.show_recipe(parse_recipe(data, self.zoo.folder, where))

    def show_recipe(self, recipe: Recipe) -> None:
        """Show a recipe's mix; undo brings the one before back.

        Raises:
            BadRecipe: it is not one of this zoo's tasks, or beyond the mixer's limits.
        """
        self.show_mix(mix_of_recipe(recipe, self._starting))

    def show_mix(self, mix: Mix) -> None:
        """Show another mix of this zoo's tasks; undo brings the one before back.

        Raises:
            BadRecipe: a task of it was certified as removed.
        """
        with self._lock:
            self.admission.refuse(mix.ticked)
            self.history.push(mix, "", time.monotonic())
            self._show()

    def mixer_value(self) -> dict:
        """What the page's mixer is drawn from."""
        with self._lock:
            moving = self.searches.moving()
            return drawn(moving or self.mix, self._tensors) | {
                "locked": moving is not None,
                "flipped": self.flipped,
                "can_pin": self.mix != self.pinned,
                "can_undo": self.history.can_undo,
                "can_redo": self.history.can_redo,
            }

    def snapshot(self) -> Snapshot:
        """Everything the page shows, at this moment."""
        with self._lock:
            recipe, pinned = self._recipe(), self.pinned.recipe(self.zoo)
            worker, bench = self.worker, self.worker.bench
            known = worker.evaluation(recipe)
            job = self.job()
            return Snapshot(
                version=worker.version,
                zoo=self.zoo,
                mix=self.mix,
                recipe=recipe,
                scores=worker.shown_scores(recipe),
                changes=worker.changes(recipe, pinned),
                is_pinned=recipe.digest == pinned.digest,
                flipped=self.flipped,
                rows={name: len(bench.tasks[name].rows("held_out")) for name in bench.scored()},
                share=known.share if known else 0.0,
                seen=bool(known and known.seen),
                experts=dict(worker.experts),
                head_only=dict(worker.head_only),
                base=dict(worker.base),
                refusal=worker.refusal(recipe) or worker.refusal_of_references,
                refused=bool(worker.refusal(recipe)),
                geometry=worker.geometry(recipe),
                order=worker.order(recipe),
                job=job,
                measuring=worker.measuring.words(recipe),
                busy=not worker.idle or bool(job and job.running),
            )

    def shown_rows(self) -> tuple[list[ShownRow], int]:
        """A dozen held-out rows as the mix before the last move and the shown one read them.

        Returns:
            The rows, and how many changed among all that both have seen.
        """
        with self._lock:
            earlier = self.history.current if self.flipped else self.history.before
            before = self.worker.evaluation((earlier or self.pinned).recipe(self.zoo))
            now = self.worker.evaluation(self._recipe())
            return shown_rows(now, before, self.only_changed) if now else ([], 0)

    def read(self, text: object) -> None:
        """Have a text of one's own read by the shown mix and the pinned one, from now on.

        Raises:
            BadData: it is no text, or too long.
        """
        if not isinstance(text, str):
            raise BadData("The page sent no text; reload the page.")
        if len(text) > _LONGEST_TEXT:
            raise BadData(
                f"The text has {len(text):,} letters; at most {_LONGEST_TEXT:,} are read."
            )
        with self._lock:
            self.own_text = text.strip()
            self.worker.want_text(self.own_text, self.browser)

    def readings(self) -> tuple[dict[str, Reading], dict[str, Reading]]:
        """What every head makes of the own text: by the shown mix, and by the pinned one."""
        with self._lock:
            both = self._recipe(), self.pinned.recipe(self.zoo)
            now, pinned = (self.worker.reading(recipe, self.own_text) for recipe in both)
            return now, pinned

    def job(self) -> JobState | None:
        """The long job; of another browser's only that it runs."""
        state = self.engine.jobs.state
        if state is None or state.owner == self.browser:
            return state
        return replace(state, name="Another browser's job", words="") if state.running else None

    def cancel_job(self) -> None:
        """Ask the job to stop, if this browser started it."""
        state = self.engine.jobs.state
        if state and state.owner == self.browser:
            self.engine.jobs.cancel()

    def dismiss_job(self) -> None:
        """Show the last job no more, if this browser started it."""
        state = self.engine.jobs.state
        if state and state.owner == self.browser:
            self.engine.jobs.dismiss()

    def preflight(self) -> tuple[list[dict], list[str]]:
        """What is in the zoo, and what to know about it: from headers and inner products."""
        bench = self.worker.bench
        return checkpoint_summaries(bench.deltas), warnings(bench.gram)

    def recipe_text(self) -> str:
        """The shown recipe as a file that can lie anywhere: its paths are absolute."""
        plain = self._recipe().plain()
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)

    def _recipe(self) -> Recipe:
        return self.mix.recipe(self.zoo)

    def wait_for_rows(self, seconds: float) -> None:
        """Give the first rows of the shown recipe a moment, so that an answer can hold them."""
        self.worker.wait_for_rows(self._recipe(), seconds)

    def _key(self) -> str:
        return cache.cache_key("mix", self.browser, str(self.zoo.folder), self.zoo.name)

    def _show(self) -> None:
        """Have the mix computed, and behind it the pinned one; keep both for a later start."""
        self.worker.want(self._recipe(), self.browser, self.pinned.recipe(self.zoo))
        lasting = bool(self.browser) and " " not in self.browser
        if lasting and not self.flipped and self._text() != self._kept:
            self._kept = self._text()
            cache.keep(self._key(), self._kept.encode())

    def _text(self) -> str:
        both = {"mix": self.history.current.plain(), "pinned": self.pinned.plain()}
        return json.dumps(both)
