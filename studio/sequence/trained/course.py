"""What training-time baselines share: the plan, the rows, the model, and the tasks so far."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from studio.measure.bench import Bench
from studio.measure.supervision import Supervised, supervision
from studio.sequence.trained.learner import ADAPTER, Learner
from studio.tasks.row_parts import MEASURED, VALIDATION

TRAIN = "train"


@dataclass(frozen=True)
class TrainedPlan:
    """What training at an arrival may spend; none of it was tuned on held-out rows.

    Attributes:
        steps: per arrival.
        batch: rows of a step.
        rows: rows of a task, at most.
        adapter_rate: of AdamW where an adapter is trained; constant, begun anew at every arrival.
        whole_rate: where whole tensors are.
        memory: rows of every earlier task that replay and A-GEM keep.
        fisher: rows of a task that its Fisher information is taken on.
        ewc: strength of EWC's penalty, of each earlier task.
        distilled: factor of LwF's term, of the mean over the earlier tasks' heads.
        temperature: of LwF.
        at_once: rows that the model runs at once.
        seed: of adapters and batches.
    """

    steps: int = 60
    batch: int = 16
    rows: int = 1000
    adapter_rate: float = 1e-3
    whole_rate: float = 5e-5
    memory: int = 32
    fisher: int = 64
    ewc: float = 1000.0
    distilled: float = 1.0
    temperature: float = 2.0
    at_once: int = 32
    seed: int = 0

    def plain(self) -> dict:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Course:
    """Tasks that arrive at a model that is trained on them.

    Attributes:
        plan: of the training.
        learner: the model.
        rows: of every task that will arrive.
        split: that they are of.
        arrived: names of those that have arrived before the present one.
    """

    plan: TrainedPlan
    learner: Learner
    rows: Supervised
    split: str
    arrived: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Of AdamW."""
        plan = self.plan
        return plan.adapter_rate if self.learner.what == ADAPTER else plan.whole_rate


def training_split(bench: Bench, tasks: Sequence[str]) -> str:
    """The split that is trained on: training rows, or the validation rows that are not decided by.

    It is the same kind of rows for all tasks: ``train`` only where each has some.
    """
    return TRAIN if all(TRAIN in bench.tasks[name].spec.data for name in tasks) else MEASURED


def split_words(split: str) -> str:
    """A training split, for people."""
    return "training rows" if split == TRAIN else f"{VALIDATION} rows that fitting may take"


def open_course(bench: Bench, tasks: Sequence[str], plan: TrainedPlan) -> Course:
    """The model and rows for some tasks.

    Raises:
        BadData: a task has no head, no such rows, or rows without labels.
    """
    split, learner = training_split(bench, tasks), Learner(bench)
    rows = {n: supervision(learner.live, bench.tasks[n], split, plan.rows) for n in tasks}
    return Course(plan, learner, rows, split)
