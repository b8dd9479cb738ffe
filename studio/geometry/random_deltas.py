"""Random deltas of equal norms: what a picture shows where there is nothing to be seen."""

import numpy as np
import torch

from studio.geometry.gram import Gram


def random_deltas(gram: Gram, sizes: tuple[int, ...], seed: int) -> Gram:
    """Inner products of deltas that keep their norms in every tensor and point anywhere.

    The products of n standard normal vectors of d elements follow Wishart's distribution; they
    are drawn as such (Bartlett's decomposition, exact for every d, also below n), so no vector of
    d elements is made. Divided by the lengths drawn, the directions are uniform and independent,
    their cosines have mean 0 and variance 1 / d. A random product of factors, as of a LoRA, has
    cosines of the same mean and variance, whatever its rank.

    Args:
        gram: of the deltas whose norms are kept; a norm of 0 stays 0.
        sizes: elements of each of the T tensors.
        seed: of the draw.

    Source: Bartlett 1933, Proc. R. Soc. Edinb. 53.
    """
    n, generator = len(gram.tasks), np.random.default_rng(seed % 2**32)
    degrees = np.array(sizes)[:, None] - np.arange(n)  # (T, n)
    lower = np.tril(generator.standard_normal((len(sizes), n, n)), -1)
    index = np.arange(n)
    lower[:, index, index] = np.sqrt(generator.chisquare(degrees.clip(1)))
    lower *= (degrees > 0)[:, None, :]  # in d dimensions there are d directions
    drawn = torch.from_numpy(lower @ lower.transpose(0, 2, 1))  # (T, n, n)
    lengths = drawn.diagonal(dim1=-2, dim2=-1).sqrt()
    norms = gram.blocks.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
    scales = norms / lengths
    return Gram(gram.tasks, gram.names, drawn * scales.unsqueeze(-1) * scales.unsqueeze(-2))
