"""A zoo of trained experts: rows are checked, states kept beside it, then it is written."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint, open_checkpoint
from studio.device import resolve_device
from studio.disk.files import parse_json, read_text
from studio.disk.folders import hold_if_free, new_folder, refuse_existing, refuse_full
from studio.errors import BadData, BadState, BadZoo, Findings, StudioError
from studio.hub.cache import pinned_id
from studio.new_zoo.plan import NewTask, Plan, answering
from studio.new_zoo.prepare import Prepared, prepared
from studio.new_zoo.saving import Saved, placed, saved_at, write_rows, write_zoo
from studio.new_zoo.tables import Table, read_table
from studio.progress import Progress, part, silent
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.pooling import decided
from studio.tasks.kinds.text_settings import TextSettings
from studio.tasks.spec import TaskSpec
from studio.training.checks import Told, unheard
from studio.training.comparison import Compared, compared, note_compared
from studio.training.course import Course
from studio.training.expert import RECORD, Lesson, Trained, train, trained_of

_EXPERTS, _STATES, _PLAN = "experts", "states", "training.json"
_KEYS = ("pooling", "max_length", "targets")  # of an entry, that a training decides
MOST_ROWS = 10_000_000
Allow = Callable[[str, str], None]


@dataclass(frozen=True)
class TrainingPlan:
    """A zoo in the making whose experts are to be trained.

    Attributes:
        name: of the zoo.
        base: opened.
        source: folder or hub id of the base.
        tasks: in the order of the zoo; their checkpoints are not there yet.
        course: how each is trained.
        seed: of the draws of rows.
        drop_leaks: leave rows that are in two splits out of all but the held-out one.
        read: reads a task's tables.
    """

    name: str
    base: Checkpoint
    source: str
    tasks: tuple[NewTask, ...]
    course: Course
    seed: int = 0
    drop_leaks: bool = False
    read: Callable[[NewTask, Path, int], Table] = field(
        default=lambda task, path, seed: read_table(path, seed, most=MOST_ROWS), compare=False
    )


@dataclass(frozen=True)
class TrainedZoo:
    """A zoo that was written, and how its experts came about.

    Attributes:
        saved: where it lies, with notes.
        trained: how each training went, by task.
        compared: each expert beside the head alone, on held-out rows.
    """

    saved: Saved
    trained: Mapping[str, Trained]
    compared: Mapping[str, Compared]


def run_folder(out: Path) -> Path:
    """Where the training of a zoo keeps its states until it is written."""
    return out.with_name(f"{out.name}.training")


def checked_rows(plan: TrainingPlan, progress: Progress = silent) -> dict[str, Prepared]:
    """The rows of all tasks in their splits, before anything is trained.

    Raises:
        StudioError: those of a task cannot be used; of several tasks, all that is wrong.
    """
    wrong, found = Findings("The training"), {}
    for at, task in enumerate(plan.tasks):
        progress(at / len(plan.tasks), f"'{task.name}': reading its rows")
        read = partial(plan.read, task)
        prepare = partial(prepared, task, plan.seed, plan.drop_leaks, read)
        if made := wrong.tried(prepare):
            found[task.name] = made
            if not made.rows:
                wrong.add(BadData(f"'{task.name}' names no rows, so nothing can be learned."))
    wrong.refuse()
    return found


def train_zoo(
    plan: TrainingPlan, out: Path, device: str = "auto", progress: Progress = silent,
    allow: Allow = lambda source, name: None, roots: tuple[Path, ...] = (), told: Told = unheard,
) -> TrainedZoo:  # fmt: skip
    """Train every expert, then write the zoo: whole, or not at all.

    What is trained is kept in ``run_folder(out)`` until the zoo is written; a call with the same
    plan goes on from there.

    Args:
        plan: of the zoo.
        out: a folder that does not exist yet.
        device: 'auto' lets accelerate choose; or 'cpu', 'cuda', 'mps'.
        progress: told what is done and how long it takes; raises to stop.
        allow: as of ``preflight``.
        roots: folders into which links of files may lead.
        told: given the checks of each training as they come.

    Raises:
        Cancelled: by ``progress``.
        StudioError: saying what is wrong with a task, its rows, the place, or its training.
    """
    if not plan.tasks:
        raise BadZoo("A zoo needs at least one task. Name its rows.")
    refuse_existing(out)
    refuse_missing_programs()
    size = sum(entry.numel for entry in plan.base.weights.entries.values()) * 4
    refuse_full(out, 4 * size if plan.course.whole else size // 10)
    rows = checked_rows(plan, part(progress, 0.0, 0.05))
    place = run_folder(out)
    with ExitStack() as held:
        _open_run(plan, rows, place, held)
        found = {}
        for at, task in enumerate(plan.tasks):
            share = 0.85 / len(plan.tasks)
            here = part(progress, 0.05 + share * at, 0.05 + share * (at + 1))
            found[task.name] = _expert(plan, task, rows[task.name], place, out, device, here, told)
        made = _written(plan, rows, place, out, device, part(progress, 0.9, 1.0), allow, roots)
    shutil.rmtree(place, ignore_errors=True)
    return TrainedZoo(made[0], found, made[1])


def refuse_missing_programs() -> None:
    """Refuse to begin without PEFT and accelerate.

    Raises:
        StudioError: naming what to install.
    """
    from importlib.util import find_spec

    if missing := [name for name in ("accelerate", "peft") if find_spec(name) is None]:
        raise StudioError(
            f"Training needs {' and '.join(missing)}: pip install {' '.join(missing)}, then start "
            "the studio again."
        )


def _open_run(
    plan: TrainingPlan, rows: Mapping[str, Prepared], place: Path, held: ExitStack
) -> None:
    """Make the folder of the training, or go on in one of the same plan; it is locked meanwhile."""
    wanted = _plain(plan, rows)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StudioError(f"{place} cannot be made: {problem.strerror}.") from None
    if not held.enter_context(hold_if_free(place)):
        raise StudioError(f"Another training is at work in {place}. Wait for its end.")
    file = place / _PLAN
    if not file.exists():
        file.write_text(json.dumps(wanted, indent=1, ensure_ascii=False), encoding="utf-8")
        return
    known = parse_json(read_text(file, BadState), str(file), BadState)
    known = known if isinstance(known, dict) else {}
    if differs := [key for key in wanted if known.get(key) != wanted[key]]:
        raise BadState(
            f"{place} holds a training that was begun with another {differs[0]} "
            f"({_brief(known.get(differs[0]))}, and not {_brief(wanted[differs[0]])}). Go on with "
            "that one, remove the folder, or choose another place for the zoo."
        )


def _plain(plan: TrainingPlan, rows: Mapping[str, Prepared]) -> dict[str, object]:
    """All that decides what is trained, as JSON."""
    return {
        "base": plan.base.known_digest,
        **plan.course.plain(),
        "draw of rows": [plan.seed, plan.drop_leaks],
        "tasks": [
            [task.name, task.kind, list(rows[task.name].labels),
             dict(rows[task.name].record["columns"]), dict(rows[task.name].record["rows"]),
             {split: file["sha256"] for split, file in rows[task.name].record["files"].items()}]
            for task in plan.tasks
        ],
    }  # fmt: skip


def _brief(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:117] + "…"


def _expert(
    plan: TrainingPlan, task: NewTask, rows: Prepared, place: Path, out: Path, device: str,
    progress: Progress, told: Told,
) -> Trained:  # fmt: skip
    """Train an expert, unless that was done before."""
    folder = place / _EXPERTS / task.name
    if not folder.exists():
        data = _rows_written(task, rows, place)
        lesson = Lesson(
            _spec(plan, task, rows, data), rows.labels if "labels" in KINDS[task.kind].keys else (),
            _named(plan.base, out / _EXPERTS / task.name),
        )  # fmt: skip
        states = place / _STATES / task.name
        states.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as beside:
            train(plan.base, lesson, plan.course, states, beside, device, progress, told)
        shutil.rmtree(states, ignore_errors=True)
    found = parse_json(read_text(folder / RECORD, BadState), str(folder / RECORD), BadState)
    assert isinstance(found, dict)
    found.pop("course", None)
    made = trained_of(found)
    told(task.name, made.checks)
    return made


def _rows_written(task: NewTask, rows: Prepared, place: Path) -> dict[str, Path]:
    try:
        written = write_rows(task, rows.rows, place)
    except OSError as problem:
        raise StudioError(
            f"The rows of '{task.name}' could not be written to {place}: {problem.strerror}. Make "
            "room there and start again."
        ) from None
    return {split: place / file for split, file in written["data"].items()}


def _spec(plan: TrainingPlan, task: NewTask, rows: Prepared, data: Mapping[str, Path]) -> TaskSpec:
    """The task before its expert is there: of the untouched base."""
    kind, source = KINDS[task.kind], str(plan.base.folder)
    entry: dict = {"labels": list(rows.labels)} if "labels" in kind.keys else {}
    if plan.course.longest and "max_length" in kind.keys:
        entry["max_length"] = plan.course.longest
    settings = kind.settings(entry, plan.base.folder, task.name)
    opened = kind.open(TaskSpec(task.name, source, task.kind, settings), {}, plan.base)
    settings = opened.settings or settings
    if isinstance(settings, TextSettings):
        way, _ = decided(None, task.name, plan.base.folder, plan.base)
        settings = replace(settings, pooling=way)
    return TaskSpec(task.name, source, task.kind, settings, data)


def _named(base: Checkpoint, expert: Path) -> str:
    """The base as an adapter's configuration names it: a hub id, or the path from there."""
    return pinned_id(base.folder) or str(Path(_relative(base.folder, expert)))


