"""What no mix changes: experts, head-only and base, each scored once for all who compare."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from studio.measure.bench import Bench
from studio.measure.doubts import doubts, replaced_experts
from studio.measure.evaluate import Evaluation
from studio.measure.intervals import Score
from studio.measure.outcomes import Measuring, Outcome
from studio.merge import Merge
from studio.progress import Progress, part, silent
from studio.tasks.heads import Head

SPLIT = "held_out"


@dataclass(frozen=True)
class Reference:
    """One model to compare with, for the tasks that its heads are of.

    Attributes:
        bench: the open zoo.
        kind: 'expert', 'head_only' or 'base'.
        heads: by task; of the base also by general rows.
        split: whose rows.
    """

    bench: Bench
    kind: str
    heads: Mapping[str, Head | None]
    split: str = SPLIT

    @property
    def expert(self) -> str | None:
        """The task whose checkpoint is worn; None for the base."""
        return next(iter(self.heads)) if self.kind == "expert" else None

    @property
    def words(self) -> str:
        """What it is called."""
        return f"expert {self.expert}" if self.expert else self.kind.replace("_", "-")

    def merge(self) -> Merge | None:
        """What the live model wears; None for the base."""
        return self.bench.expert(self.expert) if self.expert else None

    def recalled(self) -> dict[str, Score] | None:
        """Its scores, if all of them were measured before; loads no model."""
        known = Measuring(self.bench).recalled(self.merge(), self.heads, self.split)
        return known and known.scores

    def outcome(self, progress: Progress = silent, most: int | None = None) -> Outcome:
        """Its outcome on every row, or on the first so many of each task's fixed shuffle."""
        measuring = Measuring(self.bench, progress)
        return measuring.of(self.merge(), self.heads, self.split, most)


@dataclass(frozen=True)
class References:
    """What no mix changes, on the same rows.

    Attributes:
        tasks: that are scored.
        experts: every task by its own checkpoint alone.
        base: with the experts' heads, and general rows with theirs.
        head_only: the base with heads fitted on it, or None; for the tasks that have one.
        options: of each task, between how many labels its rows choose.
        replaced: by task, a sentence where another checkpoint gave the answers in its rows.
    """

    tasks: tuple[str, ...]
    experts: Outcome
    base: Outcome
    head_only: Outcome | None
    options: Mapping[str, int] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Experts whose scores cannot be trusted, a sentence each; see ``doubts``."""
        floors = [("the base with its head", self.base.scores)]
        if self.head_only:
            floors.insert(0, ("head-only", self.head_only.scores))
        found = doubts(self.experts.scores, self.options, floors, self.replaced)
        return tuple(found.values())

    @property
    def floor(self) -> tuple[str, Outcome]:
        """What not merging gives, with its name; head-only only where every task has it."""
        if self.head_only and set(self.head_only.marks) == set(self.tasks):
            return "head-only", self.head_only
        return "base", self.base.only(self.tasks)


def references(
    bench: Bench, split: str = SPLIT, tasks: Sequence[str] | None = None, general: bool = False
) -> list[Reference]:
    """Each expert, the base with heads fitted on it, and the base with the experts' heads.

    Args:
        bench: the open zoo.
        split: whose rows.
        tasks: of those that can be scored; None for all.
        general: whether the base is run on the general rows, too.
    """
    names = [name for name in bench.scored(split) if tasks is None or name in tasks]
    found = [Reference(bench, "expert", bench.heads([name]), split) for name in names]
    fitted = {name: head for name, head in bench.fitted_heads(split).items() if name in names}
    if fitted:
        found.append(Reference(bench, "head_only", fitted, split))
    heads = bench.heads(names) | (bench.general_heads(split) if general else {})
    return [*found, Reference(bench, "base", heads, split)] if names else []


def score_references(
    chosen: Sequence[Reference],
    progress: Progress = silent,
    most: int | None = None,
    say: Callable[[Reference, str], str] = lambda each, words: f"{each.words}: {words}",
) -> References:
    """The outcomes of some references; what was measured before is recalled.

    Args:
        chosen: see ``references``; the bench's live model is worn for what is not known.
        progress: told the share of all done; may raise to stop.
        most: rows per task, the first of their fixed shuffle; None for all.
        say: what progress is told, by the reference and what is done for it.
    """
    found: dict[str, list[Outcome]] = {"expert": [], "head_only": [], "base": []}
    for place, each in enumerate(chosen):
        within = part(progress, place / len(chosen), (place + 1) / len(chosen))

        def report(share: float, words: str, each=each, within=within) -> None:
            within(share, say(each, words))

        found[each.kind].append(each.outcome(report, most))
    tasks = tuple(each.expert for each in chosen if each.expert)
    head_only = _joined(found["head_only"]) if found["head_only"] else None
    options = {name: each.bench.options(name) for each in chosen if (name := each.expert)}
    scored = _joined(found["expert"]), _joined(found["base"]), head_only
    replaced = replaced_experts(chosen[0].bench) if chosen else {}
    return References(tasks, *scored, options, {n: x for n, x in replaced.items() if n in tasks})


def measured_references(
    bench: Bench, wear: Callable[[str, Merge | None], None]
) -> Iterator[tuple[str, dict[str, Score], float]]:
    """All references, first those that are recalled, then quickly, then exactly.

    Args:
        bench: the open zoo.
        wear: puts a merge on the bench's live model, or None; told what it is called.

    Yields:
        After every batch, the kind of reference, the scores that became known, or none, and the
        share of all batches that is done, 0 to 1.
    """
    left: list[tuple[Reference, Evaluation]] = []
    chosen = references(bench)

    def share() -> float:
        return 1 - sum(1 - evaluation.share for _, evaluation in left) / len(chosen)

    for each in chosen:
        if known := each.recalled():
            yield each.kind, known, 0.0  # how much is left is known once all were looked for
        else:
            left.append((each, bench.evaluation(each.heads, each.split)))
    for enough in ("seen", "done"):
        for each, evaluation in left:
            while not getattr(evaluation, enough):
                wear(f"{each.kind} {each.expert}", each.merge())
                evaluation.step(bench.live)
                yield each.kind, {}, share()
            if enough == "done":
                bench.score_cache.keep(evaluation, each.merge(), each.split)
            yield each.kind, evaluation.scores(), share()


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Outcomes of different tasks as one."""
    marks = {name: own for each in outcomes for name, own in each.marks.items()}
    groups = {name: labels for each in outcomes for name, labels in each.groups.items()}
    return Outcome(marks, groups)
