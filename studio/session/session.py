"""One running studio: the open zoo, the mix, live results, exports."""

import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml

from studio.as_lora import refuse_no_factors
from studio.classifier import is_own_classifier
from studio.errors import NotAllowed, StudioError
from studio.export import export
from studio.folders import refuse_existing
from studio.methods import METHODS
from studio.methods.method import describe
from studio.progress import Progress, part
from studio.recipe import Recipe
from studio.session.jobs import Jobs, JobState
from studio.session.mix import (
    History,
    Mix,
    mix_from_page,
    moved,
    starting_coefficient,
    starting_mix,
)
from studio.session.worker import Geometry, Worker
from studio.tasks.bench import Bench
from studio.tasks.scores import Score
from studio.workspace import preflight, warnings, write_adapter
from studio.zoo import Zoo, load_zoo

_LARGEST_ZIP = 2 * 10**9


@dataclass(frozen=True)
class Snapshot:
    """What the page shows at one moment.

    Attributes:
        version: grows with every change of anything below.
        zoo: that is open.
        mix: the mixer.
        recipe: of the tasks that are on.
        scores: of the recipe, on the rows run so far.
        rows: {task: held-out rows there are}.
        share: of the recipe's evaluation that is done.
        experts: each task by its own checkpoint, as far as known.
        head_only: the base with heads fitted on it, for the tasks that have one.
        base: the base with the experts' heads, once known.
        refusal: why the recipe cannot be merged, or the references cannot be scored; or empty.
        refused: whether it is the recipe that cannot be merged.
        geometry: of the recipe, once known.
        order: how much the order of the tasks matters, as a sentence; empty until known.
        job: the long job, if there was one.
        busy: whether more is coming by itself.
    """

    version: int
    zoo: Zoo
    mix: Mix
    recipe: Recipe
    scores: dict[str, Score]
    rows: dict[str, int]
    share: float
    experts: dict[str, Score]
    head_only: dict[str, Score]
    base: dict[str, Score]
    refusal: str
    refused: bool
    geometry: Geometry | None
    order: str
    job: JobState | None
    busy: bool


