"""OFT adapters as PEFT saves them: which options are understood, and the rotation per tensor."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from studio.checkpoints.adapter import (
    HARMLESS,
    INSTEAD,
    Adapter,
    Module,
    Read,
    Shapes,
    Sorted,
    refuse_unknown,
    sort_parts,
)
from studio.checkpoints.low_rank import Rows, in_blocks
from studio.checkpoints.stored import Stored
from studio.errors import BadCheckpoint, ShapeMismatch

LARGEST_BLOCK = 16_384
MOST_TERMS = 100
_PARTS = {".oft_R.weight": "linear", ".oft_embedding_R.weight": "embedding"}
_KNOWN = HARMLESS | {
    "block_share", "coft", "eps", "init_weights", "module_dropout", "num_cayley_neumann_terms",
    "oft_block_size", "r", "use_cayley_neumann",
}  # fmt: skip


@dataclass(frozen=True)
class OftConfig(Adapter):
    """The options of an OFT adapter that determine its rotations.

    Attributes:
        terms: of the Neumann series in the place of the Cayley transform; None for the transform.
        limit: largest norm of a block's coordinates (COFT), before it is divided by the root of
            the number of blocks; None for no limit.
        shared: whether one block serves all parts of the input.
    """

    terms: int | None
    limit: float | None
    shared: bool

    kind = "OFT"
    part = "rotations"

    def plain(self) -> dict:
        """See ``Adapter``."""
        options = {"limit": self.limit, "shared": self.shared, "terms": self.terms}
        return {"kind": "oft"} | {key: value for key, value in options.items() if value}

    def sort_names(self, shapes: Shapes, folder: Path) -> Sorted:
        """See ``Adapter``."""
        parts = sort_parts(shapes, _PARTS, self.kind, "oft_", folder)
        modules: dict[str, Module] = {}
        for path, found in parts.modules.items():
            if len(found) > 1:
                raise BadCheckpoint(f"{folder}: {' and '.join(found.values())} are both there.")
            ((part, stored),) = found.items()
            modules[path] = Rotation(path, stored, part == "embedding", self)
        others = {name.replace(".base_layer.", "."): at for name, at in parts.others.items()}
        if clash := sorted({*others.values()} & {*modules}):
            raise BadCheckpoint(f"{folder} names {clash[0]} both as a tensor and as a module.")
        if not modules:
            raise BadCheckpoint(f"{folder} holds no OFT rotations.")
        return Sorted(modules, others, parts.notes)


@dataclass(frozen=True)
class Rotation(Module):
    """The stored name of one module's trained rotation.

    Attributes:
        path: of the module in the model that was trained.
        coordinates: name of ``(blocks, b (b - 1) / 2)``, the upper triangles of skew blocks.
        embedding: whether it is an embedding, whose rows PEFT turns the other way round.
        config: of the adapter.
    """

    path: str
    coordinates: str
    embedding: bool
    config: OftConfig

    @property
    def stored(self) -> tuple[str, ...]:
        """See ``Module``."""
        return (self.coordinates,)

    def check(self, shapes: Shapes, shape: tuple[int, ...], name: str, task: str) -> None:
        """See ``Module``."""
        found = shapes[self.coordinates]
        if len(shape) != 2:
            raise ShapeMismatch(
                f"'{task}': {self.coordinates} turns {name}, which the base has as {shape}; only "
                f"linear layers and embeddings are supported, so {INSTEAD}."
            )
        size = block_size(found[1]) if len(found) == 2 else None
        shared = self.config.shared
        blocks = 1 if shared else shape[1] // (size or 1)
        if size is None or shape[1] % size or found[0] != blocks:
            which = "one block for all inputs" if shared else "a block for each part of inputs"
            raise ShapeMismatch(
                f"'{task}': {self.coordinates} is {found} ({which}), which does not fit {name}: "
                f"the base has it as {shape}. The adapter belongs to another base model."
            )

    def delta(self, base: Stored, read: Read, turned: bool | None) -> "Rotated":
        """See ``Module``.

        PEFT multiplies a linear layer's inputs by ``R^T`` of the skew Q that it stores, an
        embedding's rows by R; its series is that of the inverse. The sign of A follows.
        """
        skew, limit = skew_blocks(read(self.coordinates)), self.config.limit
        if limit is not None:
            most = limit / math.sqrt(len(skew))
            norms = torch.linalg.matrix_norm(skew, keepdim=True)
            skew = torch.where(norms <= most, skew, skew * (most / norms.clamp(min=1e-300)))
        if self.embedding != (self.config.terms is not None):
            skew = -skew
        if self.config.shared:
            skew = skew.expand(base.entry.shape[1] // skew.shape[1], -1, -1)
        return Rotated(base, skew, self.config.terms)


@dataclass(frozen=True)
class Rotated(Rows):
    """A delta ``W R - W`` with R block-diagonal and, if not cut off as a series, orthogonal.

    Dense, since it depends on the base. Products are a library's, so its bits belong to one kind
    of machine.

    Attributes:
        base: W, ``(out, in)``.
        skew: ``(blocks, b, b)`` float64 A with ``R = (I - A)^-1 (I + A)``; blocks b = in.
        terms: of PEFT's series in the place of R, or None for R itself.

    Source: OFT (arXiv 2306.07280), Sec. 4, as PEFT merges it.
    """

    base: Stored
    skew: Tensor
    terms: int | None

    @property
    def block_size(self) -> int:
        """Inputs that are turned together."""
        return self.skew.shape[1]

    def rows(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Rows of the dense delta, ``(stop - start, in)`` in ``dtype``."""
        width, size = self.base.entry.shape[1], self.block_size
        change = turned(self.skew, self.terms).to(dtype)

        def block(i: int, j: int) -> Tensor:
            base = self.base[i * width : j * width].to(dtype).view(j - i, -1, size)
            return torch.einsum("rkb,kbc->rkc", base, change).reshape(j - i, width)

        return in_blocks(start, stop, self.base.entry.shape[0], block)


