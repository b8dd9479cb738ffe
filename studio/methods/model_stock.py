"""Model Stock: the mean of the models, drawn towards the base by the angles between deltas."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from studio.geometry.gram import Grams, cosine
from studio.geometry.orthogonal import Basis, identity
from studio.methods.contract import Method

_FARTHEST = -1.0  # least t, so that deltas that cancel move nothing farther than their mean does


@dataclass(frozen=True)
class ModelStock(Method):
    """base + t sum_i c_i delta_i / k, with t = k cos / (1 + (k - 1) cos) in every tensor.

    cos is the mean cosine between two of the k deltas; a delta that is zero in a tensor is not
    counted there, and with one delta t is 1. It is meant for models of one task: where deltas are
    orthogonal, t is 0 and the base is left. A negative cos gives a negative t, as in mergekit; it
    ends at -1.

    Source: Jang et al. 2024, Model Stock (arXiv 2403.19522), for k models; the mean of the
    cosines as in mergekit.
    """

    name: ClassVar[str] = "model_stock"
    title: ClassVar[str] = "Model Stock"
    plainly: ClassVar[str] = (
        "Draws the average of the experts back towards the base: the more they disagree, the "
        "further."
    )
    default_coefficient: ClassVar[float] = 1.0

    def components(self, n: int, gram: Grams) -> Basis:
        """Each delta times t / k."""
        raw = identity(n)
        return replace(raw, rows=raw.rows * shares(gram().blocks)[:, None, None])


def shares(blocks: Tensor) -> Tensor:
    """What every delta of a tensor is multiplied by, t / k.

    Args:
        blocks: ``(T, n, n)`` float64 inner products of n deltas.

    Returns:
        ``(T,)`` float64, between -1 / k and 1 / k.
    """
    changes = blocks.diagonal(dim1=-2, dim2=-1) > 0
    k = changes.sum(-1).double().clamp(min=1.0)
    pairs = (k * (k - 1) / 2).clamp(min=1.0)
    mean = torch.tril(cosine(blocks), -1).sum((-2, -1)) / pairs  # a zero delta's cosines are 0
    part, whole = k * mean, 1 + (k - 1) * mean
    bounded = part > _FARTHEST * whole  # so whole > 0: it is at least 1 where mean >= 0
    t = torch.where(bounded, part / whole.where(bounded, 1.0), _FARTHEST)
    return t.where(k > 1, 1.0) / k
