"""What a configuration of mergekit asks of its method: parameters by model, tensor and layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from studio.errors import BadRecipe
from studio.methods.mergekit.configuration import Configuration, Input
from studio.methods.mergekit.setting import Place, Setting, is_even, parse_setting, value_at

_NOTHING = 1e-8  # a sum of weights below it counts as zero, and nothing is divided by it
_Blocks = Sequence[Mapping[str, object]]


@dataclass
class Asked:
    """The parameters of a configuration, as one method reads them.

    Attributes:
        given: the configuration.
        inputs: the models whose parameters count, in order.
        where: names the file in errors.
        places: of all tensors; one without a name where no value depends on it.
        read: names of the parameters that were asked for.
    """

    given: Configuration
    inputs: Sequence[Input]
    where: str
    places: Sequence[Place] = (Place(),)
    read: set[str] = field(default_factory=set)
    _parsed: dict[tuple[str, int], Setting] = field(default_factory=dict)

    def flag(self, name: str, default: bool) -> bool:
        """A parameter of all models that is true or false.

        Raises:
            BadRecipe: it is something else, or differs between tensors.
        """
        self.read.add(name)
        value = self.given.parameters.get(name, default)
        if not isinstance(value, bool):
            raise BadRecipe(f"{self.where}: {name} is {value!r}; it must be one true or false.")
        return value

    def shared(self, name: str, place: Place, default: float | None = None) -> float:
        """A parameter of all models, at a tensor.

        Raises:
            BadRecipe: it is missing there, or no number.
        """
        return self._value(name, place, [self.given.parameters], "", default)

    def own(self, name: str, place: Place, default: float | None = None) -> list[float]:
        """A parameter of each model at a tensor, from its own block or else from all models'.

        Raises:
            BadRecipe: it is missing there, or no number.
        """
        return [
            self._value(name, place, blocks, f" of '{each.reference.words}'", default)
            for each, blocks in zip(self.inputs, self._blocks, strict=True)
        ]

    def one(self, name: str, default: float, shared: bool = False) -> float:
        """A parameter that must be the same at all tensors, and of all models unless shared.

        Raises:
            BadRecipe: it differs, which no option of the studio's methods says.
        """
        rows = [
            [self.shared(name, place, default)] if shared else self.own(name, place, default)
            for place in self.places
        ]
        if len({value for row in rows for value in row}) > 1:
            raise BadRecipe(
                f"{self.where}: {name} is {self._apart(rows)}, and a recipe has one for all tasks "
                "and tensors. Give one."
            )
        return rows[0][0]

    def normalized(self, weights: list[float], default: bool) -> list[float]:
        """Weights by their sum, if the configuration says so and it is not zero."""
        total = sum(weights)
        if not self.flag("normalize", default) or abs(total) < _NOTHING:
            return weights
        return [each / total for each in weights]

    def varies(self, names: Sequence[str]) -> bool:
        """Whether some value of these parameters depends on the tensor."""
        return not all(is_even(chain) for chain in self._chains(names))

    def is_deep(self, names: Sequence[str]) -> bool:
        """Whether some value of these parameters depends on the layer."""
        rules = (rule for chain in self._chains(names) for setting in chain for rule in setting)
        return any(len(rule.anchors) > 1 for rule in rules)

    def left_out(self) -> list[str]:
        """Parameters that stand in the configuration and that the method does not read."""
        blocks = [self.given.parameters, *(each.parameters for each in self.given.inputs)]
        return sorted({name for block in blocks for name in block} - self.read)

    def _apart(self, rows: Sequence[Sequence[float]]) -> str:
        """Values that differ, by model where they do so in one tensor, else over the tensors."""
        words = [f" of '{each.reference.words}'" for each in self.inputs]
        for row in rows:
            other = next((i for i, value in enumerate(row) if value != row[0]), 0)
            if other:
                return f"{row[0]:g}{words[0]} and {row[other]:g}{words[other]}"
        first = [row[0] for row in rows]  # of all models, as those of each tensor are alike
        return f"from {min(first):g} to {max(first):g} over the tensors"

    @property
    def _blocks(self) -> list[_Blocks]:
        return [(each.parameters, self.given.parameters) for each in self.inputs]

    def _chains(self, names: Sequence[str]) -> list[list[Setting]]:
        blocks: list[_Blocks] = [*self._blocks, (self.given.parameters,)]
        return [self._settings(name, each) for name in names for each in blocks]

    def _settings(self, name: str, blocks: _Blocks) -> list[Setting]:
        where = f"{self.where}: {name}"
        for each in blocks:
            if name in each and (name, id(each)) not in self._parsed:
                self._parsed[name, id(each)] = parse_setting(each[name], where)
        return [self._parsed[name, id(each)] for each in blocks if name in each]

    def _value(
        self, name: str, place: Place, blocks: _Blocks, whose: str, default: float | None
    ) -> float:
        self.read.add(name)
        value = value_at(self._settings(name, blocks), place)
        value = default if value is None else value
        if value is None:
            at = f" at {place.name}" if place.name else ""
            raise BadRecipe(
                f"{self.where}: {self.given.method} needs {name}{whose}{at}, and none is given."
            )
        return value
