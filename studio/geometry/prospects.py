"""Will it merge? What deltas alone tell beforehand, as one line with its reasons."""

from collections.abc import Sequence
from statistics import fmean

import torch

from studio.checkpoints.deltas import Deltas
from studio.geometry.gram import Gram

_LOOKED = 24  # matrices, spread over the model
_SHARED = 0.3  # overlap of row spaces, far above chance, from which starting factors are shared
_TIMES_CHANCE = 3.0
_APART = 3.0  # times the smallest norm, from which norms differ much


def reasons_of(deltas: Deltas, gram: Gram) -> tuple[str, ...]:
    """Why these tasks might not merge well; empty where nothing speaks against it.

    Adapters that were started from the same factors A share their row spaces for that alone: then
    covariances estimated from the deltas (WUDI, ACE) see no difference between tasks, and what is
    measured on rows does. A delta many times longer than another drowns it at equal weights.

    Args:
        deltas: of the tasks.
        gram: theirs.
    """
    if len(deltas) < 2:
        return ()
    return tuple(each for each in (_factors(deltas), _norms(gram)) if each)


def prospect(tasks: int, reasons: Sequence[str], asked: bool = False) -> str:
    """One line on whether tasks will merge, with its reasons; empty for fewer than two.

    Args:
        tasks: how many.
        reasons: as ``reasons_of`` gives them, and others.
        asked: whether the experts were asked how sure they are.
    """
    if tasks < 2:
        return ""
    if not reasons:
        where = "the deltas or in the experts' certainty" if asked else "the deltas"
        return f"Will it merge? Nothing in {where} speaks against it; scores on rows decide."
    return f"Will it merge? Look closely: {'; '.join(reasons)}."


def row_overlap(deltas: Deltas) -> tuple[float, float] | None:
    """Mean overlap of the row spaces of low-rank deltas, and that of random ones.

    The overlap of two spaces is the mean squared cosine of their principal angles, taken over the
    pairs of tasks, in the smaller of two ranks.

    Returns:
        None where fewer than two tasks have factors of one matrix.
    """
    matrices = [name for name in deltas.names if sum(map(bool, deltas.at(name).factors)) > 1]
    found, chance = [], []
    for name in matrices[:: max(len(matrices) // _LOOKED, 1)][:_LOOKED]:
        known = [each.a.double() for each in deltas.at(name).factors if each is not None]
        bases = [torch.linalg.qr(a.T).Q for a in known if bool(a.any())]
        for i, one in enumerate(bases):
            for other in bases[:i]:
                rank = min(one.shape[1], other.shape[1])
                found.append(float((one.T @ other).square().sum()) / rank)
                chance.append(max(one.shape[1], other.shape[1]) / len(one))
    return (fmean(found), fmean(chance)) if found else None


def _factors(deltas: Deltas) -> str:
    overlap = row_overlap(deltas)
    if overlap is None or overlap[0] < max(_SHARED, _TIMES_CHANCE * overlap[1]):
        return ""
    return (
        f"the adapters share their starting factors (overlap of row spaces {overlap[0]:.2f}, of "
        f"random ones {overlap[1]:.2f}), so methods that estimate inputs from the deltas see "
        "little difference between tasks, and those that measure rows do"
    )


def _norms(gram: Gram) -> str:
    norms = gram.total().diagonal().clamp(min=0).sqrt()
    most, least = int(norms.argmax()), int(norms.argmin())
    if float(norms[least]) <= 0 or float(norms[most] / norms[least]) < _APART:
        return ""
    times = float(norms[most] / norms[least])
    return (
        f"'{gram.tasks[most]}' moves the base {times:.1f} times as far as '{gram.tasks[least]}', "
        "which equal weights may drown"
    )
