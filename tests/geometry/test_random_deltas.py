"""The control: norms are kept, directions follow the law of random vectors."""

import numpy as np
import pytest
import torch

from studio.geometry.gram import Gram, cosine
from studio.geometry.random_deltas import random_deltas


def gram_of(norms: list[list[float]], size: int = 6) -> Gram:
    """Norms per tensor and task; the deltas all point the same way."""
    blocks = torch.stack([torch.outer(x, x) for x in torch.tensor(norms).double()])
    return Gram(("a", "b", "c"), tuple(f"t{i}" for i in range(len(norms))), blocks)


def cosines(size: int, draws: int = 4000) -> np.ndarray:
    drawn = random_deltas(gram_of([[1.0, 2.0, 3.0]] * draws), (size,) * draws, 0)
    return cosine(drawn.blocks)[:, [0, 0, 1], [1, 2, 2]].numpy()


def test_every_norm_is_kept_and_a_zero_delta_stays_zero():
    gram = gram_of([[1.0, 2.0, 0.0], [3.0, 0.5, 7.0]])
    drawn = random_deltas(gram, (10, 1_000_000), 3)
    assert torch.allclose(
        drawn.blocks.diagonal(dim1=-2, dim2=-1), gram.blocks.diagonal(dim1=-2, dim2=-1)
    )
    assert drawn.blocks[0, 2].tolist() == [0.0, 0.0, 0.0]
    assert cosine(drawn.blocks[1])[0, 1].abs() < 0.01  # the given ones had cosine 1


@pytest.mark.parametrize("size", [2, 3, 50, 23_000_000])
def test_cosines_have_mean_0_and_variance_1_over_the_elements(size):
    found = cosines(size)  # 12,000 cosines
    assert abs(found.mean()) < 4 / np.sqrt(12_000 * size)
    assert found.var() * size == pytest.approx(1.0, rel=0.06)


def test_they_are_distributed_as_those_of_vectors_that_were_drawn_one_by_one():
    generator = np.random.default_rng(1)
    x = generator.standard_normal((4000, 3, 5))
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    drawn = np.einsum("tid,tjd->tij", x, x)[:, [0, 0, 1], [1, 2, 2]]
    for share in (0.05, 0.25, 0.75, 0.95):
        assert np.quantile(cosines(5), share) == pytest.approx(np.quantile(drawn, share), abs=0.03)


def test_in_one_or_two_dimensions_three_deltas_are_dependent():
    assert np.abs(cosines(1, 50)) == pytest.approx(1.0)
    drawn = random_deltas(gram_of([[1.0, 1.0, 1.0]]), (2,), 0)
    assert float(torch.linalg.eigvalsh(drawn.blocks[0])[0]) == pytest.approx(0.0, abs=1e-12)


def test_the_seed_alone_decides():
    gram = gram_of([[1.0, 2.0, 3.0]])
    first, again, other = (random_deltas(gram, (9,), seed).blocks for seed in (1, 1, 2))
    assert first.equal(again)
    assert not first.equal(other)
