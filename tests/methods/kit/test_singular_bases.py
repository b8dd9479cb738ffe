"""Singular bases put side by side, worked by hand on axes."""

import torch

from studio.checkpoints.vectors import Dense
from studio.methods.kit.singular_bases import SingularBases
from studio.methods.whole import Entries

NEAR = {"rtol": 0, "atol": 1e-12}


def bases(*deltas: list[list[float]]) -> SingularBases:
    values = tuple(torch.tensor(delta).double().flatten() for delta in deltas)
    base = torch.zeros(4, dtype=torch.float64)
    tensor = Dense("dense.weight", (2, 2), base, values)  # type: ignore[arg-type]
    return SingularBases(Entries(tensor, [1.0] * len(deltas), torch.float64))


def test_triplets_on_different_axes_are_added():
    found = bases([[3.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]])
    for task in range(2):
        found.add_delta(task, 1)
    expected = torch.tensor([[3.0, 0.0], [0.0, 1.0]]).double()
    torch.testing.assert_close(found.merged(), expected, **NEAR)


def test_equal_singular_values_are_their_mean():
    found = bases([[3.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]])
    for task in range(2):
        found.add_delta(task, 1)
    torch.testing.assert_close(found.merged(equal=True), 2 * torch.eye(2).double(), **NEAR)


def test_only_the_leading_triplets_are_put_in():
    found = bases([[3.0, 0.0], [0.0, 1.0]])
    found.add_delta(0, 1)
    expected = torch.tensor([[3.0, 0.0], [0.0, 0.0]]).double()
    torch.testing.assert_close(found.merged(), expected, **NEAR)


def test_without_triplets_nothing_changes_and_nothing_is_left_after_a_merge():
    found = bases([[3.0, 0.0], [0.0, 1.0]])
    assert found.merged().equal(torch.zeros(2, 2).double())
    found.add_delta(0, 2)
    assert found.merged().norm() > 3
    assert not found.merged().any()
