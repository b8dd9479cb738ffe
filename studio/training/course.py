"""How an expert is trained: adapter or whole model, for how long and how fast."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

from studio.errors import BadRecipe

_ADAPTER, _WHOLE = 2e-4, 2e-5
_RANGES: Mapping[str, tuple[float, float, str]] = {
    "epochs": (1, 10_000, "a whole number from 1 to 10,000"),
    "rate": (1e-9, 10.0, "a number above 0, at most 10"),
    "rank": (1, 4096, "a whole number from 1 to 4,096"),
    "batch": (1, 65_536, "a whole number from 1"),
    "decay": (0.0, 10.0, "a number from 0 to 10"),
    "warm_up": (0.0, 0.99, "a share from 0 to 0.99"),
    "patience": (1, 10_000, "a whole number from 1"),
    "steps": (1, 10**9, "a whole number from 1"),
    "longest": (1, 100_000, "a whole number from 1"),
    "seed": (0, 2**31 - 1, "a whole number from 0"),
}


@dataclass(frozen=True)
class Course:
    """The settings of a training, the same for every expert of a zoo.

    Attributes:
        whole: train all of the base's weights, and not a LoRA adapter on its linear layers.
        epochs: passes over the training rows, at most.
        rate: highest learning rate; None for 2e-4 of an adapter, 2e-5 of a whole model.
        rank: of the adapter; its scale is 2 (alpha is twice the rank).
        batch: rows of a step.
        decay: AdamW's weight decay.
        warm_up: share of the steps in which the rate rises; then it falls in a line to 0.
        patience: checks on the validation rows without a better loss after which training ends.
        steps: at most, if that ends before the epochs do; None for no such limit.
        constant: keep the rate after the warm-up, and do not let it fall.
        longest: tokens after which a text is cut; None as the kind of task has it.
        bf16: multiply in bfloat16 (on a GPU); weights stay float32.
        seed: of new weights, of dropout and of the order of the rows.
    """

    whole: bool = False
    epochs: int = 10
    rate: float | None = None
    rank: int = 16
    batch: int = 16
    decay: float = 0.01
    warm_up: float = 0.06
    patience: int = 3
    steps: int | None = None
    constant: bool = False
    longest: int | None = None
    bf16: bool = False
    seed: int = 0

    @property
    def learning_rate(self) -> float:
        """The highest one, chosen or usual."""
        usual = _WHOLE if self.whole else _ADAPTER
        return usual if self.rate is None else self.rate

    @property
    def what(self) -> str:
        """What is trained, in words."""
        return "all weights" if self.whole else f"a LoRA adapter of rank {self.rank}"

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**own, "rate": self.learning_rate}


def course_of(given: Mapping[str, Any], where: str = "The training") -> Course:
    """The settings that somebody names; the others stay as they are.

    Raises:
        BadRecipe: naming the setting and what it may be.
    """
    types = get_type_hints(Course)
    if unknown := [key for key in given if key not in types]:
        raise BadRecipe(f"{where} has no setting {unknown[0]!r}; it has {', '.join(types)}.")
    return replace(Course(), **{key: _checked(key, each, where) for key, each in given.items()})


def _checked(key: str, value: object, where: str) -> object:
    if key not in _RANGES:
        if not isinstance(value, bool):
            raise BadRecipe(f"{where} has {key} {value!r}; it must be true or false.")
        return value
    if value is None and get_type_hints(Course)[key] in (int | None, float | None):
        return None
    low, high, words = _RANGES[key]
    number = _number(value)
    integer = get_type_hints(Course)[key] in (int, int | None)
    if number is None or not low <= number <= high or (integer and number != int(number)):
        raise BadRecipe(f"{where} has {key} {value!r}; it must be {words}.")
    return int(number) if integer else number


def _number(value: object) -> float | None:
    """A number, also one that YAML takes for text, such as 2e-4."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
