"""A linear merge of LoRA adapters as one LoRA adapter that PEFT loads."""

import json
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas, refuse_copies, refuse_zero
from studio.checkpoints.lora import (
    CONFIG_FILE,
    LARGEST_RANK,
    ROOT,
    WEIGHTS_FILE,
    LoraConfig,
    Module,
    is_transposed,
)
from studio.checkpoints.writer import write_weights
from studio.disk.folders import new_folder
from studio.errors import NotFinite, NothingToMerge, StudioError
from studio.export.card import model_card, public_name
from studio.export.model import RECORD, merge_record, with_digests, write_head
from studio.merge import Merge
from studio.progress import Progress, silent
from studio.recipe import recipe_text
from studio.tasks.task import Task

_INSTEAD = "Export the complete model instead."
_USE = """\
## Use

```python
from peft import PeftModel
from transformers import AutoModel

base = AutoModel.from_pretrained({base!r})
model = PeftModel.from_pretrained(base, ".")
```
"""


@dataclass(frozen=True)
class AdapterExport:
    """What was written.

    Attributes:
        root: weights root of the adapter's file.
        rank: largest rank of a tensor.
        error: Frobenius norm of what recompression lost, relative to that of the merged delta.
        worst: the tensor that lost the largest share of its own norm, and that share.
    """

    root: str
    rank: int
    error: float
    worst: tuple[str, float]

    @property
    def words(self) -> str:
        """One sentence on rank and error."""
        if not self.error:
            return f"rank {self.rank}, all factors side by side: nothing was left out"
        return (
            f"rank {self.rank}; {self.error:.2%} of the merged change was left out (Frobenius "
            f"norm), at most {self.worst[1]:.2%} of a tensor, {self.worst[0]}"
        )


@dataclass(frozen=True)
class _Target:
    """One tensor of the base as the adapter will change it: ``delta = left @ right``."""

    path: str
    embedding: bool
    transposed: bool
    rank: int
    shape: tuple[int, ...]

    def stored(self) -> tuple[str, str]:
        """Names of PEFT's A and B."""
        kind, end = ("embedding_", "") if self.embedding else ("", ".weight")
        return tuple(f"{ROOT}{self.path}.lora_{kind}{part}{end}" for part in "AB")  # type: ignore[return-value]


def export_as_lora(
    merge: Merge,
    target: Path,
    rank: int | None = None,
    tasks: Sequence[Task] = (),
    progress: Progress = silent,
    allow_duplicates: bool = False,
) -> AdapterExport:
    """Write a merge of LoRA adapters as one adapter; all of it is there afterwards, or nothing.

    Without a rank the factors of all tasks stand side by side, each times its mixing: the same
    delta up to rounding. With one, every tensor keeps its leading singular directions.

    Args:
        merge: linear, of LoRA adapters only.
        target: a folder that does not exist.
        rank: most directions per tensor, or None for all.
        tasks: whose heads are written beside the adapter.
        progress: told the share of the work done; raising in it stops the export.
        allow_duplicates: accept equal checkpoints and zero deltas.

    Raises:
        StudioError: the merged change is no product of factors, or ``target`` is there already.
    """
    merge = replace(merge, known=None, recall=None)
    refuse_no_factors(merge, rank)
    targets, dtype = _targets(merge, rank), _dtype(merge)
    layout, owner = {}, {}
    for name, each in targets.items():
        left, right = (each.shape[0], each.rank), (each.rank, each.shape[1])
        shapes = (left[::-1], right[::-1]) if each.transposed else (right, left)
        for stored, shape in zip(each.stored(), shapes, strict=True):
            layout[stored], owner[stored] = (dtype, shape), name
    with new_folder(target, adapter_size(merge, rank)) as work:
        if not allow_duplicates:
            refuse_copies(merge.deltas)
            refuse_zero(merge.deltas)
        lost: dict[str, tuple[float, float]] = {}

        def values(stored: str) -> list[Tensor]:
            each = targets[owner[stored]]
            left, right, lost[owner[stored]] = _factors(merge, owner[stored], each.rank)
            a, b = (left.T, right.T) if each.transposed else (right, left)
            values = (a if stored == each.stored()[0] else b).to(dtype).contiguous()
            if not bool(values.isfinite().all()):
                raise NotFinite(
                    f"{stored}: the factors leave the range of {dtype}; use smaller coefficients "
                    "or `dtype: float32`."
                )
            return [values.view(-1)]

        root = write_weights(work, layout, values, progress, WEIGHTS_FILE, sys.maxsize)
        made = _summary(root, targets, lost)
        _write_beside(merge, work, targets, made, tasks)
        Deltas(merge.base, [("merged", open_checkpoint(work))])  # it can be read, and fits
    return made


def adapter_size(merge: Merge, rank: int | None = None) -> int:
    """Bytes of the factors that an adapter of this merge would hold.

    Raises:
        StudioError: the merged change is no product of factors.
    """
    refuse_no_factors(merge, rank)
    numbers = sum(each.rank * sum(each.shape) for each in _targets(merge, rank).values())
    return numbers * _dtype(merge).itemsize


def refuse_no_factors(merge: Merge, rank: int | None = None) -> None:
    """Refuse a merge whose change cannot be one adapter.

    Raises:
        StudioError: naming the method or the task.
    """
    if rank is not None and rank < 1:
        raise StudioError(f"The rank of the adapter is {rank}; it must be at least 1.")
    if merge.method.derives:
        raise StudioError(
            f"{merge.recipe.method} with these options mixes something else than the tasks' whole "
            f"deltas, so the merged change is no LoRA. {_INSTEAD}"
        )
    for index, task in enumerate(merge.deltas.tasks):
        checkpoint = merge.deltas.checkpoints[index]
        modules = checkpoint.sorted_names[0] if checkpoint.adapter else {}
        for name, path in merge.deltas.joins[index].shared.items():
            found = modules.get(path)
            if not isinstance(found, Module) or found.magnitude:
                raise StudioError(
                    f"'{task}' changes {name} as a whole and not by low-rank factors (it is a full "
                    f"model, a DoRA, an OFT or trains this tensor itself). {_INSTEAD}"
                )


