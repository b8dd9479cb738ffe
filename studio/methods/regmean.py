"""RegMean: the linear layers that come closest to every expert on its own inputs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.architecture import turned
from studio.checkpoints.deltas import DerivedDeltas
from studio.methods.additive import Sums, WeighedAdditive
from studio.methods.contract import GRAM, Given
from studio.methods.kit.coefficients import refuse_negative
from studio.methods.kit.input_metric import regressed, rows_option, scaled, solved, trust_option
from studio.methods.whole import Entries, Whole


@dataclass(frozen=True)
class RegMean(Whole):
    """base + scale D per linear layer, D^T = (sum_i c_i G_i)^-1 sum_i c_i G_i delta_i^T.

    G_i = X^T X / n, ``(in, in)``, of the n non-padding tokens of validation rows of task i as
    they enter the layer in expert i, its off-diagonal entries multiplied by ``off_diagonal``. D
    minimizes the squared distance to every expert's outputs on its own inputs. A task counts with
    its inputs in layers that it left alone, too. Coefficients are relative weights: the same
    factor on all of them changes nothing, and they must not be negative. transformers' Conv1D is a
    linear layer that stores D^T. All other tensors take sum_i c_i delta_i / sum_i c_i. Solved in
    float64; where the inputs of all tasks leave a direction open, a ridge of 1e-5 of the diagonal
    gives that direction the weighted mean.

    Source: Jin et al. 2023, Dataless knowledge fusion by merging weights of language models
    (arXiv 2212.09849).
    """

    name: ClassVar[str] = "regmean"
    title: ClassVar[str] = "RegMean"
    plainly: ClassVar[str] = (
        "Chooses each layer's weights so that it answers every expert's inputs as that expert does."
    )
    main: ClassVar[str] = "off_diagonal"
    default_coefficient: ClassVar[float] = 1.0
    needs: ClassVar[str] = GRAM

    off_diagonal: float = trust_option()
    rows: int = rows_option()

    @property
    def measured_rows(self) -> int:
        """As the option says."""
        return self.rows

    @property
    def additive(self) -> WeighedAdditive:
        """Of layers the sums of Grams and of Grams times deltas; of all else that of deltas."""
        return WeighedAdditive(
            self.title, self._of_sums, lambda gram, whose: scaled(gram, self.off_diagonal, whose)
        )

    def _of_sums(self, sums: Sums) -> Tensor:
        return regressed(sums, sums.weight).mul_(self.scale)

    def vectors(self, given: Given) -> DerivedDeltas:
        """See ``Whole.vectors``."""
        refuse_negative(given.deltas, given.coefficients, self.title)
        return super().vectors(given)

    def change(self, entries: Entries, given: Given) -> Tensor:
        """The regression; the weighted mean where some task has no Gram."""
        assert given.measured is not None, "a merge refuses a method whose needs are not measured"
        pairs = zip(given.deltas.tasks, entries.weights, strict=True)
        grams = {
            task: given.measured(name, entries.name)
            for task, (name, weight) in enumerate(pairs)
            if weight != 0.0
        }
        known = {task: gram for task, gram in grams.items() if gram is not None}
        if 0 in entries.shape or len(known) < len(grams):
            return entries.sum().div_(sum(entries.weights))
        as_stored = bool(turned(given.deltas.base, entries.name))
        words = {task: f"{entries.name}, '{given.deltas.tasks[task]}'" for task in known}
        weighed = ((t, scaled(g, self.off_diagonal, words[t])) for t, g in known.items())
        found = _regressed(entries, weighed, as_stored).to(entries.dtype)
        return found.T.contiguous() if as_stored else found


def _regressed(entries: Entries, grams: Iterable[tuple[int, Tensor]], transposed: bool) -> Tensor:
    """The solution ``(out, in)`` float64; ``transposed`` weights are stored as (in, out)."""

    def inputs_first(stored: Tensor, groups: int) -> Tensor:
        wide = (stored if transposed else stored.T).double()
        return torch.stack(wide.chunk(groups, 1))  # (groups, in, out / groups)

    left = right = torch.zeros(())
    for task, gram in grams:
        left = left + entries.weights[task] * gram
        delta = entries.delta(task)  # times its coefficient
        if delta is not None:
            right = right + gram @ inputs_first(delta, len(gram))

    def mean() -> Tensor:
        return inputs_first(entries.sum().div_(sum(entries.weights)), len(left))

    right = right if right.dim() else torch.zeros_like(mean())
    return torch.cat(list(solved(left, right, mean, entries.name)), 1).T
