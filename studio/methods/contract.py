"""The contract of a merge method: options, and one component per task in the raw deltas."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property
from inspect import cleandoc
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from studio.checkpoints.deltas import AnyDeltas
from studio.errors import BadRecipe
from studio.geometry.gram import Gram, Grams
from studio.geometry.orthogonal import Basis, identity
from studio.geometry.rotation_report import LayerRotation
from studio.methods.additive import Additive, no_sum
from studio.recipe import Option, finite


def option(
    default: Option,
    words: str,
    *,
    label: str = "",
    exactly: str = "",
    choices: tuple[str, ...] = (),
    low: float | None = None,
    high: float | None = None,
    whole: bool = False,
) -> Any:
    """A field of a method that the page draws and the command line explains.

    Args:
        default: value when a recipe leaves the option out.
        words: one plain sentence, for who has never merged.
        label: what the page calls it; empty for its name.
        exactly: the same in the words of the field; empty where the sentence says all.
        choices: the values of a text option.
        low: least value of a number.
        high: greatest value of a number; None for no limit.
        whole: whether a number must be an integer.
    """
    return field(
        default=default,
        metadata={
            "words": words, "label": label, "exactly": exactly,
            "choices": choices, "low": low, "high": high, "whole": whole,
        },
    )  # fmt: skip


def scale_option(words: str = "One number that multiplies all that is added to the base.") -> Any:
    """The field ``scale`` of a ``Scaled`` method."""
    return option(1.0, words, low=-10.0, high=10.0)


FISHER, GRAM, MERGED = "fisher", "gram", "merged"
"""What can be measured, see ``Method.needs``: Fisher information and inputs' Grams of experts, and
Grams of inputs that went through the layers merged so far."""

Measured = Callable[[str, str], Tensor | None]
"""A task's statistic for a tensor of the base, by their names; None where it has none."""


@dataclass(frozen=True)
class Given:
    """What a method is given to derive its vectors from.

    Attributes:
        deltas: of n tasks over T tensors.
        coefficients: ``(T, n)`` float64.
        gram: computes (or recalls) the raw deltas' Gram.
        seed: the recipe's, for methods that draw.
        measured: of each expert on its own validation rows, for methods that say what they need.
    """

    deltas: AnyDeltas
    coefficients: Tensor
    gram: Callable[[], Gram]
    seed: int = 0
    measured: Measured | None = None

    def weights(self, name: str) -> list[float]:
        """The n coefficients of one tensor."""
        return self.coefficients[self._places[name]].tolist()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: t for t, name in enumerate(self.deltas.names)}


@dataclass(frozen=True)
class Method:
    """A merge method: merged = base + sum_i coefficient_i component_i.

    A subclass is a frozen dataclass in a file of its own; its fields are ``option(...)``s and its
    docstring ends with its source. Components are combinations of vectors, so the merged tensor
    is ``base + sum_j mixing[t, j] vector_j``. Of a linear method the vectors are the raw deltas;
    others derive them from the deltas, tensor by tensor.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    plainly: ClassVar[str]
    """What it does, in one sentence for who has never merged."""
    main: ClassVar[str] = ""
    """Name of the option that matters most, which the page shows first; empty for none."""
    default_coefficient: ClassVar[float]
    starts_short: ClassVar[bool] = False
    """Whether the mixer starts n tasks at 1/sqrt(n), which moves the base as far as one does."""
    has_components: ClassVar[bool] = True
    """Whether each task has a part of its own; without, one change of all tasks is formed."""
    keeps_sum: ClassVar[bool] = False
    """Whether newcomers join a running sum, which is divided by one number for all tensors."""
    needs: ClassVar[str] = ""
    """What must be measured on validation rows: ``FISHER``, ``GRAM``, ``MERGED``, nothing."""
    draws: ClassVar[bool] = False
    """Whether the recipe's seed changes the result."""
    most_tasks: ClassVar[int | None] = None
    """How many tasks it can merge; None for any number."""
    first_come: ClassVar[str] = "the first to arrive keeps its directions"
    """What the order of the tasks decides, where it changes the result."""

    @classmethod
    def exactly(cls) -> tuple[str, str]:
        """Its formula and its source, as its docstring has them."""
        said = cleandoc(cls.__doc__ or "")
        formula, _, _ = said.partition("\n\n")
        _, _, source = said.rpartition("Source: ")
        return " ".join(formula.split()), " ".join(source.split())

    @property
    def derives(self) -> bool:
        """Whether the vectors are derived, and not the raw deltas themselves."""
        return False

    @property
    def weighs(self) -> bool:
        """Whether the derived vectors depend on the coefficients."""
        return False

    @property
    def ordered(self) -> bool:
        """Whether the order of the tasks changes the result."""
        return False

    @property
    def projects(self) -> bool:
        """Whether a newcomer's component is without what lies along the tasks before it."""
        return False

    @property
    def carried(self) -> str:
        """What a sequence has to keep from one arrival to the next, as words."""
        return "every checkpoint: all are merged again at each arrival"

    @property
    def portable(self) -> bool:
        """Whether its bits are the same on every machine, unlike those of inverses and norms."""
        return not self.derives

    @property
    def measures(self) -> str:
        """The same with these options, of a method that needs data with some of them only."""
        return self.needs

    @property
    def measured_rows(self) -> int:
        """Validation rows per task on which that is measured."""
        return 0

    @property
    def unscaled(self) -> "Method":
        """The method whose vectors are the same: without a factor that is applied to them."""
        return self

    @property
    def additive(self) -> Additive:
        """How a state of constant size keeps what it needs of its tasks, as sums over them.

        Raises:
            BadRecipe: what it needs is no sum, with these options at least.
        """
        raise no_sum(self.title)

    @classmethod
    def starting_coefficient(cls, n: int, options: Mapping[str, Option] | None = None) -> float:
        """What the mixer proposes for n tasks; a file without a coefficient means the default."""
        return round(max(n, 1) ** -0.5, 2) if cls.starts_short else cls.default_coefficient

    @classmethod
    def defaults(cls, options: Mapping[str, Option]) -> Mapping[str, Option]:
        """Defaults that are other ones beside these options."""
        return {}

    @classmethod
    def idle(cls, options: Mapping[str, Option]) -> tuple[str, ...]:
        """Options that change nothing beside these."""
        return ()

    @classmethod
    def default(cls, name: str, options: Mapping[str, Option]) -> Option:
        """What an option is beside these, if nobody chooses it."""
        found: dict[str, Any] = {each.name: each.default for each in fields(cls)}
        return cls.defaults(options).get(name, found[name])

    def components(self, n: int, gram: Grams) -> Basis:
        """The components of n tasks.

        Args:
            n: number of tasks, at least 1.
            gram: of the vectors; not called by methods that need none.
        """
        raise NotImplementedError

    def vectors(self, given: Given) -> AnyDeltas:
        """What is mixed in the place of the raw deltas; asked only of methods that derive it."""
        return given.deltas

    def factor(self, given: Given, change: AnyDeltas) -> float:
        """What a change of all tasks is multiplied by; asked only where there is no component."""
        raise NotImplementedError

    def growth(self, factor: float) -> float | None:
        """What the running sum was divided by, told by the factor; None without one."""
        return None

    def rotations(self, given: Given) -> list[LayerRotation] | None:
        """How each tensor is turned, for people; None of a method that turns none."""
        return None

    def orthogonal_in(self, deltas: AnyDeltas) -> tuple[str, ...]:
        """Tensors in which the components are meant to be orthogonal."""
        return deltas.names