def _relative(path: Path, folder: Path) -> str:
    import os

    try:
        return os.path.relpath(path, folder)
    except ValueError:  # on another drive
        return str(path)


def _written(
    plan: TrainingPlan, rows: Mapping[str, Prepared], place: Path, out: Path, device: str,
    progress: Progress, allow: Allow, roots: tuple[Path, ...],
) -> tuple[Saved, Mapping[str, Compared]]:  # fmt: skip
    """The zoo, with its experts in its own folder, and each compared with the head alone."""
    target = resolve_device(device)
    with new_folder(out) as beside:
        try:
            progress(0.0, "copying the experts")
            shutil.copytree(place / _EXPERTS, beside / _EXPERTS)
            tasks = [_with_expert(plan, task, rows[task.name], beside) for task in plan.tasks]
            made = Plan(plan.name, plan.base, plan.source, tuple(tasks), plan.seed)
            found, notes = write_zoo(
                made, beside, target, lambda task: rows[task.name], part(progress, 0.1, 0.4),
                allow, roots,
            )  # fmt: skip
            seen = compared(beside, target, part(progress, 0.4, 1.0), roots)
            note_compared(beside, seen)
        except StudioError as problem:
            raise placed(problem, beside, out) from None
    return saved_at(out, found, notes), seen


def _with_expert(plan: TrainingPlan, task: NewTask, rows: Prepared, beside: Path) -> NewTask:
    """The task with its expert, and the keys of its entry that its training has decided."""
    folder = beside / _EXPERTS / task.name
    opened = answering(plan.base, task.name, open_checkpoint(folder), task.kind)
    settings, kind = _spec(plan, task, rows, {}).settings, KINDS[task.kind]
    keys: dict[str, object] = {}
    for key in _KEYS:
        value = getattr(settings, key, None)
        if key in kind.keys and value is not None:
            keys[key] = list(value) if isinstance(value, Sequence) and key == "targets" else value
    return replace(task, checkpoint=folder, opened=opened, labels=rows.labels or None, keys=keys)
