import pytest
import torch

from studio.checkpoints.low_rank import Factors
from studio.geometry.spectra import Reduction, gram_of, isotropic, polar, times, triplets


def draw(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(600, 40), (40, 600), (30, 30)])
def test_the_gram_gives_float32_matrices_the_triplets_of_their_svd(shape):
    matrix = draw(*shape)
    found = triplets(matrix, Reduction(7))
    u, s, vh = torch.linalg.svd(matrix.double(), full_matrices=False)
    torch.testing.assert_close(found.s, s[:7], rtol=1e-9, atol=0)
    whole = found.u * found.s @ found.v.T
    torch.testing.assert_close(whole, u[:, :7] * s[:7] @ vh[:7], rtol=0, atol=1e-7)
    eye = torch.eye(7).double()
    torch.testing.assert_close(found.u.T @ found.u, eye, rtol=0, atol=1e-9)
    torch.testing.assert_close(found.v.T @ found.v, eye, rtol=0, atol=1e-9)


def test_small_singular_values_keep_orthonormal_vectors():
    u, _, vh = torch.linalg.svd(draw(60, 20).double(), full_matrices=False)
    matrix = (u * torch.logspace(0, -4, 20).double() @ vh).float()
    found = triplets(matrix, Reduction())
    assert len(found.s) == 20
    for side in (found.u, found.v):
        assert (side.T @ side - torch.eye(20)).abs().max() < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_null_directions_are_left_out(dtype):
    matrix = draw(50, 3).to(dtype) @ draw(3, 40).to(dtype)
    assert len(triplets(matrix, Reduction()).s) == 3
    assert len(triplets(Factors(draw(50, 3), draw(3, 40), 2.0), Reduction()).s) == 3
    assert len(triplets(torch.zeros(5, 4, dtype=dtype), Reduction()).s) == 0


def test_what_is_below_the_least_is_a_rounding_error():
    matrix = torch.diag(torch.tensor([3.0, 2.0, 1.0]))
    assert len(triplets(matrix, Reduction(), least=1.5).s) == 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_isotropic_matrices_have_one_length(dtype):
    matrix = draw(50, 3).to(dtype) @ draw(3, 40).to(dtype)
    s = torch.linalg.svdvals(matrix.double())
    found = torch.linalg.svdvals(isotropic(matrix).double())
    torch.testing.assert_close(found[:3], s[:3].mean().expand(3), rtol=1e-5, atol=0)
    assert found[3:].max() < 1e-5 * found[0]


@pytest.mark.parametrize("columns", [5, 12])  # twelve cannot be orthonormal in eight dimensions
def test_polar_is_the_nearest_partial_isometry(columns):
    bases = draw(8, columns).double()
    u, _, vh = torch.linalg.svd(bases, full_matrices=False)
    torch.testing.assert_close(polar(bases), u @ vh, rtol=0, atol=1e-9)


def test_blocks_give_the_whole_product():
    rows, right = draw(700, 9), draw(9, 9).double()
    torch.testing.assert_close(gram_of(rows), rows.double().T @ rows.double())
    start = torch.eye(9).double()
    expected = start + 0.5 * gram_of(rows)
    torch.testing.assert_close(gram_of(rows, start, 0.5), expected)
    torch.testing.assert_close(times(rows, right), (rows.double() @ right).float())
    torch.testing.assert_close(times(rows, right, torch.float64), rows.double() @ right)
    expected = times(rows, right)
    assert times(rows, right, out=rows).equal(expected)
