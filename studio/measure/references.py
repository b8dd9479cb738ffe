"""Scores that no mix changes: experts, head-only and base; recalled if measured before."""

import hashlib
import json
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path

import torch
import transformers

import studio
from studio.disk.cache import cache_key, keep, recall
from studio.measure.bench import Bench
from studio.measure.expert_statistics import text_settings
from studio.measure.scores import Score
from studio.merge import Merge
from studio.tasks.heads import Head

_FORMAT = 1  # of the scores' meaning; another one recalls nothing that is older
_SPLIT = "held_out"
_DECIDING = ("checkpoints", "geometry", "methods", "tasks")  # whose code decides results


@dataclass(frozen=True)
class Reference:
    """One model to compare with, for the tasks that its heads are of.

    Attributes:
        bench: the open zoo.
        kind: 'expert', 'head_only' or 'base'.
        heads: by task.
    """

    bench: Bench
    kind: str
    heads: Mapping[str, Head | None]

    @property
    def expert(self) -> str | None:
        """The task whose checkpoint is worn; None for the base."""
        return next(iter(self.heads)) if self.kind == "expert" else None

    def merge(self) -> Merge | None:
        """What the live model wears; None for the base."""
        return self.bench.expert(self.expert) if self.expert else None

    def recalled(self) -> dict[str, Score] | None:
        """The exact scores, if they were measured in the same surroundings before."""
        known = recall(self._key)
        return None if known is None else {n: Score(**s) for n, s in json.loads(known).items()}

    def keep(self, scores: Mapping[str, Score]) -> None:
        """Keep the exact scores for another time."""
        plain = {name: asdict(score) for name, score in scores.items()}
        keep(self._key, json.dumps(plain).encode())

    @cached_property
    def _key(self) -> str:
        deltas, worn = self.bench.deltas, None
        if self.expert:
            index = deltas.tasks.index(self.expert)
            worn = deltas.checkpoints[index].known_digest
        about = [task_digest(self.bench, name, head) for name, head in self.heads.items()]
        base, on = self.bench.base.known_digest, surroundings(self.bench)
        return cache_key("scores", _FORMAT, on, base, worn, list(self.heads), about)


def references(bench: Bench) -> list[Reference]:
    """Each expert, the base with heads fitted on it, and the base with the experts' heads."""
    names = bench.scored(_SPLIT)
    found = [Reference(bench, "expert", bench.heads([name])) for name in names]
    if fitted := bench.fitted_heads(_SPLIT):
        found.append(Reference(bench, "head_only", fitted))
    return [*found, Reference(bench, "base", bench.heads(names))] if names else []


def measured_references(
    bench: Bench, wear: Callable[[str, Merge | None], None]
) -> Iterator[tuple[str, dict[str, Score]]]:
    """All references, first those that are recalled, then quickly, then exactly.

    Args:
        bench: the open zoo.
        wear: puts a merge on the bench's live model, or None; told what it is called.

    Yields:
        After every batch, the kind of reference and the scores that became known, or none.
    """
    left = []
    for each in references(bench):
        if known := each.recalled():
            yield each.kind, known
        else:
            left.append((each, bench.evaluation(each.heads, _SPLIT)))
    for enough in ("seen", "done"):
        for each, evaluation in left:
            while not getattr(evaluation, enough):
                wear(f"{each.kind} {each.expert}", each.merge())
                evaluation.step(bench.live)
                yield each.kind, {}
            yield each.kind, evaluation.scores()
    for each, evaluation in left:
        each.keep(evaluation.scores())


def surroundings(bench: Bench) -> list:
    """What all scores of a bench depend on beside weights, rows and heads.

    The kind of computer, the versions of what computes, the studio's own code that decides
    results, and the base's configuration and tokenizer.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    versions = str(torch.__version__), str(transformers.__version__), _code()
    settings = text_settings(bench.base.folder)
    return [platform.machine(), capability, str(bench.device), *versions, settings]


def task_digest(bench: Bench, name: str, head: Head | None, split: str = _SPLIT) -> str:
    """Of a task's rows of a split, its settings and a head."""
    task, digest = (bench.tasks | bench.general)[name], hashlib.sha256()
    digest.update(json.dumps([task.spec.pooling, task.spec.max_length]).encode())
    for row in task.rows(split):
        digest.update(json.dumps([row.text, row.label, row.group]).encode())
    if head is not None:
        for tensor in (head.weight, head.bias, *(head.pooler or ())):
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


@cache
def _code() -> str:
    """Digest of the code that decides results: another version of it recalls nothing."""
    folder, digest = Path(studio.__file__).parent, hashlib.sha256()
    files = [file for name in _DECIDING for file in (folder / name).glob("*.py")]
    for file in sorted([*files, folder / "merge.py", folder / "recipe.py"]):
        digest.update(file.read_bytes())
    return digest.hexdigest()
