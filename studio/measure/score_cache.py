"""Known scores: what a model's answers are worth, measured once and shared by all who ask."""

import hashlib
import json
import platform
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch
import transformers
from torch import Tensor

import studio
from studio.checkpoints.checkpoint import Checkpoint
from studio.disk.cache import cache_key, keep, recall
from studio.measure.evaluate import Evaluation, questions_of, starts_of
from studio.measure.expert_statistics import settings_beside
from studio.measure.marks import Marks
from studio.merge import Merge
from studio.recipe import RECALIBRATE
from studio.tasks.heads import Head
from studio.tasks.metric import Metric
from studio.tasks.row_parts import fair_order
from studio.tasks.task import Task

_FORMAT = 2  # of what is kept; another one recalls nothing that is older
_ROOM = "scores"
_MOST = 5000  # models, and what it cost to merge some of them; the oldest go first
_DECIDING = ("checkpoints", "geometry", "methods", "tasks", "measure")  # whose code decides results


@dataclass(frozen=True)
class KnownRows:
    """One task's rows by one model in float32, in the order in which an evaluation holds them.

    Attributes:
        marks: of every question.
        predictions: ``(q,)`` what the model said; of a loss, its nats.
        latency: seconds per row of the evaluation that they are from.
    """

    marks: Marks
    predictions: np.ndarray
    latency: float

    def plain(self, asked: np.ndarray) -> dict:
        """As it is kept: the questions in the fair order of their rows."""
        marks, found = self.marks.at(asked), {"latency": self.latency}
        if marks.units is not None and marks.sizes is not None:
            extents = {"units": marks.units.tolist(), "sizes": marks.sizes.tolist()}
            return found | {"nats": marks.values.tolist()} | extents
        right = "".join(map(str, marks.values.astype(int).tolist()))
        found |= {"correct": right, "predictions": self.predictions[asked].tolist()}
        return found | {"besides": {name: x.tolist() for name, x in marks.besides.items()}}


@dataclass(frozen=True)
class MergeCost:
    """What it takes to merge a model and put it on.

    Attributes:
        seconds: for that.
        peak: bytes of resident memory above those before it, at most.
    """

    seconds: float = 0.0
    peak: int = 0


class ScoreCache:
    """What is known of models on a zoo's rows, in one file per model.

    Its name tells of the surroundings and of the model; in it, each task's entry is named by the
    digest of its rows and head. An entry holds the beginning of the rows' fair order, or all of
    them. Quick predictions are never kept.

    Args:
        base: on which models are merged.
        tasks: of the zoo, and its sets of general rows.
        device: on which rows are run.
    """

    def __init__(
        self, base: Checkpoint, tasks: Mapping[str, Task], device: torch.device,
        dtype: torch.dtype,
    ) -> None:  # fmt: skip
        self._base = base
        self._tasks = tasks
        self._where = str(device), str(dtype)
        self._digests: dict[tuple[str, str, int], tuple[Head | None, str]] = {}

    def recall(
        self, merge: Merge | None, heads: Mapping[str, Head | None], split: str,
        rows: int | None = None,
    ) -> dict[str, KnownRows]:  # fmt: skip
        """The tasks of which all wanted rows are known.

        Args:
            merge: the model; None for the base.
            heads: by task, or by general rows.
            split: whose rows.
            rows: per task, at most: the beginning of the fair order; None for all.

        Raises:
            StudioError: the recipe cannot be merged.
        """
        known, found = self._read(merge), {}
        for name, head in heads.items():
            every = self._tasks[name].rows(split)
            entry = known.get(self._digest(name, head, split), {})
            chosen = fair_order(len(every))[:rows]
            asked = questions_of(starts_of(every), chosen)
            if _asked(entry) >= len(asked):
                whole = len(chosen) == len(every)
                found[name] = _arranged(entry, asked, whole, self._tasks[name].metric)
        return found

    def fill(self, evaluation: Evaluation, merge: Merge | None, split: str) -> bool:
        """Complete an evaluation of whole tasks if every row of it is known; whether it was."""
        known = self.recall(merge, evaluation.heads, split)
        if set(known) != set(evaluation.parts):
            return False
        evaluation.recall(
            {name: each.predictions for name, each in known.items()},
            {name: each.marks for name, each in known.items()},
        )
        return True

    def keep(self, evaluation: Evaluation, merge: Merge | None, split: str) -> dict[str, KnownRows]:
        """Keep what an evaluation that is done has found; it is returned, too."""
        assert evaluation.done, "quick predictions are no scores"
        known = self._read(merge)
        rows = sum(len(part.items) for part in evaluation.parts.values())
        latency, found = evaluation.seconds / max(rows, 1), {}
        for name, part in evaluation.parts.items():
            made = KnownRows(evaluation.marks(name), evaluation.predictions[name], latency)
            key = self._digest(name, evaluation.heads[name], split)
            found[name] = made
            if _asked(known.get(key, {})) < len(made.marks):
                known[key] = made.plain(part.questions(part.order))
        _write(self._file(merge), known)
        return found

    def recall_cost(self, merge: Merge) -> MergeCost | None:
        """What it took to merge it, by its own method, if that was measured."""
        found = _read(self._cost_file(merge))
        return MergeCost(**found) if found else None

    def keep_cost(self, merge: Merge, cost: MergeCost) -> None:
        """Keep what it took to merge it."""
        _write(self._cost_file(merge), asdict(cost))

    def _read(self, merge: Merge | None) -> dict[str, dict]:
        return _read(self._file(merge))

    def _file(self, merge: Merge | None) -> str:
        return cache_key("scores", _FORMAT, self._surroundings, self._model(merge))

    def _cost_file(self, merge: Merge) -> str:
        return cache_key("merge cost", _FORMAT, self._surroundings, self._recipe(merge))

    @cached_property
    def _surroundings(self) -> list:
        """What all scores depend on beside weights, rows and heads.

        The kind of computer, the versions of what computes, the studio's own code that decides
        results, and the base's weights and the files beside them.
        """
        machine = platform.machine(), torch.backends.cpu.get_cpu_capability(), *self._where
        versions = str(torch.__version__), str(transformers.__version__), code_digest()
        return [*machine, *versions, settings_beside(self._base.folder), self._base.known_digest]

    def _model(self, merge: Merge | None) -> str:
        """A model's name: what linear merges add up, what recipes of others mean.

        Linear merges of the same deltas in the same order with the same mixing are the same
        model, whatever method they are of; an expert is its own delta, once.
        """
        if merge is None:
            return "base"
        if merge.method.derives or merge.recipe.fits_experts:
            return self._recipe(merge)
        about = _sum(merge.mixing), merge.recipe.dtype, self._statistics(merge)
        return cache_key("linear", _made_of(merge), about)

    def _statistics(self, merge: Merge) -> list:
        """What running statistics depend on beside what is added up; nothing without any."""
        mode = merge.recipe.batch_norm
        if not merge.statistics.names:
            return [mode]
        names = merge.recipe.names if mode == RECALIBRATE else ()
        rows = [self._digest(x, self._tasks[x].head, "validation") for x in names]
        return [mode, _sum(merge.coefficients), rows]

    def _recipe(self, merge: Merge) -> str:
        """The name of a merge as its method makes it."""
        names, chosen = merge.recipe.names, merge.method
        drawn = (merge.recipe.seed, names) if chosen.draws else None
        measured = [
            self._digest(name, self._tasks[name].head, "validation")
            for name in (names if chosen.measures else ())
            if name in self._tasks
        ]
        recorded = None if merge.recorded is None else _sum(merge.recorded)
        numbers = _sum(merge.coefficients), recorded, self._fitted(merge)
        made = repr(chosen) + (repr(sorted(merge.after.items())) if merge.after else "")
        about = made, numbers, drawn, measured, merge.recipe.dtype, self._statistics(merge)
        return cache_key("recipe", _made_of(merge), about)

    def _fitted(self, merge: Merge) -> list:
        """What layers and heads that are fitted depend on beside the mix; nothing without any."""
        if not merge.recipe.fits_experts:
            return []
        asked = merge.recipe.calibrate, merge.recipe.heads
        names = [name for name in merge.recipe.names if name in self._tasks]
        rows = [self._digest(name, self._tasks[name].head, "validation") for name in names]
        return [*(each and each.plain() for each in asked), rows]

    def _digest(self, name: str, head: Head | None, split: str) -> str:
        key = name, split, id(head)
        if key not in self._digests:  # the head is held, so that no other one takes its id
            self._digests[key] = head, task_digest(self._tasks[name], head, split)
        return self._digests[key][1]


