"""One expert: trained from a base on the rows of its task, kept at its best check."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import BadData, StudioError
from studio.measure.examples import Examples, examples
from studio.new_zoo.fitting import fitted
from studio.new_zoo.plan import FITTED
from studio.progress import Progress, part, silent
from studio.tasks.heads import Head
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.contract import Kind
from studio.tasks.live_model import LiveModel
from studio.tasks.pretrained import quiet_transformers
from studio.tasks.spec import TaskSpec
from studio.tasks.task import Task
from studio.training.checks import DIVERGED, EARLY, WHOLE, Check, Told, checks, losses, unheard
from studio.training.course import Course
from studio.training.kept_state import newest

RECORD = "train_results.json"
_HEAD_SHARE = 0.1  # of the progress
_CURVE = 500  # points that are kept


@dataclass(frozen=True)
class Trained:
    """How the training of an expert went.

    Attributes:
        task: its name.
        checks: on the validation rows, in their order; the first is before training.
        curve: of training, ``(step, mean loss since the one before)``.
        best: the check at which the expert was kept.
        steps: that were planned.
        ended: 'whole', 'early' or 'diverged'.
        trouble: what diverged, in words; empty if nothing did.
        seconds: that the training took, in this run of it.
        rows: it was trained on.
        head_only: validation accuracy of the head that was fitted on the untouched base, or None.
    """

    task: str
    checks: tuple[Check, ...]
    curve: tuple[tuple[int, float], ...]
    best: Check
    steps: int
    ended: str
    trouble: str
    seconds: float
    rows: int
    head_only: float | None = None

    @property
    def words(self) -> str:
        """How it ended, and what was kept, in a sentence."""
        last = self.checks[-1].step
        how = {
            WHOLE: f"was trained for {last:,} steps",
            EARLY: f"ended early, after {last:,} of {self.steps:,} steps, for nothing got better",
            DIVERGED: f"diverged: {self.trouble}. Its best state before that is kept; a lower "
            "learning rate may help",
        }[self.ended]
        accuracy = "" if self.best.accuracy is None else f", accuracy {self.best.accuracy:.3f}"
        return (
            f"'{self.task}' {how}. Kept is step {self.best.step:,}: validation loss "
            f"{self.best.loss:.3f}{accuracy}."
        )

    def plain(self) -> dict[str, Any]:
        """As JSON, which has no word for a loss that is no number: such a check has none."""
        step = max(len(self.curve) // _CURVE, 1)
        curve = [list(each) for each in self.curve[::step] if math.isfinite(each[1])]
        checks = [asdict(each) | {"loss": _finite(each.loss)} for each in self.checks]
        return asdict(self) | {"curve": curve, "checks": checks}


def trained_of(found: Mapping[str, Any]) -> Trained:
    """What ``Trained.plain`` was made of."""
    made = [
        Check(**{**each, "loss": math.nan if each["loss"] is None else each["loss"]})
        for each in found["checks"]
    ]
    curve = tuple((int(step), float(loss)) for step, loss in found["curve"])
    whole = {"checks": tuple(made), "best": Check(**found["best"]), "curve": curve}
    return Trained(**{**found, **whole})


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


@dataclass(frozen=True)
class Lesson:
    """What an expert is trained on.

    Attributes:
        spec: of the task, with files of ``train`` and ``validation`` rows; its checkpoint is the
            base's folder.
        labels: in the order of the head; empty where the model's own layers answer.
        named: the base, as an adapter's configuration names it.
    """

    spec: TaskSpec
    labels: tuple[str, ...]
    named: str

    @property
    def kind(self) -> Kind:
        """Of the task."""
        return KINDS[self.spec.type]


def train(
    base: Checkpoint, lesson: Lesson, course: Course, place: Path, out: Path, device: str,
    progress: Progress = silent, told: Told = unheard,
) -> Trained:  # fmt: skip
    """Train an expert and write it, with its head, that of the base alone, and how it went.

    Args:
        base: of the zoo.
        lesson: what it is trained on.
        course: how.
        place: folder in which the training keeps its states; one that is there goes on.
        out: an empty folder for the expert.
        device: 'auto' lets accelerate choose; or 'cpu', 'cuda', 'mps'.
        progress: told the step and the time left; what it raises keeps the state and stops.
        told: given the checks on validation rows as they come.

    Raises:
        Cancelled: by ``progress``; the next call goes on from the step that was kept.
        StudioError: the rows cannot be used, the disk is full, or the training has diverged before
            anything could be kept.
    """
    from studio.training.trainer import arguments

    began = time.monotonic()
    settings = arguments(place, 1, course, device)
    answers, fit = _answering(base, lesson, settings.device, part(progress, 0.0, _HEAD_SHARE))
    live = LiveModel(base, settings.device, [lesson.kind], torch.float32)
    task = Task(answers.spec, lesson.labels, answers.head, None)
    rows = {split: examples(live, task, split) for split in ("train", "validation")}
    here = part(progress, _HEAD_SHARE, 1.0)
    done = _trained(live, rows, answers.head, course, place, device, lesson, here, out, told)
    result = replace(done, seconds=time.monotonic() - began, head_only=fit[1] if fit else None)
    if fit:
        tensors = {name: x.contiguous() for name, x in fit[0].tensors.items()}
        (out / "head_only.safetensors").write_bytes(save(tensors))
    if lesson.labels:
        (out / "labels.json").write_text(json.dumps(lesson.labels, ensure_ascii=False))
    text = json.dumps({**result.plain(), "course": course.plain()}, ensure_ascii=False, indent=1)
    (out / RECORD).write_text(text)
    return result


@dataclass(frozen=True)
class _Answering:
    spec: TaskSpec
    head: Head


def _answering(
    base: Checkpoint, lesson: Lesson, device: torch.device, progress: Progress
) -> tuple[_Answering, tuple[Any, float] | None]:
    """What answers for the task: layers of the base, or a head fitted on it, which is trained on.

    The head starts where a logistic regression on the untouched base has come (Kumar et al. 2022,
    arXiv 2202.10054: first the head, then all), so the first check is that of the head alone.
    """
    spec, kind = lesson.spec, lesson.kind
    fit = None
    if spec.type in FITTED:
        found = fitted(base, spec, kind, lesson.labels, False, device, progress)
        fit = found.head, found.accuracy
    try:
        opened = kind.open(spec, {}, base)
    except StudioError:
        if fit is None:
            raise
        return _Answering(spec, fit[0]), fit
    if opened.head is None or (fit and opened.head.tensors):
        assert fit
        return _Answering(spec, fit[0]), fit
    return _Answering(replace(spec, settings=opened.settings or spec.settings), opened.head), fit


def _trained(
    live: LiveModel, rows: Mapping[str, Examples], head: Head, course: Course, place: Path,
    device: str, lesson: Lesson, progress: Progress, out: Path, told: Told,
) -> Trained:  # fmt: skip
    """Train, from a kept state if there is one, put on the best and write it."""
    from transformers import set_seed

    from studio.training.pupil import Pupil
    from studio.training.trainer import ExpertTrainer, arguments
    from studio.training.watch import Watch

    set_seed(course.seed)
    train, name = rows["train"], lesson.spec.name
    with quiet_transformers():
        pupil = Pupil(live, train, rows["validation"], head, course, lesson.named)
        watch = Watch(progress, course.patience, name, told)
        trainer = ExpertTrainer(pupil, arguments(place, len(train.items), course, device), watch)
    known = newest(place)
    trainer.args.eval_on_start = known is None
    trainer.train(resume_from_checkpoint=str(known) if known else None)
    if watch.stopped:
        step = trainer.state.global_step
        raise type(watch.stopped)(
            f"Cancelled; step {step:,} of {trainer.state.max_steps:,} of '{name}' was kept. Start "
            "it again with the same settings, and it goes on from there."
        )
    found = checks(trainer.state.log_history)
    best = trainer.state.best_global_step
    if not best:
        raise BadData(
            f"'{name}': the training diverged before anything could be kept: {watch.trouble}. "
            f"Choose a lower learning rate (it was {course.learning_rate:g})."
        )
    kept = next(each for each in found if each.step == best)
    pupil.eval()
    pupil.write(out)
    total = trainer.state.max_steps
    return Trained(
        name, found, losses(trainer.state.log_history), kept, total, watch.ended, watch.trouble,
        0.0, len(train.items),
    )  # fmt: skip
