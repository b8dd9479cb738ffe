"""Factors under both names of a tied tensor, which PEFT adds to it one after the other."""

from dataclasses import dataclass

import torch

from studio.checkpoints.adapter import Module, Read, Shapes
from studio.checkpoints.lora import LoraModule
from studio.checkpoints.low_rank import Factors
from studio.checkpoints.stored import Stored


@dataclass(frozen=True)
class Joint(Module):
    """Factors that are added up.

    Attributes:
        path: of the first one's module.
        modules: none of which has magnitudes.
    """

    path: str
    modules: tuple[LoraModule, ...]

    @property
    def stored(self) -> tuple[str, ...]:
        """See ``Module``."""
        return tuple(name for each in self.modules for name in each.stored)

    def check(self, shapes: Shapes, shape: tuple[int, ...], name: str, task: str) -> None:
        """See ``Module``."""
        for each in self.modules:
            each.check(shapes, shape, name, task)

    def delta(self, base: Stored, read: Read, turned: bool | None) -> Factors:
        """See ``Module``."""
        found = [each.delta(base, read, turned) for each in self.modules]
        factors = [each for each in found if isinstance(each, Factors)]
        assert len(factors) == len(found)
        b = torch.cat([each.b.double() * each.scale for each in factors], 1)
        return Factors(b, torch.cat([each.a.double() for each in factors]), 1.0)


def joined(*modules: Module) -> Joint | None:
    """Two modules as one; None if their changes cannot be added up."""
    found = [each for each in modules if isinstance(each, LoraModule) and not each.magnitude]
    return Joint(found[0].path, tuple(found)) if len(found) == len(modules) else None
