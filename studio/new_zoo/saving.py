"""Writes a zoo: its file, the drawn rows and fitted heads, all or nothing."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
import yaml
from safetensors.torch import save

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.no_change import refuse_copies, refuse_zero
from studio.device import free_memory
from studio.disk.files import source_folder
from studio.disk.folders import new_folder
from studio.errors import (
    BadData,
    BadZoo,
    Findings,
    NothingToMerge,
    Remedy,
    SeveralProblems,
    StudioError,
)
from studio.hub.cache import pinned_id
from studio.new_zoo.answering import answered, expert_answers
from studio.new_zoo.fitting import Fit, fitted
from studio.new_zoo.plan import NewTask, Plan, entry_of
from studio.new_zoo.prepare import Picture, Prepared, prepared
from studio.new_zoo.tables import Cells, Table, read_table
from studio.preflight import Allow, Preflight, preflight
from studio.progress import Progress, part, silent
from studio.tasks.answerer import ANSWERED_BY, RECORD, answered_by
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.pooling import decided
from studio.tasks.kinds.text_settings import TextSettings
from studio.tasks.spec import EXPERT, TaskSpec, answered_name
from studio.zoo import SPLITS, load_zoo

ZOO_FILE = "zoo.yaml"
_PARQUET = ("image-classification",)
_ABOUT = """\
# Written by the studio's "New zoo". Paths are from this file's folder. {record} tells where the
# rows come from and how they were drawn. docs/formats.md tells all that may stand here.
"""


@dataclass(frozen=True)
class Saved:
    """A zoo that was written.

    Attributes:
        file: ``zoo.yaml``.
        found: its pre-flight.
        notes: on its rows and heads, a sentence each.
    """

    file: Path
    found: Preflight
    notes: tuple[str, ...]


def save_zoo(
    plan: Plan, folder: Path, device: torch.device, progress: Progress = silent,
    allow: Allow = lambda source, name: None, roots: tuple[Path, ...] = (),
    drop_leaks: bool = False, read: Callable[[Path, int], Table] = read_table,
) -> Saved:  # fmt: skip
    """Write a zoo into a new folder and look at it as one that would be opened.

    What is missing of the heads is fitted. If anything is wrong, nothing is written.

    Args:
        plan: of the zoo.
        folder: that does not exist yet.
        device: on which heads are fitted.
        progress: told what is done; raises to stop.
        allow: as of ``preflight``.
        roots: folders into which links of files may lead.
        drop_leaks: as of ``prepared``.
        read: as of ``prepared``.

    Raises:
        StudioError: saying what is wrong with a task, its rows or the place.
    """
    if not plan.tasks:
        raise BadZoo("A zoo needs at least one task. Choose a model.")
    folder = Path(os.path.realpath(folder.parent)) / folder.name
    prepare = partial(prepared, seed=plan.seed, drop_leaks=drop_leaks, read=read)
    with new_folder(folder) as beside:
        try:
            found, notes = write_zoo(plan, beside, device, prepare, progress, allow, roots)
        except StudioError as problem:
            raise placed(problem, beside, folder) from None
    return saved_at(folder, found, notes)


def write_zoo(
    plan: Plan, folder: Path, device: torch.device, prepare: Callable[[NewTask], Prepared],
    progress: Progress = silent, allow: Allow = lambda source, name: None,
    roots: tuple[Path, ...] = (),
) -> tuple[Preflight, tuple[str, ...]]:  # fmt: skip
    """All files of a zoo, in a folder that somebody else names; see ``save_zoo``.

    Returns:
        Its pre-flight there, and what a user should know of its rows and heads.
    """
    notes = _write(plan, folder, device, part(progress, 0.0, 0.9), roots, prepare)
    progress(0.9, "looking at the new zoo as one to be opened")
    found = preflight(load_zoo(folder), allow, roots)
    _refuse_misfits(found, plan)
    _refuse_no_change(plan, roots)
    return found, notes


def saved_at(folder: Path, found: Preflight, notes: tuple[str, ...]) -> Saved:
    """A zoo that has its name now, of which there was a pre-flight before."""
    written = replace(found, zoo=load_zoo(folder), free=free_memory())
    return Saved(folder / ZOO_FILE, written, notes)


def _refuse_no_change(plan: Plan, roots: tuple[Path, ...]) -> None:
    """Refuse a zoo that could not be opened: the same checkpoint twice, or one like the base."""
    named = [(task.name, open_checkpoint(task.checkpoint, roots)) for task in plan.tasks]
    deltas = Deltas(plan.base, named)
    try:
        refuse_copies(deltas)
        refuse_zero(deltas)
    except NothingToMerge as problem:
        raise BadZoo(f"{problem.problem} Leave it out of the new zoo.") from None


def placed(problem: StudioError, beside: Path, folder: Path) -> StudioError:
    """The problem of a zoo beside its place, said of that place."""
    if isinstance(problem, SeveralProblems):
        return SeveralProblems(
            problem.what, [placed(each, beside, folder) for each in problem.found]
        )
    words = problem.problem.replace(str(beside), str(folder))
    return type(problem)(words, problem.remedy, problem.about)


def _refuse_misfits(found: Preflight, plan: Plan) -> None:
    """Refuse what could not be opened; a task that is the reason can be left out."""
    wrong, names = Findings(f"'{plan.name}'"), {task.name for task in plan.tasks}
    for look in found.looks:
        if look.problem and look.name in names:
            wrong.add(look.problem.helped(Remedy.LEAVE_TASK_OUT, look.name))
        elif look.problem:
            wrong.add(look.problem)
    wrong.refuse()


def _write(
    plan: Plan, folder: Path, device: torch.device, progress: Progress, roots: tuple[Path, ...],
    prepare: Callable[[NewTask], Prepared],
) -> tuple[str, ...]:  # fmt: skip
    """All files of the zoo; returns what a user should know."""
    entries, records, notes, unanswered = [], {}, [], {}
    for at, task in enumerate(plan.tasks):
        here = part(progress, 0.8 * at / len(plan.tasks), 0.8 * (at + 1) / len(plan.tasks))
        here(0.0, f"'{task.name}': reading its rows")
        rows = prepare(task)
        notes += [f"'{task.name}': {note}" for note in rows.notes]
        entry = _entry(task, rows, folder)
        if plan.digests:
            here(0.0, f"'{task.name}': taking the digest of its checkpoint")
            checkpoint = open_checkpoint(task.checkpoint, roots)
            entry = {"name": entry.pop("name"), "checkpoint": entry.pop("checkpoint"),
                     "digest": checkpoint.known_digest} | entry  # fmt: skip
        entry |= write_rows(task, rows.rows, folder, rows.unanswered)
        fits: dict[str, Fit] = {}
        if rows.rows and task.needs_head and "train" in rows.rows:
            fits = _fit(plan, task, rows, entry, folder, device, here)
            notes += [_said(task.name, key, fit) for key, fit in fits.items()]
        entries.append(entry)
        unanswered |= {task.name: (task, entry, rows)} if rows.unanswered else {}
        records[task.name] = _record(rows, fits, folder)
    data = {"name": plan.name, "base": _path(plan.source, folder), "tasks": entries}
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    (folder / ZOO_FILE).write_text(_ABOUT.format(record=RECORD) + text, encoding="utf-8")
    if unanswered:
        here = part(progress, 0.8, 1.0)
        for name, found in expert_answers(folder, [*unanswered], device, here, roots).items():
            task, entry, rows = unanswered[name]
            own = answered(task.kind, rows.rows, rows.labels, found.answers)
            entry["data"] = write_rows(task, own, folder, answered=True)["data"]
            whose = answered_by(entry["checkpoint"], found.digest, entry["data"])
            records[name] |= {ANSWERED_BY: whose}
    about = {"made_by": "studio", "seed": plan.seed, "tasks": records}
    (folder / RECORD).write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")
    return tuple(notes)


def _record(rows: Prepared, fits: Mapping[str, Fit], folder: Path) -> dict:
    """Where a task's rows come from, with paths from the zoo's folder, and its fitted heads."""
    if not rows.record:
        return {}
    files = {split: file | {"path": _path(file["path"], folder)}
             for split, file in rows.record["files"].items()}  # fmt: skip
    return {**rows.record, "files": files, "heads": _fits(fits)}


def _entry(task: NewTask, rows: Prepared, folder: Path) -> dict:
    """The task as the zoo file has it, without data."""
    entry: dict = {"name": task.name, "checkpoint": _path(str(task.checkpoint), folder)}
    entry["type"] = task.kind
    beside = entry_of(task.name, task.checkpoint, task.kind)
    entry |= {key: _path(file, folder) for key, file in beside.items()}
    if rows.labels and "labels" in KINDS[task.kind].keys:
        entry["labels"] = list(rows.labels)
    if rows.unanswered:
        entry["labelled_by"] = EXPERT
    return entry | dict(task.keys)


def _path(source: str, folder: Path) -> str:
    """A path from the zoo's folder; a hub id as it is, and so is what was fetched from the Hub."""
    if not Path(source).is_absolute():
        return source
    if pinned := pinned_id(Path(source)):
        return pinned
    try:
        return os.path.relpath(source, folder)
    except ValueError:  # on another drive
        return source