Made = TypeVar("Made", bound=Method)


class Scaled(Method):
    """A method with one factor on all that it adds to the base; its vectors are without it.

    A subclass has the field ``scale`` at its place among its options, made by ``scale_option``.
    """

    main: ClassVar[str] = "scale"
    scale: float

    @property
    def unscaled(self) -> Method:
        """The method with scale 1."""
        return replace(self, scale=1.0)

    def components(self, n: int, gram: Grams) -> Basis:
        """Each vector times the scale."""
        raw = identity(n)
        return replace(raw, rows=raw.rows * self.scale)


def mixing(coefficients: Tensor, basis: Basis) -> Tensor:
    """Coefficients of the raw deltas.

    Args:
        coefficients: ``(T, n)`` float64, of the components.
        basis: rows ``(T, n, n)`` or ``(1, n, n)``.

    Returns:
        ``(T, n)`` float64: ``mixing[t, j] = sum_i coefficients[t, i] rows[t, i, j]``, added in
        order of i.

    Source: MDM-OC, Eq. 2 with the components of Eq. 4 written in the raw deltas.
    """
    total = torch.zeros_like(coefficients)
    for i in range(coefficients.shape[1]):
        total = total + coefficients[:, i : i + 1] * basis.rows[:, i]
    return total


def make(method: type[Made], options: Mapping[str, Option]) -> Made:
    """A method with the options of a recipe.

    Raises:
        BadRecipe: an unknown option, or a value outside its choices or range.
    """
    known = {each.name: each for each in fields(method)}
    for key, value in options.items():
        if key not in known:
            names = ", ".join(known) or "none"
            raise BadRecipe(f"{method.name} has no option '{key}'; it has {names}.")
        _check(method.name, key, value, known[key].default, known[key].metadata)
    floats = {
        key: float(value) if isinstance(known[key].default, float) else value  # type: ignore[arg-type]
        for key, value in options.items()
    }
    return method(**{**method.defaults(options), **floats})  # type: ignore[arg-type]


def describe(method: type[Method], options: Mapping[str, Option] | None = None) -> list[dict]:
    """Options of a method as plain values: name, default, words, label, exactly, and its limits.

    Args:
        method: whose; an inherited scale, which multiplies all, comes last.
        options: beside which the defaults are told; None for those of a method that is just
            chosen.
    """
    return [
        {"name": each.name, "default": method.default(each.name, options or {}), **each.metadata}
        for each in sorted(fields(method), key=lambda each: each.name == "scale")
        if each.default is not MISSING
    ]


def usual(method: type[Method], options: Mapping[str, Option]) -> dict[str, Option]:
    """Every option's default beside these options, by name."""
    return {each["name"]: each["default"] for each in describe(method, options)}


def numbers(method: type[Method], options: Mapping[str, Option] | None = None) -> dict[str, dict]:
    """Those of ``describe`` that are a number and change something, by name."""
    idle = method.idle(options or {})
    return {
        each["name"]: each
        for each in describe(method, options)
        if not each["choices"]
        and not isinstance(each["default"], bool)
        and each["name"] not in idle
    }


def _check(method: str, key: str, value: Option, default: object, rule: Mapping) -> None:
    where = f"{method}: option '{key}' is {value!r}"
    if rule["choices"]:
        if value not in rule["choices"]:
            raise BadRecipe(f"{where}; it must be one of {', '.join(rule['choices'])}.")
        return
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise BadRecipe(f"{where}; it must be true or false.")
        return
    if value is None and default is None:
        return
    if rule["whole"] and type(value) is not int:
        raise BadRecipe(f"{where}; it must be a whole number.")
    number = finite(value, f"{method}: option '{key}'")
    low, high = rule["low"], rule["high"]
    if (low is not None and number < low) or (high is not None and number > high):
        limits = f"from {low} to {high}" if high is not None else f"at least {low}"
        raise BadRecipe(f"{where}; it must be {limits}.")
