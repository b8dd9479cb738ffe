"""Where a base's tensors stand in a model in memory: by a name, or as one expert of a stack."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from studio.checkpoints.architecture import architecture_of
from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.names import PRETRAINING
from studio.checkpoints.parameters import Part, stacked
from studio.errors import BadCheckpoint


@dataclass(frozen=True, eq=False)
class OwnPlaces:
    """The tensors of a base in a model that transformers has made of it.

    Attributes:
        base: whose names are asked for.
        model: in memory; a body, or a class with layers behind it.
        held: what it holds, by its own names.
        behind: whether layers behind the body are asked, so that a body's names get its prefix.
    """

    base: Checkpoint
    model: Any
    held: Mapping[str, Tensor]
    behind: bool

    def names(self, names: Iterable[str]) -> dict[str, str]:
        """The model's names of some of the base's tensors; of a single expert its whole stack's.

        Raises:
            BadCheckpoint: it has no such tensor, and it is none of a head for pretraining.
        """
        found = {}
        for name in names:
            own = self._own(name)
            if own is not None:
                found[name] = own
            elif name.split(".")[0] not in PRETRAINING:  # AutoModel leaves these heads out
                raise BadCheckpoint(
                    f"{type(self.model).__name__} has no tensor {name}, so the base folder's "
                    "config.json does not describe its weights."
                )
        return found

    def part(self, name: str, whole: Tensor) -> Tensor:
        """What one of the base's tensors is of the model's: all, or one expert's matrix in a stack.

        Args:
            name: the base's.
            whole: of the shape of the model's tensor; what is given shares its memory.
        """
        _, part = self._parts.get(name, ("", Part()))
        return part.of(whole)

    def places(self, names: Iterable[str]) -> dict[str, Tensor]:
        """The model's own memory for some of the base's tensors, by the base's names."""
        return {
            name: self.part(name, self.held[own]) for name, own in self.names(names).items()
        }  # fmt: skip

    def _own(self, name: str) -> str | None:
        architecture = architecture_of(self.base)
        renamed = architecture.name(name) if architecture else name
        stack, _ = self._parts.get(name, ("", Part()))
        return next((each for each in self._forms(stack or name, renamed)), None)

    def _forms(self, name: str, renamed: str) -> Iterable[str]:
        prefix = getattr(self.model, "base_model_prefix", "") + "."
        forms = [name, name.removeprefix(prefix), renamed, renamed.removeprefix(prefix)]
        forms += [prefix + name, prefix + renamed] if self.behind else []
        return (each for each in forms if each in self.held)

    @cached_property
    def _parts(self) -> dict[str, tuple[str, Part]]:
        return stacked(self.base)
