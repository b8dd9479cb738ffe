"""Products whose bits depend on nothing but the factors."""

import torch

from studio.geometry.exact_product import exact_product


def drawn(*shape: int, seed: int = 0, spread: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    found = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return found * torch.exp(spread * torch.randn(shape[-1], generator=generator).double())


def test_it_is_the_product_up_to_its_bound():
    left, right = drawn(20, 700), drawn(700, 30, seed=1)
    found, near = exact_product(left, right), left @ right
    bound = left.abs().amax(1, keepdim=True) * right.abs().amax(0, keepdim=True) * 700 * 2.0**-38
    assert bool(((found - near).abs() <= bound).all())


def test_columns_of_unlike_size_keep_their_own_digits():
    left, right = drawn(5, 40), drawn(40, 30, seed=1, spread=8.0)
    torch.testing.assert_close(exact_product(left, right), left @ right, rtol=1e-8, atol=0)


def test_no_order_of_the_sum_and_no_cut_changes_a_bit():
    left, right = drawn(9, 500, spread=2.0), drawn(500, 7, seed=1)
    order = torch.randperm(500, generator=torch.Generator().manual_seed(2))
    found = exact_product(left, right)
    assert exact_product(left[:, order], right[order]).equal(found)
    assert exact_product(left[3:5], right)[0].equal(found[3])
    assert exact_product(left, right[:, 2:4].contiguous())[:, 1].equal(found[:, 3])
    transposed = exact_product(right.mT, left.mT).mT
    torch.testing.assert_close(transposed, found, rtol=1e-9, atol=1e-9)


def test_groups_zeros_and_small_numbers():
    left, right = drawn(2, 3, 4), drawn(2, 4, 5, seed=1)
    left[0, 1] = 0.0
    found = exact_product(left, right)
    torch.testing.assert_close(found, left @ right, rtol=1e-8, atol=1e-10)
    assert not bool(found[0, 1].any())
    small = exact_product(left * 2.0**-300, right)
    assert small.equal(found * 2.0**-300)
