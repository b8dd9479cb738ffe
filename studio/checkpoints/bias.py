"""Trained biases of an adapter's factors, which are added to the biases of the layers."""

from dataclasses import dataclass

from studio.checkpoints.adapter import Module, Read, Shapes
from studio.checkpoints.low_rank import Vector
from studio.checkpoints.stored import Stored
from studio.errors import ShapeMismatch


@dataclass(frozen=True)
class Bias(Module):
    """The trained bias of a second factor, which is added to the layer's times the scale.

    Attributes:
        path: of the module in the model that was trained.
        values: stored name of ``(out,)``.
        scale: what it is multiplied by.
    """

    path: str
    values: str
    scale: float

    @property
    def target(self) -> str:
        """See ``Module``."""
        return self.path + ".bias"

    @property
    def stored(self) -> tuple[str, ...]:
        """See ``Module``."""
        return (self.values,)

    def check(self, shapes: Shapes, shape: tuple[int, ...], name: str, task: str) -> None:
        """See ``Module``."""
        if shapes[self.values] != shape:
            raise ShapeMismatch(
                f"'{task}': {self.values} is {shapes[self.values]}, but {name} is {shape}."
            )

    def delta(self, base: Stored, read: Read, turned: bool | None) -> Vector:
        """See ``Module``."""
        return Vector(read(self.values), self.scale)
