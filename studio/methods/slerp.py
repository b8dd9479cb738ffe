"""SLERP: between two models along an arc instead of a straight line."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from studio.checkpoints.vectors import CHUNK, Room, pieces
from studio.methods.contract import Given, option
from studio.methods.kit.pair import NEARLY_PARALLEL, PARALLEL, Pair, arc
from studio.methods.whole import Entries

NEVER = "never"


@dataclass(frozen=True)
class Slerp(Pair):
    """W_1 sin((1 - t) a) / sin(a) + W_2 sin(t a) / sin(a), with a the angle of the two tensors.

    t = c_2 / (c_1 + c_2): of the coefficients only the ratio counts. The angle is that of the
    flattened weights of the two models in every tensor, whose lengths are left as they are; above
    |cos| = 0.9995, or where one is zero, the straight line is taken, so that models close to their
    base are averaged; with line: never the arc is taken there, too. It merges two tasks; one alone
    is its own model.

    Source: Shoemake 1985, Slerp, per tensor as in FusionBench and mergekit (slerp; with line:
    never, nuslerp without a base).
    """

    name: ClassVar[str] = "slerp"
    title: ClassVar[str] = "SLERP"
    plainly: ClassVar[str] = (
        "Walks from one model to the other along an arc, and not along a straight line."
    )
    default_coefficient: ClassVar[float] = 1.0

    line: str = option(
        "near",
        "Where two models hardly differ a straight line is taken, or the arc all the same.",
        label="nearly the same",
        exactly="Straight where the two are nearly parallel, or never: the arc however short.",
        choices=("near", NEVER),
    )

    def between(self, raw: Entries, t: float, given: Given) -> Tensor:
        """From base + delta_1 to base + delta_2, less the base."""
        parallel = PARALLEL if self.line == NEVER else NEARLY_PARALLEL
        first, second = arc(_cosine(raw), t, parallel)
        change = raw.base().mul_(first + second - 1.0)  # small where the models are close to it
        for weight, delta in zip((first, second), raw.deltas(), strict=True):
            if delta is not None:
                change.add_(delta, alpha=weight)
        return change


def _cosine(raw: Entries) -> float:
    """Cosine of the two models' weights in float64, 1 if one is zero (then there is no arc)."""
    inner, squares, room = 0.0, [0.0, 0.0], Room()
    for start, stop in pieces(raw.tensor.numel, CHUNK):
        base = raw.tensor.base_piece(start, stop, raw.dtype, room).double().clone()
        deltas = raw.tensor.vectors(start, stop, raw.dtype, room)
        ends = [base if delta is None else delta.double() + base for delta in deltas]
        inner += float(torch.dot(*ends))
        squares = [total + float(torch.dot(e, e)) for total, e in zip(squares, ends, strict=True)]
    norms = (squares[0] ** 0.5) * (squares[1] ** 0.5)
    return inner / norms if norms > 0.0 else 1.0
