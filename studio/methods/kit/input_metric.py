"""The metric of a layer's inputs: Grams as methods take them, and linear systems in them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from studio.errors import NotFinite
from studio.methods.additive import Sums
from studio.methods.contract import GRAM, MERGED, option

_SINGULAR = 1e-6  # least squared Cholesky pivot of unit diagonals; Grams are kept in float32
_RIDGE = 1e-5  # of the diagonal; ten times that until it is enough
_MOST_RIDGES = 3  # of which the last, 1e-3, is enough for whatever is a Gram


def trust_option() -> Any:
    """The field ``off_diagonal`` of a method that measures Grams."""
    return option(
        0.95,
        (
            "How far pairs of inputs that occur together are believed; less is steadier with few "
            "rows."
        ),
        label="trust in pairs",
        exactly="Multiplies the off-diagonal entries of every Gram.",
        low=0.0,
        high=1.0,
    )


def rows_option() -> Any:
    """The field ``rows`` of a method that measures Grams."""
    return option(
        256,
        "How many validation rows of each task are read to see its inputs.",
        label="rows read",
        exactly="Most validation rows per task.",
        low=1,
        high=100_000,
        whole=True,
    )


EXPERTS, BEHIND = "experts", "merged"


def statistics_option() -> Any:
    """The field ``statistics`` of a method that measures Grams."""
    return option(
        EXPERTS,
        (
            "Inputs are looked at in each expert, or behind layers that are merged already, which "
            "helps where merged layers answer unlike any expert."
        ),
        label="where inputs are seen",
        exactly=(
            "Grams of inputs in the experts, or behind the layers merged so far, block by block, "
            "by RegMean of the mix's tasks with equal weights (RegMean++)."
        ),
        choices=(EXPERTS, BEHIND),
    )


def kind_of(statistics: str) -> str:
    """The kind of statistic that a value of that field asks for."""
    return MERGED if statistics == BEHIND else GRAM


def scaled(gram: Tensor, off_diagonal: float, whose: str) -> Tensor:
    """A Gram in float64 whose off-diagonal entries are multiplied.

    Args:
        gram: ``(in, in)``, or ``(groups, in, in)`` of a grouped convolution.
        off_diagonal: the factor.
        whose: tensor and task, for people.

    Returns:
        ``(groups, in, in)``, of one group where there are none.

    Raises:
        NotFinite: it holds NaN or infinity.
    """
    wide = gram.double()
    wide = wide.unsqueeze(0) if wide.dim() == 2 else wide
    bad = int((~wide.isfinite()).sum())
    if bad:
        raise NotFinite(
            f"{whose}: what enters this layer leaves the range of its numbers: {bad:,} of "
            f"{wide.numel():,} measured products are NaN or infinite. Look whether this expert "
            "answers its validation rows, leave the task out, or choose a method that needs no "
            "data."
        )
    diagonal = wide.diagonal(dim1=-2, dim2=-1).clone()
    wide = wide * off_diagonal
    wide.diagonal(dim1=-2, dim2=-1).copy_(diagonal)
    return wide


def solved(left: Tensor, right: Tensor, open_: Callable[[], Tensor], name: str) -> Tensor:
    """``left^-1 right``, where ``left`` is singular with a ridge toward ``open_``.

    All is scaled to a unit diagonal first, so that inputs of unlike size are judged alike.

    Args:
        left: ``(groups, in, in)`` sums of Grams.
        right: ``(groups, in, columns)``.
        open_: makes what a direction gets that the inputs leave open, as ``right``.
        name: of the tensor.

    Raises:
        NotFinite: no ridge helps: it is no sum of Grams.
    """
    diagonal = left.diagonal(dim1=-2, dim2=-1)
    sizes = diagonal.where(diagonal > 0, 1.0).sqrt().unsqueeze(-1)  # (groups, in, 1)
    left, right = left / sizes / sizes.mT, right / sizes
    factor, failed = torch.linalg.cholesky_ex(left)
    least = factor.diagonal(dim1=-2, dim2=-1).square().amin(-1)
    singular = (failed != 0) | ~(least >= _SINGULAR)
    if bool(singular.any()):
        eye = torch.eye(left.shape[-1], dtype=left.dtype)
        ridge = torch.where(singular, _RIDGE, 0.0).to(left.dtype).view(-1, 1, 1)
        factor, failed = torch.linalg.cholesky_ex(left + ridge * eye)
        for _ in range(_MOST_RIDGES - 1):
            if not bool(failed.any()):
                break
            ridge = ridge.where((failed == 0).view(-1, 1, 1), ridge * 10)
            factor, failed = torch.linalg.cholesky_ex(left + ridge * eye)
        if bool(failed.any()):
            raise NotFinite(
                f"{name}: what was measured of this layer's inputs is singular, and a ridge of "
                f"{float(ridge.max()):g} of its diagonal does not help: it is no sum of products "
                "of inputs. Measure the experts again, or choose a method that needs no data."
            )
        right = right + ridge * sizes * open_()
    return torch.cholesky_solve(right, factor) / sizes


def regressed(sums: Sums, count: float) -> Tensor:
    """The flat regression of sums; their deltas divided by ``count`` where some Gram is missing."""
    if sums.known < sums.tasks or 0 in sums.place.shape:
        return sums.deltas() / count
    left = sums.left()

    def mean() -> Tensor:
        return sums.deltas_inputs_first(len(left)) / count

    return sums.place.flat(solved(left, sums.right(), mean, sums.place.name))
