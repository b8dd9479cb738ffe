"""A linear merge of LoRA adapters as one LoRA adapter that PEFT loads."""

import json
import math
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.architecture import is_embedding
from studio.checkpoints.architecture import turned as turned_by_class
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.lora import CONFIG_FILE, LARGEST_RANK, WEIGHTS_FILE, LoraModule
from studio.checkpoints.stored_names import ROOT
from studio.checkpoints.writer import write_weights
from studio.errors import NotFinite, NothingToMerge, StudioError
from studio.export.card import model_card, public_name
from studio.export.folder import CARD, Written
from studio.export.merged import Merged
from studio.export.worn import wear_again
from studio.merge import Merge
from studio.progress import Progress, silent

_Lost = dict[str, tuple[float, float]]  # squared norms of what is left out, and of all
_INSTEAD = "Export the complete model instead."
_USE = """\
## Use

```python
from peft import PeftModel
from transformers import {model}

base = {model}.from_pretrained({base!r})
model = PeftModel.from_pretrained(base, ".")
```
"""


@dataclass(frozen=True, eq=False)
class MergedAdapter(Merged):
    """A linear merge of LoRA adapters as one adapter.

    Without a rank the factors of all tasks stand side by side, each times its mixing: the same
    delta up to rounding. With one, every tensor keeps its leading singular directions.

    Attributes:
        rank: most directions per tensor, or None for all.
    """

    rank: int | None = None

    @property
    def size(self) -> int:
        """See ``Content``."""
        refuse_no_factors(self.given, self.rank)
        targets = _targets(self.given, self.rank).values()
        return sum(each.rank * sum(each.shape) for each in targets) * _dtype(self.given).itemsize

    def write(self, work: Path, progress: Progress) -> Written:
        """See ``Content``."""
        root, made = write_adapter(self.merge, work, self.rank, progress)
        notes = tuple(self.merge.notes)
        card = model_card(self.recorded, (), {}, root, "peft", notes=notes, licence=self.licence)
        use = _USE.format(base=public_name(self.merge.recipe.base), model=self.kind.model_class)
        texts = self.texts(work, root, {}, {"adapter": made.plain()})
        texts[CARD] = f"{card}\n## As one adapter\n\nThis is {made.words}.\n\n{use}"
        checked = [*self.told]
        if self.checks == "full":
            checked.append(wear_again(work, self.merge))
        return Written(root, texts, made.words, notes, tuple(checked), tuple(self.doubts))

    def check(self, work: Path) -> None:
        """See ``Content``."""
        self.refuse_changed()
        Deltas(self.merge.base, [("merged", open_checkpoint(work))])  # it can be read, and fits


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


@dataclass(frozen=True)
class Compression:
    """What is left of the merged change, and what is not.

    Attributes:
        rank: largest rank of a tensor.
        error: Frobenius norm of what was left out, relative to that of the merged delta.
        worst: the tensor that lost the largest share of its own norm, and that share.
    """

    rank: int
    error: float
    worst: tuple[str, float]

    @classmethod
    def of(cls, targets: Mapping[str, _Target], lost: _Lost) -> "Compression":
        """Of squared norms lost and whole, by tensor."""
        shares = {
            name: math.sqrt(part / whole) if whole else 0.0 for name, (part, whole) in lost.items()
        }
        worst = max(shares, key=lambda name: shares[name])
        part, whole = (sum(column) for column in zip(*lost.values(), strict=True))
        error = math.sqrt(part / whole) if whole else 0.0
        return cls(max(each.rank for each in targets.values()), error, (worst, shares[worst]))

    @property
    def words(self) -> str:
        """One sentence on rank and error."""
        if not self.error:
            return f"rank {self.rank}, all factors side by side: nothing was left out"
        return (
            f"rank {self.rank}; {self.error:.2%} of the merged change was left out (Frobenius "
            f"norm), at most {self.worst[1]:.2%} of a tensor, {self.worst[0]}"
        )

    def plain(self) -> dict:
        """As it stands in an export's record."""
        return {"rank": self.rank, "error": self.error, "worst": list(self.worst)}