def _dtype(merge: Merge) -> torch.dtype:
    return getattr(torch, merge.recipe.dtype) if merge.recipe.dtype else merge.compute_dtype


def _targets(merge: Merge, rank: int | None) -> dict[str, _Target]:
    """The tensors that the merge changes, with the rank of their change."""
    prefixes = {join.prefix for join in merge.deltas.joins}
    prefix = prefixes.pop() if len(prefixes) == 1 else ""
    found = {}
    for t, name in enumerate(merge.deltas.names):
        shape = merge.base.weights.entries[name].shape
        full, module, turned = 0, None, False
        for index, weight in enumerate(merge.mixing[t].tolist()):
            path = merge.deltas.joins[index].shared.get(name)
            checkpoint = merge.deltas.checkpoints[index]
            if path is not None and weight != 0.0:
                assert isinstance(checkpoint.adapter, LoraConfig)
                full += checkpoint.adapter.rank_of(path)
                module = checkpoint.sorted_names[0][path]
                assert isinstance(module, Module)
                a, b = (checkpoint.weights.entries[part].shape for part in (module.a, module.b))
                turned = bool(is_transposed(module, a, b, checkpoint.adapter, shape))
        if module is not None:
            kept = full if rank is None else min(rank, full, *shape)
            if kept > LARGEST_RANK:
                raise StudioError(
                    f"Side by side the factors of {name} have rank {kept:,}; at most "
                    f"{LARGEST_RANK:,} is read. Give a rank to compress them to."
                )
            path = prefix + name.removesuffix(".weight")
            found[name] = _Target(path, module.embedding, turned, kept, shape)
    if not found:
        raise NothingToMerge("The merged change is zero; there is no adapter to write.")
    return found


def _factors(merge: Merge, name: str, rank: int) -> tuple[Tensor, Tensor, tuple[float, float]]:
    """``(out, rank)`` and ``(rank, in)`` of the merged delta; squared norms lost and whole."""
    weights = merge.mixing[merge.deltas.names.index(name)].tolist()
    parts = [
        (weight, source)
        for weight, source in zip(weights, merge.deltas.at(name).factors, strict=True)
        if source is not None and weight != 0.0
    ]
    left = torch.cat([f.b.double() * (weight * f.scale) for weight, f in parts], 1)
    right = torch.cat([f.a.double() for _, f in parts])
    if rank >= left.shape[1]:
        return left, right, (0.0, float(((left.T @ left) * (right @ right.T)).sum()))
    columns, upper = torch.linalg.qr(left)
    rows, lower = torch.linalg.qr(right.T)
    u, s, vh = torch.linalg.svd(upper @ lower.T)
    squares, root = s.square(), s[:rank].sqrt()
    left, right = columns @ u[:, :rank] * root, (rows @ vh[:rank].T * root).T
    return left, right, (float(squares[rank:].sum()), float(squares.sum()))


def _summary(
    root: str, targets: Mapping[str, _Target], lost: Mapping[str, tuple[float, float]]
) -> AdapterExport:
    shares = {
        name: math.sqrt(part / whole) if whole else 0.0 for name, (part, whole) in lost.items()
    }
    worst = max(shares, key=lambda name: shares[name])
    part, whole = (sum(column) for column in zip(*lost.values(), strict=True))
    error = math.sqrt(part / whole) if whole else 0.0
    rank = max(each.rank for each in targets.values())
    return AdapterExport(root, rank, error, (worst, shares[worst]))


def _write_beside(
    merge: Merge, work: Path, targets: Mapping[str, _Target], made: AdapterExport,
    tasks: Sequence[Task],
) -> None:  # fmt: skip
    """Configuration, recipe, record, card and heads."""
    for task in tasks:
        if task.name in merge.recipe.names and task.head:
            write_head(work / "heads" / task.name, task)
    recorded = with_digests(merge)
    found = merge_record(merge, made.root, None)
    found["adapter"] = {"rank": made.rank, "error": made.error, "worst": list(made.worst)}
    card = model_card(recorded, (), {}, made.root, "peft")
    use = _USE.format(base=public_name(merge.recipe.base))
    texts = {
        CONFIG_FILE: json.dumps(_config(merge, targets), indent=2),
        RECORD: json.dumps(found, indent=1),
        "recipe.yaml": recipe_text(recorded, work / "recipe.yaml"),
        "README.md": f"{card}\n## As one adapter\n\nThis is {made.words}.\n\n{use}",
    }
    for name, text in texts.items():
        (work / name).write_text(text, encoding="utf-8")


def _config(merge: Merge, targets: Mapping[str, _Target]) -> dict:
    """PEFT's options; alpha equals the rank everywhere, so the scale is 1."""
    ((usual, _),) = Counter(each.rank for each in targets.values()).most_common(1)
    others = {f"^{each.path}": each.rank for each in targets.values() if each.rank != usual}
    return {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": public_name(merge.recipe.base),
        "r": usual,
        "lora_alpha": usual,
        "rank_pattern": others,
        "alpha_pattern": others,
        "target_modules": sorted(each.path for each in targets.values()),
        "fan_in_fan_out": any(e.transposed and not e.embedding for e in targets.values()),
        "bias": "none",
        "inference_mode": True,
    }
