"""Factors that PEFT puts on parameters themselves: the stacks of a layer's experts, a router."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from studio.checkpoints.adapter import INSTEAD, Module, Read, Shapes
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.lora import LoraConfig, LoraModule
from studio.checkpoints.low_rank import Factors, Stacked
from studio.checkpoints.names import Names, named
from studio.checkpoints.stored import Stored
from studio.errors import BadCheckpoint, ShapeMismatch, some

_BELOW = ".base_layer"  # what PEFT puts before the factors of a parameter that it wrapped first
_UNDERSTOOD = ((("MergeModulelist", 0),), (("MergeModulelist", 0), ("Concatenate", 1)))


@dataclass(frozen=True)
class Part:
    """What one stored tensor is of a parameter: all of it, or rows of one matrix of its stack.

    Attributes:
        matrix: which one of the stack; None for the whole parameter.
        part: which of the parts that its rows are cut into.
        parts: how many there are.
    """

    matrix: int | None = None
    part: int = 0
    parts: int = 1

    def of(self, whole: Tensor) -> Tensor:
        """That of a parameter's values."""
        return whole if self.matrix is None else whole[self.matrix].chunk(self.parts)[self.part]


@dataclass(frozen=True)
class ParameterModule(Module):
    """What factors on a parameter change of one tensor of the base.

    Attributes:
        path: of the parameter in the model that was trained.
        own: the same, as the base's class has it.
        a: stored name of ``(rank * matrices, in)``, matrix by matrix.
        b: stored name of ``(out, rank * matrices)``, whose columns go round the matrices.
        rank: that the options give it.
        scale: what B A is multiplied by.
        shape: of the parameter.
        turned: whether its matrices are ``(in, out)``.
        part: what the tensor is of it.
    """

    path: str
    own: str
    a: str
    b: str
    rank: int
    scale: float
    shape: tuple[int, ...]
    turned: bool
    part: Part

    @property
    def target(self) -> str:
        """See ``Module``."""
        return self.path

    @property
    def stored(self) -> tuple[str, ...]:
        """See ``Module``."""
        return (self.a, self.b)

    @property
    def count(self) -> int:
        """Matrices in the parameter."""
        return self.shape[0] if len(self.shape) == 3 else 1

    def check(self, shapes: Shapes, shape: tuple[int, ...], name: str, task: str) -> None:
        """See ``Module``."""
        rows, columns = self.shape[-2:]
        out, width = (columns, rows) if self.turned else (rows, columns)
        expected = (self.rank * self.count, width), (out, self.rank * self.count)
        found = shapes[self.a], shapes[self.b]
        if found != expected or (self.turned and self.count == 1):
            raise ShapeMismatch(
                f"'{task}': lora_A {found[0]} and lora_B {found[1]} do not fit {self.path} "
                f"{self.shape}, whose factors of rank {self.rank} are {expected[0]} and "
                f"{expected[1]}. The adapter belongs to another base model, or its options (r, "
                "rank_pattern) are not those that it was trained with."
            )
        whole = self.part.matrix is None
        wanted = self.shape if whole else (rows // self.part.parts, columns)
        if shape != wanted:
            raise ShapeMismatch(
                f"'{task}' changes {self.path} {self.shape}, of which {name} should be {wanted}; "
                f"the base has it as {shape}. The adapter belongs to another base model."
            )

    def delta(self, base: Stored, read: Read, turned: bool | None) -> Factors | Stacked:
        """See ``Module``.

        Source: PEFT's ``ParamWrapper.get_delta_weight``, ``einsum("o r e, e r i -> e o i")``.
        """
        a, b = read(self.a), read(self.b)
        if self.part.matrix is not None:
            factors = self._of_matrix(self.part.matrix, a, b)
            height = len(factors.b) // self.part.parts
            start = height * self.part.part
            return Factors(factors.b[start : start + height], factors.a, self.scale)
        if len(self.shape) == 2:
            return self._of_matrix(0, a, b)
        return Stacked(tuple(self._of_matrix(each, a, b) for each in range(self.count)))

    def _of_matrix(self, number: int, a: Tensor, b: Tensor) -> Factors:
        """The factors of one matrix, in the order of its stored dimensions."""
        a = a[number * self.rank : (number + 1) * self.rank]  # (rank, in)
        b = b[:, number :: self.count]  # (out, rank)
        left, right = (a.T, b.T) if self.turned else (b, a)
        return Factors(left.contiguous(), right.contiguous(), self.scale)


def on_parameters(
    ours: Names, task: str, checkpoint: Checkpoint
) -> tuple[dict[str, Module], dict[str, str]]:
    """An adapter's modules, with those on parameters as one module per tensor of the base.

    PEFT wraps a module once per parameter: the factors of its last one, in the order in which the
    class has them, stand at its path, those of the one before below ``base_layer``, and so on.

    Returns:
        ``{name: module}``, and ``{name: stored name in the base}`` of those on parameters.

    Raises:
        BadCheckpoint: it is not known which parameters are meant, or how the base stores them.
    """
    modules = dict(checkpoint.sorted_names.modules)
    config, made = checkpoint.adapter, {}
    if not isinstance(config, LoraConfig) or not config.parameters:
        return modules, {}
    if ours.base is None:
        raise BadCheckpoint(
            f"'{task}' ({checkpoint.folder}) trains factors on parameters themselves "
            f"(target_parameters: {some(config.parameters)}). Which ones is told by the base's "
            "class, and no config.json of the base names one that transformers knows. Put the "
            "base's own config.json beside its weights."
        )
    located, pieces = {}, parts_of(ours)
    for path, wrapped in _wrapped(ours, config, modules).items():
        keys = [path + _BELOW * depth for depth in reversed(range(len(wrapped)))]
        surplus = [key for key in modules if _plain(key) == path and key not in keys]
        if surplus or not all(isinstance(modules.get(key), LoraModule) for key in keys):
            raise BadCheckpoint(
                f"'{task}' ({checkpoint.folder}): target_parameters names "
                f"{', '.join(wrapped)} of {path}, whose factors would be "
                f"{', '.join(keys)}; the file has other ones. {_again()}"
            )
        for key, own in zip(keys, wrapped, strict=True):
            stored = pieces.get(own)
            if not stored:
                raise BadCheckpoint(
                    f"'{task}' ({checkpoint.folder}) trains factors on the parameter {own}, which "
                    f"the base stores in a layout that is not split back here; {INSTEAD}."
                )
            given = modules.pop(key)
            assert isinstance(given, LoraModule)
            for name, part in stored.items():
                made[f"{own} in {name}"] = _module(ours, config, path, own, given, part)
                located[f"{own} in {name}"] = name
    return modules | made, located


def _again() -> str:
    return f"Save the adapter again with PEFT, or {INSTEAD}."


def _plain(key: str) -> str:
    """A module's path without the wrappers of parameters around it."""
    while key.endswith(_BELOW):
        key = key.removesuffix(_BELOW)
    return key


def _module(
    ours: Names, config: LoraConfig, path: str, own: str, given: LoraModule, part: Part
) -> ParameterModule:
    assert ours.base is not None
    name = f"{path}.{own.rpartition('.')[2]}"
    rank, scale = config.rank_of(name), config.scale_of(name)
    shape, turned = (
        ours.base.shapes[own],
        own in ours.base.turned and len(ours.base.shapes[own]) > 2,
    )
    return ParameterModule(name, own, given.a, given.b, rank, scale, shape, turned, part)


def _wrapped(
    ours: Names, config: LoraConfig, modules: Mapping[str, Module]
) -> dict[str, list[str]]:
    """Per path with factors on parameters, the class's names of these, in its order."""
    assert ours.base is not None
    prefix, found = ours.base.prefix, {}
    paths = {_plain(key) for key in modules}
    for own in ours.base.shapes:
        alike = {own, prefix + own, own.removeprefix(prefix)}
        ends = tuple(f".{each}" for each in config.parameters)
        if not any(name in config.parameters or name.endswith(ends) for name in alike):
            continue
        for path in paths & {name.rpartition(".")[0] for name in alike}:
            found.setdefault(path, []).append(own)
    return found


def parts_of(ours: Names) -> dict[str, dict[str, Part]]:
    """Per parameter of the base's class, the base's tensors that make it and their places."""
    assert ours.base is not None
    found: dict[str, dict[str, Part]] = {}
    experts: dict[tuple[str, int], list[str]] = {}
    fusions = {}
    for name, stored in ours.stored.items():
        own, fusion = ours.base.own(name), ours.base.fusion(name)
        if own is not None:
            found[own] = {stored: Part()}
        elif fusion and fusion.operations in _UNDERSTOOD:
            fusions[fusion.own] = fusion
            experts.setdefault((fusion.own, fusion.part), []).append(name)
    for (own, part), names in experts.items():
        for number, name in enumerate(sorted(names, key=_natural)):
            place = Part(number, part, fusions[own].parts)
            found.setdefault(own, {})[ours.stored[name]] = place
    complete = {own: f.parts * ours.base.shapes[own][0] for own, f in fusions.items()}
    return {own: each for own, each in found.items() if len(each) == complete.get(own, 1)}


def stacked(base: Checkpoint) -> dict[str, tuple[str, Part]]:
    """Of the base's tensors that its class puts together: the whole's own name, and the place."""
    ours = named(base, base)
    if ours.base is None or not ours.base.puts_together:
        return {}
    return {
        stored: (own, part)
        for own, found in parts_of(ours).items()
        for stored, part in found.items() if part.matrix is not None
    }  # fmt: skip


def _natural(name: str) -> list[tuple[int, str]]:
    """A name by which experts stand in the order of their numbers."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", name)]
