"""Statistics of experts on their validation rows: measured when asked for, kept on disk."""

import hashlib
import platform
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor

from studio.checkpoints.deltas import Deltas
from studio.checkpoints.stored import tensor_bytes
from studio.checkpoints.weights import Weights
from studio.disk.cache import cache_folder, cache_key, keep_file, recall_file
from studio.disk.temporary import TemporaryFolder
from studio.errors import BadData
from studio.measure.evaluate import examples
from studio.measure.information import fisher, input_grams
from studio.measure.layer_walk import read_rows
from studio.measure.merged_inputs import merged_grams
from studio.merge import Merge
from studio.methods import SUM
from studio.methods.contract import FISHER, GRAM, MERGED, Measured
from studio.progress import Progress, part, silent
from studio.recipe import Recipe, TaskEntry
from studio.tasks.live_model import LiveModel
from studio.tasks.precision import worn_dtype
from studio.tasks.row_parts import MEASURED, VALIDATION, fair_order
from studio.tasks.task import Task

_CPU = torch.device("cpu")
_FORMAT = 2  # of the numbers' meaning; another one recalls nothing that is older
_WALK_FORMAT = 1  # likewise, of inputs behind merged layers
_MOST_BYTES = 8 * 2**30  # of kept files
_LOADED = 0.05  # share of the work when the model is loaded
_BESIDE = (".json", ".txt", ".model")  # configuration and vocabularies


@dataclass(frozen=True)
class Wanted:
    """One statistic: of one expert, or of several behind layers that are merged of all of them.

    Attributes:
        task: whose expert and rows; empty for several.
        kind: ``FISHER``, ``GRAM`` or ``MERGED``.
        rows: most rows of a task it is measured on.
        together: the tasks of a statistic of several.
    """

    task: str
    kind: str
    rows: int
    together: tuple[str, ...] = ()

    @property
    def tasks(self) -> tuple[str, ...]:
        """Whose experts and rows are read."""
        return self.together or (self.task,)

    @property
    def words(self) -> str:
        """What it is, for people."""
        if self.together:
            return f"inputs of merged layers of {', '.join(self.together)} on {VALIDATION} rows"
        names = {FISHER: "the Fisher information", GRAM: "the inputs of its layers"}
        return f"{names[self.kind]} of '{self.task}' on its {VALIDATION} rows"


