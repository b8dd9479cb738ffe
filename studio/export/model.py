"""Export: a folder that transformers loads, with heads, recipe, record and model card."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save

from studio import __version__
from studio.checkpoints.alignment import PRETRAINING
from studio.checkpoints.checkpoint import Checkpoint, open_checkpoint
from studio.checkpoints.deltas import refuse_copies, refuse_zero
from studio.checkpoints.writer import write_weights
from studio.disk.files import inside, read_mapping
from studio.disk.folders import flush, new_folder
from studio.errors import BadCheckpoint
from studio.export.card import model_card, public_name
from studio.export.classifier import is_own_classifier, write_classifier
from studio.export.rounding import Rounding, Tally, rounding_from_plain
from studio.measure.scores import Score
from studio.merge import Merge
from studio.progress import Progress, attended, part, silent
from studio.recipe import Recipe, recipe_text
from studio.tasks.live_model import quiet_transformers
from studio.tasks.task import Task

RECORD = "merge.json"
_COMPANIONS = ("*.json", "*.txt", "*.model", "*.jinja")
_NOT_COPIED = ("model.safetensors.index.json", RECORD, "zoo.json", "recipe.json", "labels.json")


def export(
    merge: Merge,
    target: Path,
    tasks: Sequence[Task] = (),
    scores: Mapping[str, Score] | None = None,
    progress: Progress = silent,
    allow_duplicates: bool = False,
    classifiers: bool = False,
    seal: Callable[[Path, Merge, str, Progress], None] | None = None,
) -> str:
    """Write a merged model to a new folder; either all of it is there afterwards, or nothing.

    Args:
        merge: what to write.
        target: a folder that does not exist.
        tasks: whose heads are written beside the weights.
        scores: measured on held-out rows with this merge, for the model card.
        progress: told the share of the work done; raising in it stops the export.
        allow_duplicates: accept equal checkpoints and zero deltas.
        classifiers: also write ``classifiers/<task>``, a complete model for each task whose
            pooling and head are the architecture's own.
        seal: adds to the folder once everything else is in it and the result was loaded: told the
            folder, the merge as it was computed for it, and the weights root.

    Returns:
        The weights root of the written model.

    Raises:
        OutputExists: ``target`` is there already.
        StudioError: the inputs cannot be merged, or the result does not load.
    """
    merge = replace(merge, known=None, recall=None)  # rests on nothing that was kept
    kept = [task for task in tasks if task.name in merge.recipe.names and task.head]
    copies = [task for task in kept if classifiers and is_own_classifier(merge.base, task)]
    with new_folder(target, export_size(merge, len(copies))) as work:
        _take_digests(merge, part(progress, 0.0, 0.2))
        if not allow_duplicates:
            refuse_copies(merge.deltas)
            refuse_zero(merge.deltas)
        root, rounding = _write_model(merge, work, part(progress, 0.2, 0.9))
        for task in kept:
            write_head(work / "heads" / task.name, task)
        for task in copies:
            report = part(progress, 0.9, 0.9)
            _write_classifier(merge, work / "classifiers" / task.name, task, report)
        recorded = with_digests(merge)
        _write_text(work / "recipe.yaml", recipe_text(recorded, work / "recipe.yaml"))
        found = merge_record(merge, root, scores) | {"rounding": rounding.plain()}
        _write_text(work / RECORD, json.dumps(found, indent=1))
        card = model_card(recorded, kept, scores or {}, root, rounding=rounding.words)
        _write_text(work / "README.md", card)
        check = partial(check_loads, work, merge.base, merge.deltas.names)
        attended(check, progress, 0.9, "loading the result once to check it")
        if seal:
            seal(work, merge, root, part(progress, 0.9, 0.98))
        attended(partial(flush, work), progress, 0.98, "flushing to the disk")
        progress(1.0, "done")
    return root


def export_size(merge: Merge, classifiers: int = 0) -> int:
    """Bytes of the weights that an export writes, with so many complete classifiers beside."""
    entries = merge.base.weights.entries.items()
    once = sum(entry.numel * merge.output_dtype(name).itemsize for name, entry in entries)
    return once * (1 + classifiers)


def exported_rounding(folder: Path) -> Rounding:
    """What the cast lost in an export, as its record says."""
    return rounding_from_plain(read_mapping(folder / RECORD, BadCheckpoint)["rounding"])


def _take_digests(merge: Merge, progress: Progress) -> None:
    """Hash the inputs, so that the record names them by what they held."""
    inputs = (merge.base, *merge.deltas.checkpoints)
    for number, checkpoint in enumerate(inputs):
        start, stop = number / len(inputs), (number + 1) / len(inputs)
        checkpoint.weights.take_root(part(progress, start, stop))


def with_digests(merge: Merge) -> Recipe:
    """The recipe with the digest of every checkpoint recorded."""
    entries = (
        replace(task, digest=checkpoint.digest)
        for task, checkpoint in zip(merge.recipe.tasks, merge.deltas.checkpoints, strict=True)
    )
    return replace(merge.recipe, tasks=tuple(entries))


def merge_record(merge: Merge, root: str, scores: Mapping[str, Score] | None) -> dict:
    """What entered the arithmetic: digests, dtype, and the mixing of the vectors as hex floats."""
    rows = [[x.hex() for x in row] for row in merge.numbers.tolist()]
    return {
        "studio": __version__,
        "torch": str(torch.__version__),
        "weights_root": root,
        "recipe_digest": with_digests(merge).digest_on(merge.base.digest),
        "base": {"source": public_name(merge.recipe.base), "digest": merge.base.digest},
        "tasks": [
            {"name": name, "kind": checkpoint.kind, "digest": checkpoint.digest}
            for name, checkpoint in zip(merge.deltas.tasks, merge.deltas.checkpoints, strict=True)
        ],
        "compute_dtype": str(merge.compute_dtype).removeprefix("torch."),
        "vectors": "derived" if merge.method.derives else "raw deltas",
        "mixing": dict(zip(merge.deltas.names, rows, strict=True)),
        "scores": {name: vars(score) for name, score in (scores or {}).items()},
    }


def check_loads(folder: Path, base: Checkpoint, merged: Sequence[str] = ()) -> None:
    """Refuse a written model that lacks a tensor of the base, or that transformers cannot load.

    A merged tensor that transformers would leave aside counts as lacking. Folders without
    ``config.json`` are only checked by name.

    Raises:
        BadCheckpoint: naming the tensors or transformers' reason.
    """
    lost = sorted(set(base.names) - set(open_checkpoint(folder).names))
    if lost:
        raise BadCheckpoint(f"The written model lacks {len(lost)} tensors, first {lost[0]}.")
    if not (folder / "config.json").is_file():
        return
    from transformers import AutoModel

    try:
        with quiet_transformers():
            _, report = AutoModel.from_pretrained(
                folder,
                dtype="auto",
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except Exception as problem:  # transformers raises whatever its config classes raise
        raise BadCheckpoint(
            f"transformers cannot load the written model, so it was removed: {problem}"
        ) from None
    missing = [
        key
        for key in report["missing_keys"]
        if any(name == key or name.endswith("." + key) for name in base.names)
    ]
    missing += [
        name
        for name in report["unexpected_keys"]
        if name in merged and name.split(".")[0] not in PRETRAINING
    ]
    if missing:
        raise BadCheckpoint(
            f"transformers does not use {len(missing)} tensors of the written model, first "
            f"{missing[0]}; the base's config.json does not describe its weights."
        )


def copy_companions(base: Checkpoint, work: Path, dtype: str | None = None) -> None:
    """Config and tokenizer of the base; never code, never weights.

    Args:
        base: whose they are.
        work: an existing folder.
        dtype: of the weights beside them, for the config; None leaves what the base says.
    """
    folder = base.folder
    for pattern in _COMPANIONS:
        for file in sorted(folder.glob(pattern)):
            if file.name not in _NOT_COPIED:
                shutil.copyfile(inside(folder, file), work / file.name)
    config = work / "config.json"
    if config.is_file() and dtype:
        content = base.config
        content.pop("torch_dtype", None)
        config.write_text(json.dumps(content | {"dtype": dtype}, indent=2))


def _write_model(merge: Merge, work: Path, progress: Progress) -> tuple[str, Rounding]:
    """Weights, config and tokenizer; returns the weights root and what the cast lost."""
    layout = {
        name: (merge.output_dtype(name), entry.shape)
        for name, entry in merge.base.weights.entries.items()
    }
    attended(merge.prepare, progress, 0.0, "preparing the merge")
    tally = Tally(merge)
    root = write_weights(work, layout, tally.pieces, progress)
    copy_companions(merge.base, work, merge.recipe.dtype)
    return root, tally.rounding()


def _write_classifier(merge: Merge, folder: Path, task: Task, progress: Progress) -> None:
    folder.mkdir(parents=True)
    copy_companions(merge.base, folder, merge.recipe.dtype)
    write_classifier(merge, task, folder, progress)


def write_head(folder: Path, task: Task) -> None:
    """Write a task's head, labels and settings into a new folder."""
    assert task.head is not None
    folder.mkdir(parents=True)
    tensors = {"weight": task.head.weight, "bias": task.head.bias}
    if task.head.pooler is not None:
        tensors |= dict(zip(("pooler.weight", "pooler.bias"), task.head.pooler, strict=True))
    content = save({name: x.contiguous() for name, x in tensors.items()})
    (folder / "head.safetensors").write_bytes(content)
    _write_text(folder / "labels.json", json.dumps(task.labels, indent=1, ensure_ascii=False))
    settings = {"pooling": task.spec.pooling, "max_length": task.spec.max_length}
    _write_text(folder / "head.json", json.dumps(settings))


def _write_text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