class Session:
    """State of a running studio; one person, one zoo at a time, any number of page reloads.

    Args:
        zoo: path of the zoo that is opened first.
        roots: folders that paths from the page must lie in.
        device: of the live model.
    """

    def __init__(self, zoo: Path, roots: tuple[Path, ...], device: torch.device) -> None:
        self.roots = tuple(root.resolve() for root in roots)
        self.device = device
        self.jobs = Jobs()
        self._lock = threading.RLock()
        self._started = False
        self._open(zoo)

    def start(self) -> None:
        """Begin to compute; what is there can be looked at before."""
        self._started = True
        self.worker.start()

    def open(self, path: str) -> None:
        """Open another zoo; the one that is open stays if this fails.

        Raises:
            StudioError: the path is outside the roots, or the zoo cannot be opened.
        """
        if self.jobs.state and self.jobs.state.running:
            raise StudioError(f"'{self.jobs.state.name}' is still running; wait or cancel it.")
        before = self.worker
        self._open(self.inside(path))
        before.stop()

    def close(self) -> None:
        """Stop the worker and ask a running job to stop."""
        self.jobs.cancel()
        self.worker.stop()

    def inside(self, path: str) -> Path:
        """A path from the page, resolved.

        Raises:
            NotAllowed: it is empty, or leads outside the roots.
        """
        if not path.strip() or "\0" in path:
            raise NotAllowed("Give a path.")
        resolved = (Path.cwd() / Path(path.strip()).expanduser()).resolve()
        if not any(resolved.is_relative_to(root) for root in self.roots):
            raise NotAllowed(
                f"{resolved} is outside the folders this studio may use "
                f"({', '.join(map(str, self.roots))}). Restart it with --root to add another."
            )
        return resolved

    @property
    def mix(self) -> Mix:
        """The mix that is shown."""
        return self.history.current

    def move(self, value: object) -> None:
        """Take over what the page's mixer sent.

        Raises:
            BadRecipe: it holds something that cannot be merged; nothing changes.
        """
        with self._lock:
            mix = mix_from_page(value, self.mix)
            self.history.push(mix, moved(self.mix, mix), time.monotonic())
            self._show()

    def edit(self, action: str) -> None:
        """One of the mixer's buttons: equal, halve, reset, undo, redo, or 'earlier:TASK'."""
        with self._lock:
            name, _, task = action.partition(":")
            if name in ("undo", "redo"):
                getattr(self.history, name)()
            else:
                mix = {
                    "equal": self.mix.equal,
                    "halve": self.mix.halved,
                    "reset": lambda: starting_mix(self.zoo),
                    "earlier": lambda: self.mix.earlier(task),
                }[name]()
                self.history.push(mix, "", time.monotonic())
            self._show()

    def mixer_value(self) -> dict:
        """What the page's mixer is drawn from."""
        with self._lock:
            chosen = METHODS[self.mix.method]
            options = describe(chosen)
            set_options = {each["name"]: each["default"] for each in options}
            set_options |= dict(self.mix.options)
            return {
                "rows": [vars(strip) for strip in self.mix.strips],
                "method": self.mix.method,
                "methods": [{"name": m.name, "title": m.title} for m in METHODS.values()],
                "about": (chosen.__doc__ or "").strip().splitlines()[0],
                "ordered": chosen(**set_options).ordered,
                "schema": [each for each in options if len(each["choices"]) != 1],
                "options": set_options,
                "start": starting_coefficient(self.mix.method, len(self.mix.strips)),
                "can_undo": self.history.can_undo,
                "can_redo": self.history.can_redo,
            }

    def snapshot(self) -> Snapshot:
        """Everything the page shows, at this moment."""
        with self._lock:
            recipe = self._recipe()
            worker, bench = self.worker, self.worker.bench
            known = worker.evaluation(recipe)
            job = self.jobs.state
            return Snapshot(
                version=worker.version,
                zoo=self.zoo,
                mix=self.mix,
                recipe=recipe,
                scores=known.scores() if known else {},
                rows={name: len(bench.tasks[name].rows("held_out")) for name in bench.scored()},
                share=known.share if known else 0.0,
                experts=dict(worker.experts),
                head_only=dict(worker.head_only),
                base=dict(worker.base),
                refusal=worker.refusal(recipe) or worker.refusal_of_references,
                refused=bool(worker.refusal(recipe)),
                geometry=worker.geometry(recipe),
                order=worker.order(recipe),
                job=job,
                busy=not worker.idle or bool(job and job.running),
            )

    def preflight(self) -> tuple[list[dict], list[str]]:
        """What is in the zoo, and what to know about it: from headers and inner products."""
        bench = self.worker.bench
        return preflight(bench.deltas), warnings(bench.gram)

    def recipe_text(self) -> str:
        """The shown recipe as a file that can lie anywhere: its paths are absolute."""
        plain = self._recipe().plain()
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)

    def own_classifiers(self) -> list[str]:
        """Tasks for which a complete classifier folder can be written."""
        bench = self.worker.bench
        return [name for name, task in bench.tasks.items() if is_own_classifier(bench.base, task)]

    def only_adapters(self) -> bool:
        """Whether every task is an adapter, so that a merge may be one, too."""
        return all(each.adapter for each in self.worker.bench.deltas.checkpoints)

    def start_adapter(self, folder: str, rank: int | None = None) -> None:
        """Export the shown recipe as one LoRA adapter, as a job.

        Raises:
            StudioError: as ``start_export``, or the merge is no product of factors.
        """
        target, recipe, bench = self._new_target(folder), self._recipe(), self.worker.bench
        merge = bench.merge(recipe)
        refuse_no_factors(merge, rank)

        def work(progress: Progress) -> tuple[str, str]:
            made = write_adapter(merge, target, bench, progress, rank=rank)
            return f"Wrote {target} as one adapter, {made.words}.", str(target)

        self.jobs.start(f"Adapter to {target.name}", work)

    def start_export(self, folder: str, classifiers: bool = False) -> None:
        """Export the shown recipe to a new folder, as a job.

        Raises:
            StudioError: the folder is outside the roots or exists, or a job is running.
        """
        target, recipe, worker = self._new_target(folder), self._recipe(), self.worker

        def work(progress: Progress) -> tuple[str, str]:
            report = part(progress, 0.0, 0.3)
            scores = worker.scores(recipe, lambda share: report(share, "scoring held-out rows"))
            bench = worker.bench
            tasks = list(bench.tasks.values())
            report = part(progress, 0.3, 1.0)
            merge = bench.merge(recipe)
            root = export(merge, target, tasks, scores, report, classifiers=classifiers)
            return f"Wrote {target}, weights root {root[:16]}…", str(target)

        self.jobs.start(f"Export to {target.name}", work)

    def zip_export(self, folder: str) -> Path | None:
        """An export as one zip file in a temporary folder; None if it is too large for that."""
        files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
        if sum(file.stat().st_size for file in files) > _LARGEST_ZIP:
            return None
        name = f"{Path(folder).name}.zip"
        target = Path(tempfile.mkdtemp(prefix="studio-")) / name
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for file in files:
                archive.write(file, Path(folder).name / file.relative_to(folder))
        return target

    def free_export_name(self) -> str:
        """A folder name for an export that does not exist yet."""
        stem = "".join(c if c.isalnum() else "-" for c in self.zoo.name.lower()).strip("-")
        numbers = range(1, 10_000)
        names = (Path("exports") / f"{stem}-{number}" for number in numbers)
        return str(next(name for name in names if not name.exists()))

    def _new_target(self, folder: str) -> Path:
        target = self.inside(folder)
        refuse_existing(target)
        return target

    def _recipe(self) -> Recipe:
        return self.mix.recipe(self.zoo)

    def _open(self, path: Path) -> None:
        zoo = load_zoo(path)
        for task in zoo.tasks:
            self._refuse_outside(task.checkpoint, task.name)
        self._refuse_outside(zoo.base, "base")
        bench = Bench(zoo, self.device)
        for name in bench.scored():
            bench.tasks[name].rows("held_out")  # a broken data file is refused here, by name
        worker = Worker(bench)
        with self._lock:
            self.zoo = zoo
            self.worker = worker
            self.history = History(starting_mix(zoo))
            if self._started:
                worker.start()
            self._show()

    def _refuse_outside(self, source: str, name: str) -> None:
        if Path(source).is_absolute():
            try:
                self.inside(source)
            except NotAllowed as refusal:
                raise NotAllowed(f"'{name}' of the zoo: {refusal}") from None

    def _show(self) -> None:
        self.worker.want(self._recipe())
