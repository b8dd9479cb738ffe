"""Rows in few coordinates beside the same in all of them."""

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.methods.kit.row_space import RowSpace, add_cubed, divide, energy_of, factorized
from studio.methods.whole import Entries
from tests.conftest import dense_deltas

KEY = "layer.0.dense.weight"
NEAR = {"rtol": 0, "atol": 1e-6}


def entries(folder, *names, weight=0.5) -> Entries:
    opened = [(name, open_checkpoint(folder / name)) for name in names]
    deltas = Deltas(open_checkpoint(folder / "base"), opened)
    return Entries(deltas.at(KEY), [weight] * len(names), torch.float64)


def test_an_adapter_of_rank_two_has_two_coordinates_and_comes_back_whole(zoo_folder):
    rows = RowSpace.of(entries(zoo_folder, "blue"))
    expected = 0.5 * dense_deltas(zoo_folder)["blue"][KEY]
    assert rows.width == 2
    assert rows.basis is not None
    torch.testing.assert_close(rows.basis.T @ rows.basis, torch.eye(2).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(rows.dense(rows.delta(0)), expected, **NEAR)
    ones = torch.ones(4).double()
    torch.testing.assert_close(rows.delta(0) @ rows.ones(), expected @ ones, **NEAR)


def test_a_full_delta_among_them_needs_every_input(zoo_folder):
    rows = RowSpace.of(entries(zoo_folder, "blue", "red"))
    dense = dense_deltas(zoo_folder)
    assert (rows.width, rows.basis) == (4, None)
    for task, name in enumerate(("blue", "red")):
        torch.testing.assert_close(rows.delta(task), 0.5 * dense[name][KEY], **NEAR)


@pytest.mark.parametrize("shape", [(300, 5), (5, 300)])
def test_a_cube_is_the_product_of_three_however_it_is_cut(shape):
    delta = torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()
    total = torch.ones(shape).double()
    add_cubed(total, delta, 0.25)
    torch.testing.assert_close(total, 1 + 0.25 * delta @ delta.T @ delta)
    assert energy_of(delta) == pytest.approx(float(delta.square().sum()))


def test_division_by_a_factor_is_multiplication_by_the_inverse():
    generator = torch.Generator().manual_seed(1)
    root, rows = torch.randn(6, 4, generator=generator), torch.randn(300, 4, generator=generator)
    gram = root.double().T @ root.double()
    expected = rows.double() @ torch.linalg.inv(gram)
    torch.testing.assert_close(divide(rows.double(), factorized(gram.clone())), expected)
