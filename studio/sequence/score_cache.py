"""Scores of models of a sequence that were measured before on this computer, in one file."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict

from studio.disk.cache import cache_key, keep, recall
from studio.measure.bench import Bench
from studio.measure.references import surroundings, task_digest
from studio.measure.scores import Score
from studio.merge import Merge
from studio.sequence.plan import SPLIT, SequencePlan

_FORMAT = 1  # of what the scores mean; another one recalls nothing that is older
_READ = (SPLIT, "validation")  # some methods measure experts on validation rows
_MOST = 5000  # models; the oldest go first


class Known:
    """What is known of models that are scored on the same rows.

    Args:
        bench: the open zoo.
        plan: says on which rows.
    """

    def __init__(self, bench: Bench, plan: SequencePlan) -> None:
        self._bench = bench
        deltas = bench.deltas.subset(plan.tasks)
        digests = [each.known_digest for each in deltas.checkpoints]
        tasks = [bench.tasks[name] for name in plan.tasks]
        read = [
            [task_digest(bench, task.name, task.head, split) for split in _READ] for task in tasks
        ]
        fitted = [task_digest(bench, task.name, task.head_only, SPLIT) for task in tasks]
        about = sorted(zip(plan.tasks, digests, read, fitted, strict=True))
        where = surroundings(bench), bench.base.known_digest
        self._file = cache_key("sequence", _FORMAT, where, about, dict(plan.counts))
        kept = recall(self._file)
        self._scores: dict[str, dict] = json.loads(kept) if kept else {}

    def scores(self, key: str, measure: Callable[[], Mapping[str, Score]]) -> dict[str, Score]:
        """The scores of a model by its key; measured and kept if they are not known."""
        if key not in self._scores:
            self._scores[key] = {name: asdict(score) for name, score in measure().items()}
            for old in list(self._scores)[:-_MOST]:
                del self._scores[old]
            keep(self._file, json.dumps(self._scores).encode())
        return {name: Score(**plain) for name, plain in self._scores[key].items()}

    def key(self, merge: Merge) -> str:
        """A merge's name: what linear merges add up, what recipes of others mean.

        Linear merges of the same deltas in the same order with the same mixing are the same
        model, whatever method they are of: the first arrival of one is that of all.
        """
        deltas = self._bench.deltas
        digests = {
            name: each.known_digest
            for name, each in zip(deltas.tasks, deltas.checkpoints, strict=True)
        }
        made_of = [digests[name] for name in merge.recipe.names]
        if not merge.method.derives:
            mixed = hashlib.sha256(merge.mixing.contiguous().numpy().tobytes()).hexdigest()
            return cache_key("linear", made_of, mixed, merge.recipe.dtype)
        weights = merge.coefficients.contiguous().numpy().tobytes()
        seed = merge.recipe.seed if merge.method.draws else 0
        about = (repr(merge.method), hashlib.sha256(weights).hexdigest(), seed)
        return cache_key("recipe", made_of, about, merge.recipe.dtype)