class Statistics:
    """What was measured of a zoo's experts, each alone, so that no other task can change it.

    It is of rows that choose nothing of what was measured, see ``row_parts``.

    It is computed on the CPU by a model of its own, so that a recipe leads to the same weights
    wherever they are scored, and whatever the live model wears.
    """

    def __init__(self, deltas: Deltas, tasks: Mapping[str, Task]) -> None:
        self._deltas = deltas
        self._tasks = tasks
        self._known: dict[Wanted, Weights] = {}
        self._lock = threading.Lock()

    def missing(self, names: Sequence[str], kind: str, rows: int) -> list[Wanted]:
        """What was neither measured nor recalled yet; takes no time."""
        if kind == MERGED:
            wanted = [_together(names, rows)] if names else []
        else:
            wanted = [Wanted(name, kind, rows) for name in names]
        return [each for each in wanted if each not in self._known]

    def look(self, names: Sequence[str], kind: str, rows: int) -> Measured:
        """The statistics of some tasks, tensor by tensor; those that are missing are measured.

        Raises:
            BadData: a task has no validation rows, or no head.
        """
        if kind == MERGED and names:
            known, whole = self.measure(_together(names, rows)), _together(names, rows)
            return lambda task, name: _of(known, _place(whole.tasks.index(task), name))
        found = {name: self.measure(Wanted(name, kind, rows)) for name in names}
        return lambda task, name: _of(found[task], name)

    def measure(self, wanted: Wanted, progress: Progress = silent) -> Weights:
        """One statistic, recalled or measured.

        Args:
            wanted: which.
            progress: told the share done; raising stops it.

        Raises:
            BadData: a task has no validation rows, or no head; or the disk is full.
            BadRecipe: a model cannot be walked block by block, see ``merged_grams``.
        """
        known = self._known.get(wanted)
        if known is not None:
            return known
        for name in wanted.tasks:
            self._refuse(name, wanted)
        with self._lock:
            if wanted not in self._known:
                self._known[wanted] = Weights((self._file(wanted, progress),))
            return self._known[wanted]

    def _refuse(self, name: str, wanted: Wanted) -> None:
        task = self._tasks[name]
        lacking = "no head" if task.head is None else f"no {VALIDATION} rows"
        if task.head is None or not task.rows(MEASURED):
            raise BadData(
                f"This method measures {wanted.words}, but the zoo has {lacking} for it. Add them "
                f"to '{name}' in the zoo file, leave the task out, or choose a method that "
                "needs no data."
            )

    def _file(self, wanted: Wanted, progress: Progress) -> Path:
        folder, key = cache_folder() / "statistics", self._key(wanted)
        known = recall_file(folder, key)
        if known is not None:
            return known
        tensors = self._measured(wanted, progress)
        write = partial(save_file, tensors)
        try:
            return keep_file(folder, key, write, _MOST_BYTES)
        except OSError:  # no cache: it is kept for as long as this zoo is open
            return self._kept_here(key, write, wanted)

    def _kept_here(self, key: str, write: partial, wanted: Wanted) -> Path:
        try:
            return keep_file(self._temporary.path, key, write, _MOST_BYTES)
        except OSError as problem:
            raise BadData(
                f"The disk does not take {wanted.words}: {problem.strerror}. Make room, then try "
                "again."
            ) from None

    @cached_property
    def _dtype(self) -> torch.dtype:
        return worn_dtype(self._deltas.base, _CPU)

    @cached_property
    def _temporary(self) -> TemporaryFolder:
        return TemporaryFolder("statistics")

    def _measured(self, wanted: Wanted, progress: Progress) -> dict:
        if wanted.together:
            return self._walked(wanted, progress)
        progress(0.0, f"loading a model for '{wanted.task}'")
        task = self._tasks[wanted.task]
        model = LiveModel(self._deltas.base, _CPU, (task.kind,), self._dtype)
        model.wear(self._expert(wanted.task))
        rows = examples(model, task, MEASURED, labelled=wanted.kind == FISHER)
        chosen = rows.order[: wanted.rows].tolist()
        report = part(progress, _LOADED, 1.0)
        if wanted.kind == GRAM:
            found = input_grams(model, rows, chosen, report)
            if not found:
                raise BadData(
                    f"The base of '{wanted.task}' has no linear layer and no convolution, so "
                    "there are no inputs of one to measure. Choose a method that needs no data, or "
                    "the Fisher information."
                )
            return found
        assert task.head is not None
        return fisher(model, rows, task.head, chosen, report)

    def _walked(self, wanted: Wanted, progress: Progress) -> dict:
        progress(0.0, "loading a model to merge block by block")
        kinds = tuple(dict.fromkeys(self._tasks[name].kind for name in wanted.tasks))
        model = LiveModel(self._deltas.base, _CPU, kinds, self._dtype)
        rows = {n: read_rows(model, self._tasks[n], wanted.rows) for n in wanted.tasks}
        deltas = self._deltas.subset(wanted.tasks)
        found = merged_grams(model, deltas, rows, part(progress, _LOADED, 1.0))
        return {_place(wanted.tasks.index(t), name): gram for (t, name), gram in found.items()}

    def _expert(self, task: str) -> Merge:
        """The task's checkpoint; its merge shares nothing with others, and so waits for none."""
        deltas = self._deltas.subset([task])
        entry = TaskEntry(task, str(deltas.checkpoints[0].folder), 1.0)
        recipe = Recipe(str(deltas.base.folder), (entry,), SUM)
        return Merge(recipe, deltas)

    def _key(self, wanted: Wanted) -> str:
        """A name for everything that the numbers depend on."""
        deltas = self._deltas.subset(wanted.tasks)
        read = [self._rows(name, wanted.rows) for name in wanted.tasks]
        versions = str(torch.__version__), str(transformers.__version__)
        kind = platform.machine(), torch.backends.cpu.get_cpu_capability(), *versions
        machine = kind if self._dtype is torch.float32 else (*kind, str(self._dtype))
        beside = settings_beside(deltas.base.folder)
        if wanted.together:
            parts = deltas.base.known_digest, deltas.digests, beside
            return cache_key("statistics", _WALK_FORMAT, wanted.kind, machine, parts, read)
        task, ((rows, reads),) = self._tasks[wanted.task], read
        parts = deltas.base.known_digest, deltas.digests[0], beside, rows
        about: list[object] = reads
        if wanted.kind == FISHER:
            assert task.head is not None
            tensors = (_digest(tensor_bytes(each)) for each in task.head.tensors.values())
            about = [*about, *task.kind.asks(task.spec), *tensors]
        return cache_key("statistics", _FORMAT, wanted.kind, machine, parts, about)

    def _rows(self, name: str, most: int) -> tuple[list, list[object]]:
        """What is read of a task, and how."""
        task = self._tasks[name]
        every = task.rows(MEASURED)
        rows = [task.kind.plain(every[row]) for row in fair_order(len(every))[:most]]
        return rows, task.kind.reads(task.spec)


def _together(names: Sequence[str], rows: int) -> Wanted:
    """In the order of their names, so that no order of a mix changes what is measured."""
    return Wanted("", MERGED, rows, tuple(sorted(names)))


def _place(task: int, name: str) -> str:
    """Under what a task's tensor lies among those of several."""
    return f"{task} {name}"


def _of(found: Weights, name: str) -> Tensor | None:
    return found.tensor(name) if name in found.entries else None


def settings_beside(folder: Path) -> list[tuple[str, str]]:
    """Name and digest of every file beside a base's weights that decides how it reads rows."""
    files = (f for f in sorted(folder.iterdir()) if f.suffix in _BESIDE)
    return [(f.name, _digest(f.read_bytes())) for f in files if f.is_file()]


def _digest(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()
