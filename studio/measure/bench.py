"""A zoo opened for work: base, deltas, tasks, the live model and its rows."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import cast

import torch

from studio.checkpoints.checkpoint import Checkpoint, open_base, open_checkpoint
from studio.checkpoints.deltas import Deltas, DerivedDeltas
from studio.checkpoints.no_change import refuse_copies, refuse_zero
from studio.checkpoints.resident import keep_in_memory
from studio.device import resident_limit, resolve_device
from studio.errors import BadData, BadRecipe, BadZoo, Findings, SeveralBadInZoo
from studio.geometry.gram import Gram, gram
from studio.geometry.gram_cache import kept_gram, recalled_gram
from studio.measure.evaluate import Evaluation, Examples, examples, sampled
from studio.measure.expert_statistics import Statistics, Wanted
from studio.measure.fits import Fits
from studio.measure.intervals import Score
from studio.measure.recalibration import Recalibration
from studio.measure.score_cache import ScoreCache
from studio.merge import Made, Merge, open_merge
from studio.methods import SUM, method, method_type
from studio.methods.contract import Measured
from studio.recipe import Recipe
from studio.tasks.heads import Head
from studio.tasks.kinds.contract import Kind
from studio.tasks.live_model import LiveModel
from studio.tasks.precision import worn_dtype
from studio.tasks.task import open_task
from studio.zoo import Zoo, load_zoo

_KEPT = 3


class Bench:
    """A zoo opened once; nothing heavy is loaded before it is needed.

    Args:
        zoo: to open.
        device: of the live model.
        allow_duplicates: accept equal checkpoints and zero deltas.
        roots: folders into which links of the checkpoints' files may lead, beside the zoo's.

    Raises:
        StudioError: a checkpoint, head or label list does not fit.

    Attributes:
        statistics: what methods that need data measure of the experts, when it is asked for.
        recalibration: measures running statistics of merges anew.
        fits: fits merges and heads to the experts, where a recipe asks for it.
    """

    def __init__(
        self,
        zoo: Zoo,
        device: torch.device,
        allow_duplicates: bool = False,
        roots: tuple[Path, ...] = (),
    ) -> None:
        self.zoo = zoo
        self.device = device
        self.roots = (zoo.folder, *roots)
        self.base: Checkpoint = open_base(zoo.base, self.roots)
        sources = [(task.name, open_checkpoint(task.checkpoint, self.roots)) for task in zoo.tasks]
        _refuse_other_digests(zoo, dict(sources))
        self.deltas = Deltas(self.base, sources)
        if not allow_duplicates:
            _refuse_duplicates(self.deltas)
        private, base = self.deltas.private, self.base
        self.tasks = {s.name: open_task(s, private(s.name), base) for s in zoo.tasks}
        self.general = {s.name: open_task(s, {}, base) for s in zoo.general}
        self.statistics = Statistics(self.deltas, self.tasks)
        self.recalibration = Recalibration(self.deltas, self.tasks)
        self.fits = Fits(self.deltas, self.tasks)
        self._kept: OrderedDict[object, object] = OrderedDict()
        self._lock = threading.RLock()
        self._examples: dict[str, dict[str, Examples]] = {}

    @cached_property
    def live(self) -> LiveModel:
        """The live model; made on first use."""
        keep_in_memory(self.deltas, resident_limit())
        return LiveModel(self.base, self.device, self.kinds, self.dtype)

    @cached_property
    def dtype(self) -> torch.dtype:
        """In which the live model wears its weights."""
        return worn_dtype(self.base, self.device)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of its tasks and general rows, in their order."""
        return tuple(dict.fromkeys(task.kind for task in (self.tasks | self.general).values()))

    @cached_property
    def gram(self) -> Gram:
        """Inner products of all the zoo's deltas; those of any subset are among them."""
        return kept_gram(self.deltas, lambda: gram(self.deltas))

    @cached_property
    def score_cache(self) -> ScoreCache:
        """What is known of models on the rows of this zoo."""
        return ScoreCache(self.base, self.tasks | self.general, self.device, self.dtype)

    def scored(self, split: str = "held_out") -> tuple[str, ...]:
        """Names of the tasks that have a head and rows of a split."""
        return tuple(
            name for name, task in self.tasks.items() if task.head and split in task.spec.data
        )

    @cached_property
    def notes(self) -> dict[str, tuple[str, ...]]:
        """What a user should know of how each task was opened, and its rows are read."""
        return {n: (*task.notes, *task.remarks(self.base)) for n, task in self.tasks.items()}

    def options(self, name: str) -> int:
        """Between how many labels a task's rows choose; 0 where rows have options of their own."""
        return len(self.tasks[name].labels)

    def refuse_unscored(self, split: str = "held_out") -> None:
        """Refuse a zoo in which no task can be scored on a split.

        Raises:
            BadData: there is no head, or there are no rows.
        """
        if not self.scored(split):
            self._refuse_nothing(split)

    def general_heads(self, split: str = "held_out") -> dict[str, Head | None]:
        """The heads, fitted on the base, of the rows of a split that belong to no task."""
        return {name: t.head for name, t in self.general.items() if split in t.spec.data}

    def merge(self, recipe: Recipe) -> Merge:
        """The recipe's merge; checkpoints that the zoo has open are not opened again."""
        paths = {task.name: task.checkpoint for task in self.zoo.tasks}
        own = all(paths.get(task.name) == task.checkpoint for task in recipe.tasks)
        if not own or recipe.base != self.zoo.base:
            other = open_merge(recipe, self.roots)
            return replace(other, measured=partial(self._refuse_other, recipe))
        if any(task.digest for task in recipe.tasks):
            made = open_merge(recipe, self.roots)
        else:
            chosen = self.deltas.subset(recipe.names)
            same_dtype = chosen.dtype == self.deltas.dtype
            made = Merge(recipe, chosen, (lambda: self.gram) if same_dtype else None, self._recall)
        measured = partial(self.statistics.look, recipe.names)
        made = replace(made, measured=measured, recalibrate=self.recalibration)
        return replace(made, calibrate=self.fits.layers, refit=self.fits.heads)

    def unmeasured(self, recipe: Recipe) -> list[Wanted]:
        """What the recipe's method needs of validation rows that is not at hand; takes no time."""
        chosen = method(recipe.method, recipe.options)
        if not chosen.measures or any(name not in self.tasks for name in recipe.names):
            return []
        return self.statistics.missing(recipe.names, chosen.measures, chosen.measured_rows)

    def _refuse_other(self, recipe: Recipe, kind: str, rows: int) -> Measured:
        raise BadRecipe(
            f"{method_type(recipe.method).title} measures every expert on its own validation rows, "
            f"but the recipe's base or checkpoints are not those of the zoo '{self.zoo.name}'. "
            "Name the same folders in both."
        )

    def _recall(self, key: object, make: Callable[[], Made]) -> Made:
        """What merges share: the last few bases, and vectors, held in memory if they fit."""
        with self._lock:
            if key not in self._kept:
                made = make()
                if isinstance(made, DerivedDeltas):
                    keep_in_memory(made, resident_limit() // _KEPT)
                self._kept[key] = made
            self._kept.move_to_end(key)
            found = cast(Made, self._kept[key])
            alike = [each for each in self._kept if isinstance(self._kept[each], type(found))]
            for old in alike[:-_KEPT]:
                del self._kept[old]
            return found

    def evaluation(
        self, heads: Mapping[str, Head | None], split: str, live: LiveModel | None = None,
        rows: int | None = None, merge: Merge | None = None,
    ) -> Evaluation:  # fmt: skip
        """An evaluation, not yet run, of the tasks named by ``heads``.

        Args:
            heads: by task, or by general rows.
            split: whose rows are run.
            live: the model that will be asked; None for the bench's.
            rows: per task, at most: a fair sample that is always the same; None for all.
            merge: that will be worn; heads that are refitted to it answer for their tasks' own.

        Raises:
            BadData: a task has no rows for the split, or no head.
        """
        live, parts = live or self.live, self._examples.setdefault(split, {})
        chosen: dict[str, Head] = {}
        for name, head in heads.items():
            if head is None:
                raise BadData(f"'{name}' has no head of the kind asked for.")
            chosen[name] = head
            if name not in parts:
                parts[name] = examples(live, (self.tasks | self.general)[name], split)
        if not chosen:
            self._refuse_nothing(split)
        other = partial(self.fits.heads.replacing, merge, chosen)
        return Evaluation([sampled(parts[n], rows) for n in heads], chosen, live.pace.quick, other)

    def heads(self, names: Iterable[str]) -> dict[str, Head | None]:
        """The experts' heads of some tasks."""
        return {name: self.tasks[name].head for name in names}

    def fitted_heads(self, split: str = "held_out") -> dict[str, Head | None]:
        """The heads fitted on the untouched base, of the tasks that have one."""
        names = (name for name in self.scored(split) if self.tasks[name].head_only)
        return {name: self.tasks[name].head_only for name in names}

    def expert(self, name: str) -> Merge:
        """One task alone: its own checkpoint, through the same arithmetic as every merge."""
        whole = self.zoo.recipe(SUM, 1.0)
        others = [task for task in whole.names if task != name]
        return self.merge(whole.without(*others))

    def untouched(self) -> Merge:
        """The base, as the merge of no task."""
        whole = self.zoo.recipe(SUM, 1.0)
        return self.merge(whole.without(*whole.names))

    def folder_model(self, folder: Path) -> LiveModel:
        """An exported model, loaded."""
        return LiveModel(open_base(folder), self.device, self.kinds, self.dtype)

    def _refuse_nothing(self, split: str) -> None:
        reason = f"No task of '{self.zoo.name}' has {split} rows, so there is nothing to score."
        raise BadData(reason)


def score_folder(
    bench: Bench, folder: Path, split: str = "held_out", live: LiveModel | None = None
) -> dict[str, Score]:
    """Scores of an exported model, with the heads in its ``heads`` folder or the zoo's."""
    live = live or bench.folder_model(folder)
    heads: dict[str, Head | None] = {}
    for name in bench.scored(split):
        spec, private = bench.tasks[name].spec, bench.deltas.private(name)
        heads[name] = open_task(spec, private, live.base, folder / "heads" / name).head
    evaluation = bench.evaluation(heads, split, live)
    for _ in evaluation.run(live):
        pass
    return evaluation.scores()


def refuse_other_models(bench: Bench, recipe: Recipe) -> None:
    """Refuse a recipe whose base or checkpoints are not those that the zoo's rows are of.

    Raises:
        BadRecipe: naming the first of them.
    """
    known = {task.name: task.checkpoint for task in bench.zoo.tasks} | {"": bench.zoo.base}
    asked = {task.name: task.checkpoint for task in recipe.tasks} | {"": recipe.base}
    for name, source in asked.items():
        if os.path.realpath(known.get(name, "")) != os.path.realpath(source):
            what = f"task '{name}'" if name else "base"
            raise BadRecipe(
                f"The recipe's {what} is {source}, which is not the zoo '{bench.zoo.name}'s; its "
                "rows are needed, so name the same folders in both."
            )


def known_digests(deltas: Deltas, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """(task, checkpoint digest) of some tasks, for what is chosen by their weights and rows."""
    own = dict(zip(deltas.tasks, deltas.checkpoints, strict=True))
    return tuple((name, own[name].known_digest) for name in names if name in own)


def open_bench(
    zoo: Path | None,
    device: str,
    allow_duplicates: bool = False,
    roots: tuple[Path, ...] = (),
) -> Bench | None:
    """A zoo opened for work on a device, by their names; None without a zoo. See ``Bench``.

    Raises:
        StudioError: the zoo cannot be opened, or there is no such device.
    """
    if zoo is None:
        return None
    return Bench(load_zoo(zoo), resolve_device(device), allow_duplicates, roots)


def _refuse_other_digests(zoo: Zoo, sources: Mapping[str, Checkpoint]) -> None:
    """Refuse checkpoints that are not those that the zoo file was written for."""
    wrong = Findings(f"'{zoo.name}'", several=SeveralBadInZoo)
    for spec in (each for each in zoo.tasks if each.digest):
        found = sources[spec.name]
        if found.known_digest != spec.digest:
            wrong.add(
                BadZoo(
                    f"'{spec.name}': the zoo file names the digest {spec.digest[:12]}…, but "
                    f"{found.folder} has {found.known_digest[:12]}…. It was changed or replaced. "
                    "Put the old one back, or take 'digest' out of the zoo file."
                )
            )
    wrong.refuse()


def _refuse_duplicates(deltas: Deltas) -> None:
    """Refuse equal checkpoints and zero deltas; known inner products show that none is zero."""
    refuse_copies(deltas)
    known = recalled_gram(deltas)
    if known is None or not bool((known.total().diagonal() > 0).all()):
        refuse_zero(deltas)