def task_digest(task: Task, head: Head | None, split: str) -> str:
    """Of a task's rows of a split, its settings and a head."""
    digest = hashlib.sha256()
    kind = task.kind
    digest.update(json.dumps([kind.name, *kind.asks(task.spec), *kind.reads(task.spec)]).encode())
    for row in task.rows(split):
        digest.update(json.dumps([*kind.plain(row), row.group]).encode())
    if head is not None:
        digest.update(head.about.encode())
        for tensor in head.tensors.values():
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def deciding_files() -> list[Path]:
    """The studio's files that decide results, those of inner folders too."""
    folder = Path(studio.__file__).parent
    files = [file for name in _DECIDING for file in (folder / name).rglob("*.py")]
    return sorted([*files, folder / "merge.py", folder / "recipe.py"])


@cache
def code_digest() -> str:
    """Digest of the code that decides results: another version of it recalls nothing."""
    digest = hashlib.sha256()
    for file in deciding_files():
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _made_of(merge: Merge) -> list[str]:
    return [merge.base.known_digest, *merge.deltas.digests]


def _sum(numbers: Tensor) -> str:
    return hashlib.sha256(numbers.contiguous().numpy().tobytes()).hexdigest()


def _asked(entry: Mapping) -> int:
    """How many questions an entry holds."""
    return len(entry.get("nats", entry.get("correct", "")))


def _arranged(entry: Mapping, asked: np.ndarray, whole: bool, metric: Metric) -> KnownRows:
    """The questions of the beginning of the fair order; of all rows as their file has them."""
    count, places = len(asked), np.argsort(asked) if whole else np.arange(len(asked))

    def numbers(values: Sequence) -> np.ndarray:
        return np.array([float(each) for each in values[:count]])[places]

    def sums(values: Sequence) -> np.ndarray:
        return np.array(values[:count], float).reshape(-1, 2)[places]

    if "nats" in entry:
        nats, units, sizes = (numbers(entry[key]) for key in ("nats", "units", "sizes"))
        return KnownRows(Marks(nats, metric, units, sizes), nats, entry["latency"])
    predictions = np.array(entry["predictions"][:count])[places]
    besides = {name: sums(each) for name, each in entry["besides"].items()}
    marks = Marks(numbers(entry["correct"]), metric, besides=besides)
    return KnownRows(marks, predictions, entry["latency"])


def _read(file: str) -> dict:
    found = recall(file, _ROOM)
    try:
        known = json.loads(zlib.decompress(found)) if found else {}
    except (zlib.error, ValueError, RecursionError):  # damaged, and as good as none
        return {}
    return known if isinstance(known, dict) else {}


def _write(file: str, known: Mapping) -> None:
    keep(file, zlib.compress(json.dumps(known).encode()), _ROOM, _MOST)
