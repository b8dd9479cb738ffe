"""What an adapter type fulfils whose delta is a formula of a few tensors of each module."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, Self

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
from studio.checkpoints.low_rank import Rows
from studio.checkpoints.patterns import NO_PATTERNS, Patterns, read_patterns
from studio.checkpoints.stored import Stored
from studio.errors import BadCheckpoint, ShapeMismatch

LARGEST_RANK = 4096


@dataclass(frozen=True)
class Formula(Adapter):
    """An adapter type; its fields are the options that the delta depends on.

    Attributes:
        peft_type: PEFT's name of the type.
        suffixes: {end of a stored name, with its dot: part}.
        mark: what the name of every such tensor contains.
        known: further options that are understood, read or not.
        required: parts that every module has.
        on_convolutions: whether it is merged on convolutions too.
    """

    peft_type: ClassVar[str]
    suffixes: ClassVar[Mapping[str, str]]
    mark: ClassVar[str]
    known: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[tuple[str, ...]] = ()
    on_convolutions: ClassVar[bool] = False

    part = "tensors"

    @classmethod
    def read(cls, file: Path, config: Mapping) -> Self:
        """The options in an adapter's config.

        Raises:
            BadCheckpoint: an option is not understood or out of range.
        """
        refuse_unknown(file, config, cls.kind, HARMLESS | cls.known)
        return cls(**cls.options(file, config))

    @classmethod
    def options(cls, file: Path, config: Mapping) -> dict:
        """The values of the fields.

        Raises:
            BadCheckpoint: one is out of range.
        """
        return {}

    def plain(self) -> dict:
        """See ``Adapter``."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        used = {
            name: list(map(list, value.pairs)) if isinstance(value, Patterns) else value
            for name, value in values.items()
            if value and value != NO_PATTERNS
        }
        return {"kind": self.peft_type.lower()} | used

    def sort_names(self, shapes: Shapes, folder: Path) -> Sorted:
        """See ``Adapter``."""
        parts = sort_parts(shapes, self.suffixes, self.kind, self.mark, folder)
        modules: dict[str, Module] = {}
        shared = self.take_shared(parts.modules, folder)
        for path, found in parts.modules.items():
            if missing := [part for part in self.required if part not in found]:
                raise BadCheckpoint(
                    f"{folder}: {next(iter(found.values()))} has no partner {missing[0]}."
                )
            module = FormulaModule(path, tuple({**shared, **found}.items()), self)
            modules[path] = module
            if self.on_bias({part: shapes[stored] for part, stored in module.parts}):
                modules[path + ".bias"] = FormulaModule(path, module.parts, self, bias=True)
        others = {name.replace(".base_layer.", "."): at for name, at in parts.others.items()}
        if not modules:
            raise BadCheckpoint(f"{folder} holds no tensors of {self.kind}.")
        return Sorted(modules, others, parts.notes)

    def take_shared(self, modules: dict[str, dict[str, str]], folder: Path) -> dict[str, str]:
        """Take {part: stored name} that all modules share out of them.

        Raises:
            BadCheckpoint: they are not there.
        """
        return {}

    def on_bias(self, shapes: Shapes) -> bool:
        """Whether a module, with parts of these shapes, changes its layer's bias too."""
        return False

    @abstractmethod
    def fits(self, shapes: Shapes, shape: tuple[int, ...], path: str) -> bool:
        """Whether parts of these shapes give a change of a tensor of ``shape``, ``(out, ...)``."""

    def is_across(
        self, shapes: Shapes, shape: tuple[int, ...], path: str, turned: bool | None
    ) -> bool | None:
        """Whether parts of these shapes change a layer that is stored as (in, out).

        Args:
            shapes: of the parts.
            shape: of the tensor that is changed, as it is stored.
            path: of the module.
            turned: whether the base stores its layers as (in, out); None if that is not known.

        Returns:
            None if they fit neither way.
        """
        return False if self.fits(shapes, shape, path) else None

    @abstractmethod
    def change(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Rows:
        """The delta of a module.

        Args:
            parts: its tensors, as stored.
            base: the tensor that it changes; of a bias where that is changed too.
            path: of the module.
        """

    def change_across(self, parts: Mapping[str, Tensor], base: Stored, path: str) -> Rows:
        """The delta of a module whose layer is stored as (in, out), as it is stored."""
        raise NotImplementedError


@dataclass(frozen=True)
class FormulaModule(Module):
    """One module of such an adapter.

    Attributes:
        path: in the model that was trained.
        parts: (part, stored name).
        config: the adapter's options.
        bias: whether the layer's bias is changed here, and not its weight.
    """

    path: str
    parts: tuple[tuple[str, str], ...]
    config: Formula
    bias: bool = False

    @property
    def target(self) -> str:
        """See ``Module``."""
        return self.path + (".bias" if self.bias else ".weight")

    @property
    def optional(self) -> bool:
        """See ``Module``."""
        return self.bias

    @property
    def stored(self) -> tuple[str, ...]:
        """See ``Module``."""
        return tuple(stored for _, stored in self.parts)

    def check(self, shapes: Shapes, shape: tuple[int, ...], name: str, task: str) -> None:
        """See ``Module``."""
        found = {part: shapes[stored] for part, stored in self.parts}
        lengths = len(shape) == 1 if self.bias else len(shape) > 1
        if not lengths or self.config.is_across(found, shape, self.path, None) is None:
            listed = ", ".join(f"{part} {each}" for part, each in found.items())
            if len(shape) > 2 and not self.config.on_convolutions:
                raise ShapeMismatch(
                    f"'{task}': {self.config.kind}'s {listed} of {self.path} change a convolution, "
                    f"{name} {shape}; {self.config.kind} is merged on linear layers only, so "
                    f"{INSTEAD}."
                )
            raise ShapeMismatch(
                f"'{task}': {self.config.kind}'s {listed} of {self.path} do not fit {name}, which "
                f"the base has as {shape}. The adapter belongs to another base model, or changes a "
                "kind of layer that is not supported."
            )

    def delta(self, base: Stored, read: Read, turned: bool | None) -> Rows:
        """See ``Module``."""
        parts = {part: read(stored) for part, stored in self.parts}
        shapes = {part: tuple(each.shape) for part, each in parts.items()}
        across = self.config.is_across(shapes, base.entry.shape, self.path, turned)
        change = self.config.change_across if across else self.config.change
        return change(parts, base, self.path)


def columns(shape: tuple[int, ...]) -> int:
    """Columns of a tensor as a matrix: all but the first dimension."""
    return math.prod(shape[1:])


def number(file: Path, config: Mapping, key: str, default: float) -> float:
    """An option that is a number.

    Raises:
        BadCheckpoint: it is none.
    """
    value = config.get(key, default)
    if type(value) not in (int, float) or not abs(value) < 1e30:
        raise BadCheckpoint(f"{file}: {key} is {value!r}; it must be a number.")
    return float(value)


def natural(file: Path, config: Mapping, key: str, default: int, most: int = LARGEST_RANK) -> int:
    """An option that is a whole number from 1.

    Raises:
        BadCheckpoint: it is none, or above ``most``.
    """
    value = config.get(key, default)
    if type(value) is not int or not 1 <= value <= most:
        raise BadCheckpoint(f"{file}: {key} is {value!r}; it must be a number from 1 to {most:,}.")
    return value


def flag(file: Path, config: Mapping, key: str, default: bool) -> bool:
    """An option that is true or false.

    Raises:
        BadCheckpoint: it is neither.
    """
    value = config.get(key, default)
    if not isinstance(value, bool):
        raise BadCheckpoint(f"{file}: {key} is {value!r}; it must be true or false.")
    return value


def ranks(file: Path, config: Mapping) -> Patterns:
    """The option ``rank_pattern``.

    Raises:
        BadCheckpoint: a rank is out of range, or an expression not understood.
    """

    def is_rank(value: object) -> bool:
        return type(value) is int and 1 <= value <= LARGEST_RANK

    return read_patterns(config.get("rank_pattern"), f"{file}: rank_pattern", is_rank)


def alphas(file: Path, config: Mapping) -> Patterns:
    """The option ``alpha_pattern``.

    Raises:
        BadCheckpoint: an alpha is no number or 0, or an expression not understood.
    """

    def is_alpha(value: object) -> bool:
        return type(value) in (int, float) and 0 < abs(value) < 1e30  # type: ignore[arg-type]

    return read_patterns(config.get("alpha_pattern"), f"{file}: alpha_pattern", is_alpha)


@dataclass(frozen=True)
class Lycoris(Formula):
    """A type whose delta is scaled by alpha / rank, as LyCORIS' are.

    Attributes:
        r: rank of modules that no pattern names.
        alpha: likewise.
        rank_pattern: of the modules that it names.
        alpha_pattern: likewise.
    """

    r: int
    alpha: float
    rank_pattern: Patterns
    alpha_pattern: Patterns

    known = frozenset({
        "alpha", "alpha_pattern", "init_weights", "module_dropout", "r", "rank_dropout",
        "rank_dropout_scale", "rank_pattern", "use_effective_conv2d",
    })  # fmt: skip

    @classmethod
    def options(cls, file: Path, config: Mapping) -> dict:
        """See ``Formula``."""
        alpha = number(file, config, "alpha", 8)
        if alpha == 0:
            raise BadCheckpoint(f"{file}: alpha is 0, so the adapter would change nothing.")
        return {
            "r": natural(file, config, "r", 8),
            "alpha": alpha,
            "rank_pattern": ranks(file, config),
            "alpha_pattern": alphas(file, config),
        }

    @property
    def rank(self) -> int:
        """See ``Adapter``."""
        return self.r

    def rank_of(self, path: str) -> int:
        """Rank of a module."""
        return int(self.rank_pattern.of(path, self.r))

    def scale_of(self, path: str) -> float:
        """Alpha / rank of a module."""
        return self.alpha_pattern.of(path, self.alpha) / self.rank_of(path)