def write_rows(
    task: NewTask, rows: Mapping[str, Sequence[Cells]], folder: Path, answered: bool = False
) -> dict[str, dict[str, str]]:
    """Write the rows of every split into a file of the task's folder, which is made.

    Args:
        task: whose rows.
        rows: by split, by the names of the task's kind.
        folder: of the zoo.
        answered: whether its expert has said what stands in place of labels.

    Returns:
        ``data`` of the task's entry: by split, the file from the zoo's folder; empty for no rows.
    """
    if not rows:
        return {}
    own = folder / "rows" / task.name
    own.mkdir(parents=True, exist_ok=True)
    pictures = task.kind in _PARQUET
    ending = ".parquet" if pictures else ".jsonl"
    write, data = _write_pictures if pictures else _write_lines, {}
    for split in (s for s in SPLITS if s in rows):
        name = answered_name(split, ending) if answered else f"{split}{ending}"
        write(own / name, rows[split])
        data[split] = f"rows/{task.name}/{name}"
    return {"data": data}


def _write_lines(file: Path, rows: Sequence[Cells]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file.write_text("".join(lines), encoding="utf-8")


def _write_pictures(file: Path, rows: Sequence[Cells]) -> None:
    """A table with the pictures themselves in it."""
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([("image", pyarrow.binary()), ("label", pyarrow.string())])
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        for row in rows:
            picture = [{"image": _picture(row["image"]), "label": row.get("label")}]
            writer.write_batch(pyarrow.RecordBatch.from_pylist(picture, schema))


def _picture(image: object) -> bytes:
    if isinstance(image, bytes):
        return image
    if not isinstance(image, Picture):
        raise BadData(f"A picture is {str(image)[:60]!r}; it must be a file or its bytes.")
    try:
        return image.file.read_bytes()
    except OSError as problem:
        raise BadData(f"{image.file} cannot be read: {problem.strerror}.") from None


def _fit(
    plan: Plan, task: NewTask, rows: Prepared, entry: dict, folder: Path, device: torch.device,
    progress: Progress,
) -> dict[str, Fit]:  # fmt: skip
    """Fit the head of the expert, and that of the untouched base; both are written."""
    kind = KINDS[task.kind]
    spec = _spec(plan, task, rows, folder)
    if isinstance(spec.settings, TextSettings):
        entry["pooling"] = spec.settings.pooling
    spec = replace(spec, data={split: folder / file for split, file in entry["data"].items()})
    made = {}
    for at, (key, expert) in enumerate((("head", True), ("head_only", False))):
        here = part(progress, at / 2, (at + 1) / 2)
        fit = fitted(plan.base, spec, kind, rows.labels, expert, device, here)
        tensors = {name: x.contiguous() for name, x in fit.head.tensors.items()}
        file = Path("rows") / task.name / f"{key}.safetensors"
        (folder / file).write_bytes(save(tensors))
        entry[key] = str(file)
        made[key] = fit
    return made


def _spec(plan: Plan, task: NewTask, rows: Prepared, folder: Path) -> TaskSpec:
    """The task without rows, with the settings that its base and checkpoint say."""
    kind, source = KINDS[task.kind], str(task.checkpoint)
    settings = kind.settings({"labels": list(rows.labels)}, folder, task.name)
    opened = kind.open(TaskSpec(task.name, source, task.kind, settings), {}, plan.base)
    settings = opened.settings or settings
    if isinstance(settings, TextSettings):
        pooling, _ = decided(None, task.name, source_folder(source), plan.base)
        settings = replace(settings, pooling=pooling)
    return TaskSpec(task.name, source, task.kind, settings)


def _fits(fits: Mapping[str, Fit]) -> dict:
    return {
        key: {"rows": fit.rows, "strength": fit.strength, "validation_accuracy": fit.accuracy}
        for key, fit in fits.items()
    }


def _said(task: str, key: str, fit: Fit) -> str:
    whose = "the expert" if key == "head" else "the untouched base"
    return (
        f"'{task}': a head was fitted on {whose} with {fit.rows:,} training rows; validation "
        f"accuracy {fit.accuracy:.3f}."
    )