def turned(skew: Tensor, terms: int | None) -> Tensor:
    """``R - I`` of skew blocks.

    Args:
        skew: ``(blocks, b, b)`` float64.
        terms: None for the Cayley transform ``R = (I - A)^-1 (I + A)``; else PEFT's series
            ``I + 2 A + 2 A^2 + ... + A^p`` with p = max(3, terms - 1), cut off earlier below 3.

    Source: OFT (arXiv 2306.07280), Sec. 4; the series as in PEFT 0.18 and later.
    """
    if terms is None:
        return torch.linalg.solve(torch.eye(skew.shape[-1], dtype=skew.dtype) - skew, 2 * skew)
    change = torch.zeros_like(skew)
    if terms > 1:
        change = 2 * skew
    if terms > 2:
        power = skew
        for _ in range(2, max(3, terms - 1)):
            power = power @ skew
            change = change + 2 * power
        change = change + power @ skew
    return change


def skew_blocks(coordinates: Tensor) -> Tensor:
    """``(blocks, b, b)`` float64 skew matrices of their upper triangles, row by row."""
    size = block_size(coordinates.shape[1])
    assert size is not None, "checked with the shapes"
    skew = torch.zeros(len(coordinates), size, size, dtype=torch.float64)
    row, column = torch.triu_indices(size, size, 1)
    skew[:, row, column] = coordinates.double()
    return skew - skew.mT


def block_size(entries: int) -> int | None:
    """The b of a triangle of ``b (b - 1) / 2`` entries; None if there is none."""
    size = (1 + math.isqrt(1 + 8 * entries)) // 2
    return size if size * (size - 1) // 2 == entries and size <= LARGEST_BLOCK else None


def read_config(file: Path, config: Mapping) -> OftConfig:
    """Options of an OFT adapter.

    Args:
        file: for words.
        config: what it holds.

    Raises:
        BadCheckpoint: an option is not understood, or the adapter is older than its meaning.
    """
    refuse_unknown(file, config, "OFT", _KNOWN)
    if "oft_block_size" not in config or "use_cayley_neumann" not in config:
        raise BadCheckpoint(
            f"{file} says no oft_block_size or no use_cayley_neumann: it is of an old PEFT, which "
            f"turned weights otherwise. With that PEFT, {INSTEAD}."
        )
    for key in ("block_share", "coft", "use_cayley_neumann"):
        if not isinstance(config.get(key, False), bool):
            raise BadCheckpoint(f"{file}: {key} is {config[key]!r}; it must be true or false.")
    limit = config.get("eps", 6e-5) if config.get("coft") else None
    if limit is not None and (type(limit) not in (int, float) or not 0 < limit < 1e30):
        raise BadCheckpoint(f"{file}: eps is {limit!r}; COFT's limit must be a number above 0.")
    terms = config.get("num_cayley_neumann_terms", 5) if config["use_cayley_neumann"] else None
    if terms is not None:
        _check_series(file, terms, config.get("peft_version"))
    return OftConfig(
        terms, None if limit is None else float(limit), bool(config.get("block_share"))
    )


def _check_series(file: Path, terms: object, version: object) -> None:
    if type(terms) is not int or not 1 <= terms <= MOST_TERMS:
        raise BadCheckpoint(
            f"{file}: num_cayley_neumann_terms is {terms!r}; it must be a whole number from 1 to "
            f"{MOST_TERMS}."
        )
    found = re.match(r"(\d{1,6})\.(\d{1,6})", version) if isinstance(version, str) else None
    if found is None or (int(found[1]), int(found[2])) < (0, 18):
        raise BadCheckpoint(
            f"{file}: use_cayley_neumann of PEFT {version!r}; the series has another last term "
            f"since 0.18. With the PEFT that trained it, {INSTEAD}."
        )
