"""What one task adds to a state of sums: whole numbers, the same on every machine."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.checkpoints.checkpoint import Checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.no_change import refuse_zero
from studio.checkpoints.vectors import CHUNK, pieces
from studio.checkpoints.weights import Weights
from studio.disk.folders import refuse_full
from studio.disk.temporary import TemporaryFolder
from studio.errors import BadState, NothingToMerge
from studio.geometry.exact_product import exact_product
from studio.geometry.fixed_point import to_units
from studio.methods.additive import DELTAS, LEFT, RIGHT
from studio.progress import Progress, silent
from studio.recipe import task_name
from studio.sequence.sealed import Sealed, open_sealed, write_sealed
from studio.sequence.state import refuse_unsummed
from studio.sequence.sums import SumState, fits, sum_layout

KEY, VERSION = "mdm-oc-studio terms", 1
_FILE = "terms.safetensors"


@dataclass(frozen=True)
class Terms:
    """The terms of one task in the sums of a state.

    They follow from the base, the checkpoint, its statistics and its coefficient alone. Products
    of matrices are exact sums (``exact_product``) and all else is computed element by element, so
    that no machine, number of threads or cut changes a bit; save where an adapter's delta itself
    is made of a library's sums, as DoRA's is.

    Attributes:
        state: of which base, method, options and units.
        base: of the state.
        deltas: of the task alone.
        coefficient: of the task.
        measured: Grams of the inputs of its layers; None where the method needs none.
    """

    state: SumState
    base: Checkpoint
    deltas: Deltas
    coefficient: float
    measured: Weights | None

    @classmethod
    def of(
        cls, state: SumState, base: Checkpoint, task: tuple[str, Checkpoint], coefficient: float,
        measured: Weights | None,
    ) -> "Terms":  # fmt: skip
        """The terms of a task.

        Args:
            state: that it comes to or goes from.
            base: of the state.
            task: name and checkpoint.
            coefficient: of the task.
            measured: see the attribute.

        Raises:
            BadState: the state is of another base, the task changes what no sum holds or nothing,
                or what was measured is missing or does not fit the base.
            BadRecipe: the coefficient is none with which a task comes.
            StudioError: the checkpoint does not fit the base.
        """
        state.refuse_other_base(base)
        name = task_name(task[0], "The task", BadState)
        state.additive.refuse(name, coefficient)
        deltas = Deltas(base, [(name, task[1])])
        refuse_unsummed(deltas)
        try:
            refuse_zero(deltas)
        except NothingToMerge:
            raise BadState(
                f"'{name}' is equal to the base in every shared tensor; leave it out."
            ) from None
        if state.additive.measured and measured is None:
            raise BadState(
                f"{state.method.title} needs what enters the layers of '{name}' on its own "
                "validation rows. Give a zoo that has this checkpoint and its rows; sums of deltas "
                "and methods that read the deltas' own rows need none."
            )
        made = cls(state, base, deltas, coefficient, measured if state.additive.measured else None)
        made._refuse_measured(name)
        return made

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the terms, by their names."""
        own = {*self.deltas.names}
        found = {f"{DELTAS}/{name}": self.base.weights.entries[name].shape for name in own}
        for name, (groups, inputs, *rest) in self._metrics().items():
            found[f"{LEFT}/{name}"] = (groups, inputs, *rest)
            if name in own:
                numel = self.base.weights.entries[name].numel
                found[f"{RIGHT}/{name}"] = (groups, inputs, numel // max(groups * inputs, 1))
        return found

    def values(self, term: str) -> Iterator[Tensor]:
        """One term in flat pieces, int64.

        Raises:
            NotFinite: it holds NaN or infinity.
            BadState: it leaves the range of the integers.
        """
        kind, _, name = term.partition("/")
        unit, whose = self.state.unit(term), f"{name}, '{self.deltas.tasks[0]}' ({kind})"
        if kind == DELTAS:
            for start, stop in pieces(self.deltas.at(name).numel):
                yield to_units(self._delta(name, start, stop), unit, whose)
            return
        metric = self._metric(name, whose)
        if kind == LEFT:
            values = metric * self.coefficient if self.state.additive.weighs else metric
        else:
            values = exact_product(metric, self._inputs_first(name, len(metric)))
        for piece in values.reshape(-1).split(CHUNK):
            yield to_units(piece, unit, whose)

    def _metrics(self) -> dict[str, tuple[int, ...]]:
        """Per tensor with a K_i its shape, ``(groups, in, in)``."""
        if self.measured is not None:
            shapes = {name: each.shape for name, each in self.measured.entries.items()}
            return {name: (1, *each) if len(each) == 2 else each for name, each in shapes.items()}
        places = (self.state.place(self.base, name) for name in self.deltas.names)
        found = [place for place in places if self.state.additive.has_metric(place)]
        return {place.name: (1, *2 * place.matrix[1:]) for place in found}

    def _metric(self, name: str, whose: str) -> Tensor:
        given = self._inputs_first(name, 1) if self.measured is None else self.measured.tensor(name)
        return self.state.additive.metric(given, whose)

    def _inputs_first(self, name: str, groups: int) -> Tensor:
        tensor = self.deltas.at(name)
        flat = torch.empty(tensor.numel, dtype=torch.float64)
        for start, stop in pieces(tensor.numel):
            flat[start:stop] = self._delta(name, start, stop)
        return self.state.place(self.base, name).inputs_first(flat, groups)

    def _delta(self, name: str, start: int, stop: int) -> Tensor:
        piece = self.deltas.at(name).delta(0, start, stop, torch.float64)
        assert piece is not None, "a tensor of the deltas is one that the task changes"
        return piece * self.coefficient

    def _refuse_measured(self, name: str) -> None:
        for tensor, shape in self._metrics().items():
            known = tensor in self.state.scales
            if not known or not fits(LEFT, self.state.place(self.base, tensor), shape):
                raise BadState(
                    f"'{name}': what was measured of {tensor}, {shape}, does not fit the base. "
                    "Measure it with this base, or leave the task out."
                )
        if unknown := [each for each in self.deltas.names if each not in self.state.scales]:
            raise BadState(
                f"'{name}' changes {len(unknown)} tensors that hold no floating-point numbers in "
                f"the base, first {unknown[0]}; a state keeps sums, and they have none."
            )


@contextmanager
def written(
    shapes: Mapping[str, tuple[int, ...]],
    values: Callable[[str], Iterable[Tensor]],
    progress: Progress = silent,
) -> Iterator[Sealed]:
    """Whole numbers in a file of their own, which goes with the block.

    Args:
        shapes: by name.
        values: flat pieces of one, int64.
        progress: told the share written.

    Raises:
        StudioError: the disk is too full.
    """
    size = 8 * sum(torch.Size(shape).numel() for shape in shapes.values())
    with TemporaryFolder("terms") as folder:
        refuse_full(folder.path / _FILE, size)
        file = folder.path / _FILE
        write_sealed(file, KEY, {"version": VERSION}, sum_layout(shapes), values, progress)
        yield open_sealed(file, KEY, VERSION, "a file of terms", "make it again")
