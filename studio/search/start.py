"""Where a search starts: the scale at which a merge moves the base as far as one task does."""

import torch

from studio.geometry.gram import Gram, gram
from studio.merge import Merge


def components_of(merge: Merge) -> Gram:
    """``(T, n, n)`` inner products of a merge's components, by algebra from its vectors'."""
    vectors = gram(merge.vectors) if merge.method.derives else merge.gram
    return vectors.combined(merge.basis.rows)


def norm_rule(deltas: Gram, components: Gram) -> float:
    """The common coefficient at which the merged change is as long as the deltas are on average.

    ``||s sum_i component_i|| = mean_i ||delta_i||``; of n orthogonal components of equal norm it
    is ``1 / sqrt(n)``.

    Args:
        deltas: of the n raw deltas.
        components: of the n components.

    Returns:
        s > 0; 1 if the components cancel out.

    Source: the norm rule of OPCM (arXiv 2501.09522), for all tasks at once.
    """
    mean = float(deltas.total().diagonal().clamp(min=0).sqrt().mean())
    summed = float(components.total().sum().clamp(min=0).sqrt())
    return mean / summed if summed > torch.finfo(torch.float64).eps * mean else 1.0