def write_adapter(
    merge: Merge, work: Path, rank: int | None = None, progress: Progress = silent
) -> tuple[str, Compression]:
    """Write the factors of a merge of LoRAs and PEFT's options into a folder.

    Args:
        merge: see ``refuse_no_factors``.
        work: an existing folder.
        rank: most directions per tensor, or None for all.
        progress: told the share that is written.

    Returns:
        The weights root, and what is left of the merged change.
    """
    targets, lost = _targets(merge, rank), {}
    root = _write_factors(merge, targets, lost, work, progress)
    options = json.dumps(_config(merge, targets), indent=2)
    (work / CONFIG_FILE).write_text(options, encoding="utf-8")
    return root, Compression.of(targets, lost)


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
    if merge.recipe.calibrate:
        raise StudioError(
            "The mix is calibrated, which changes whole layers, so its change is no LoRA. Leave "
            f"'calibrate' out, or take the merged weights. {_INSTEAD}"
        )
    if merge.statistics.names:
        raise StudioError(
            "The merge has running statistics of batch normalization of its own, which no adapter "
            f"holds. Take batch_norm: base, or the merged weights. {_INSTEAD}"
        )
    if merge.union.places:
        raise StudioError(
            f"{len(merge.union.places)} tokens join the vocabulary, and an adapter on the base has "
            f"no rows for them. Take vocabulary: base, or the merged weights. {_INSTEAD}"
        )
    for index, task in enumerate(merge.deltas.tasks):
        modules = merge.deltas.joins[index].modules
        for name, path in merge.deltas.joins[index].shared.items():
            found = modules.get(path)
            if not isinstance(found, LoraModule) or found.magnitude:
                raise StudioError(
                    f"'{task}' changes {name} as a whole and not by low-rank factors (it is a full "
                    "model, a DoRA, an adapter of another type, or trains this tensor itself). "
                    f"{_INSTEAD}"
                )
            if len(merge.base.weights.entries[name].shape) != 2:
                raise StudioError(
                    f"'{task}' changes {name}, a convolution; an adapter of convolutions is not "
                    f"written. {_INSTEAD}"
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
                found_here = merge.deltas.joins[index].modules[path]
                assert isinstance(found_here, LoraModule)
                module = found_here
                full += module.whole_rank
                a, b = (checkpoint.weights.entries[part].shape for part in (module.a, module.b))
                turned = bool(module.is_transposed(a, b, shape, turned_by_class(merge.base, name)))
        if module is not None:
            kept = full if rank is None else min(rank, full, *shape)
            if kept > LARGEST_RANK:
                raise StudioError(
                    f"Side by side the factors of {name} have rank {kept:,}; at most "
                    f"{LARGEST_RANK:,} is read. Give a rank to compress them to."
                )
            path = prefix + name.removesuffix(".weight")
            embedding = module.embedding or is_embedding(merge.base, name)  # of a tied head
            found[name] = _Target(path, embedding, turned or embedding, kept, shape)
    if not found:
        raise NothingToMerge("The merged change is zero; there is no adapter to write.")
    return found


def _write_factors(
    merge: Merge, targets: Mapping[str, _Target], lost: _Lost, work: Path, progress: Progress
) -> str:
    """Write the factors, and note what each tensor loses; returns the weights root."""
    dtype, layout, owner = _dtype(merge), {}, {}
    for name, each in targets.items():
        left, right = (each.shape[0], each.rank), (each.rank, each.shape[1])
        shapes = (left[::-1], right[::-1]) if each.transposed else (right, left)
        for stored, shape in zip(each.stored(), shapes, strict=True):
            layout[stored], owner[stored] = (dtype, shape), name

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

    return write_weights(work, layout, values, progress, WEIGHTS_FILE, sys.maxsize)


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


def _rank_pattern(ranks: Mapping[str, int], usual: int) -> dict[str, int]:
    """Ranks by path, such that every PEFT from 0.10 on finds each module's own.

    PEFT takes the first path with which a module's ends, so longer ones come first; old releases
    know no ``^``.
    """
    ends = {path for path, rank in ranks.items() if rank != usual}
    longer = {path for path in ranks if any(path.endswith(f".{end}") for end in ends)}
    return {path: ranks[path] for path in sorted(ends | longer, key=lambda p: (-len(p), p))}


def _config(merge: Merge, targets: Mapping[str, _Target]) -> dict:
    """PEFT's options; alpha equals the rank everywhere, so the scale is 1."""
    ((usual, _),) = Counter(each.rank for each in targets.values()).most_common(1)
    others = _rank_pattern({each.path: each.rank for each in targets.values()}, usual)
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
