"""What every type of adapter fulfils: its options, and the modules whose tensors it changes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from studio.checkpoints.low_rank import Rows
from studio.checkpoints.stored import Stored
from studio.checkpoints.stored_names import plain_names
from studio.errors import BadCheckpoint

INSTEAD = "merge the adapter into its base and use the full model instead"
# Keys that say where an adapter was trained or how, or whose meaning its tensors show.
HARMLESS = {
    "auto_mapping", "base_model_name_or_path", "bias", "exclude_modules", "inference_mode",
    "layers_pattern", "layers_to_transform", "modules_to_save", "peft_type", "peft_version",
    "revision", "target_modules", "task_type",
}  # fmt: skip
NEUTRAL = (None, False, "none", 0, {}, [], "")
Shapes = Mapping[str, tuple[int, ...]]
"""Shapes of an adapter's tensors by their stored names."""
Read = Callable[[str], Tensor]
"""Reads a stored tensor of the adapter, whole."""


class Module(ABC):
    """What an adapter trains of one module: the change of one tensor of the base."""

    path: str
    """Of the module in the model that was trained."""

    @property
    def target(self) -> str:
        """Name, in the model that was trained, of the tensor that is changed."""
        return self.path + ".weight"

    @property
    def optional(self) -> bool:
        """Whether it changes nothing where the base lacks the tensor."""
        return False

    @property
    @abstractmethod
    def stored(self) -> tuple[str, ...]:
        """Names of its tensors in the adapter's file."""

    @abstractmethod
    def check(self, shapes: Shapes, shape: tuple[int, ...], name: str, task: str) -> None:
        """Refuse tensors that do not fit the base's.

        Args:
            shapes: of the adapter's tensors.
            shape: of the tensor that is changed.
            name: of that one in the base, for words.
            task: for words.

        Raises:
            ShapeMismatch: naming the shapes found and expected.
        """

    @abstractmethod
    def delta(self, base: Stored, read: Read, turned: bool | None) -> Rows:
        """What it adds, once its shapes were checked.

        Args:
            base: the tensor that it changes.
            read: reads a tensor of the adapter.
            turned: whether the base stores its layers as (in, out); None if that is not known.
        """


@dataclass(frozen=True)
class Sorted:
    """The tensors of an adapter's file.

    Attributes:
        modules: by path, or by another name where a module changes two tensors.
        others: {name in the model: stored name} of tensors that are trained whole.
        notes: what was taken out of names or left out, a sentence each.
    """

    modules: Mapping[str, Module]
    others: dict[str, str]
    notes: tuple[str, ...] = ()


class Adapter(ABC):
    """The options of an adapter that determine its delta."""

    kind: ClassVar[str]
    """As it is called in words."""
    part: ClassVar[str] = "factors"
    """What it trains, in words."""

    @property
    def rank(self) -> int | None:
        """Of its factors; None for a type without ranks."""
        return None

    @property
    def portable(self) -> bool:
        """Whether its delta has the same bits on every machine."""
        return False

    @abstractmethod
    def plain(self) -> dict:
        """What a digest depends on."""

    @abstractmethod
    def sort_names(self, shapes: Shapes, folder: Path) -> Sorted:
        """Sort the tensors of an adapter's file by their names.

        Raises:
            BadCheckpoint: a tensor that is not understood, or that lacks its partner.
        """

    def located(self, modules: Mapping[str, Module], names: Iterable[str]) -> dict[str, str] | None:
        """{module: tensor of the base} where modules are not called by their paths, else None.

        Raises:
            ShapeMismatch: the base has no such tensors.
        """
        return None


@dataclass(frozen=True)
class Parts:
    """An adapter's tensors by the module and by the part that they are of it.

    Attributes:
        modules: {path: {part: stored name}}.
        others: {name in the model: stored name}.
        notes: a sentence each.
    """

    modules: dict[str, dict[str, str]]
    others: dict[str, str]
    notes: tuple[str, ...]


def sort_parts(
    names: Iterable[str], suffixes: Mapping[str, str], kind: str, mark: str, folder: Path
) -> Parts:
    """Names sorted to modules and parts.

    Args:
        names: in the file.
        suffixes: {end of a name, with its dot: part}.
        kind: of the adapter, for words.
        mark: what every name of such a tensor contains.
        folder: for words.

    Raises:
        BadCheckpoint: a kind of tensor that is not understood, or one that is there twice.
    """
    ends = (suffix.removesuffix(".weight").removesuffix(".bias") for suffix in suffixes)
    words = sorted({end.split(".")[-1] for end in ends})
    plain = plain_names(names, words, folder)
    modules: dict[str, dict[str, str]] = {}
    others: dict[str, str] = {}
    for name, stored in plain.stored.items():
        suffix = next((suffix for suffix in suffixes if name.endswith(suffix)), None)
        if suffix:
            found = modules.setdefault(name.removesuffix(suffix), {})
            twice = found.setdefault(suffixes[suffix], stored)
        elif mark in name or ".modules_to_save." in name:
            raise BadCheckpoint(
                f"{folder}: {stored} is a kind of {kind} tensor that is not supported; {INSTEAD}."
            )
        else:
            twice = others.setdefault(name, stored)
        if twice != stored:
            raise BadCheckpoint(f"{folder}: {stored} and {twice} are both there.")
    return Parts(modules, others, plain.notes)


def refuse_unknown(file: Path, config: Mapping, kind: str, known: Collection[str]) -> None:
    """Refuse options that are set and not understood.

    Raises:
        BadCheckpoint: naming them.
    """
    used = [key for key, value in config.items() if key not in known and value not in NEUTRAL]
    if used:
        raise BadCheckpoint(
            f"{file}: the {kind} option {', '.join(f'{key}={config[key]!r}' for key in used)} "
            f"is not supported; {INSTEAD}."
        )
