import pytest
import torch

from studio.checkpoints.low_rank import Factors
from studio.geometry.counting import counted


def test_a_direction_that_three_tasks_share_is_counted_three_times_and_put_right():
    shared = torch.zeros(4, 3).double()
    shared[0, 0] = 2.0
    alone = torch.zeros(4, 3).double()
    alone[1, 1] = 1.0
    deltas = [shared, shared, shared + alone]
    change = deltas[0] + deltas[1] + deltas[2]  # singular values 6 and 1
    found = counted(change, deltas)
    assert found.s.tolist() == [6.0, 1.0]
    torch.testing.assert_close(
        found.times, torch.tensor([[3.0, 3.0, 3.0], [0.0, 0.0, 1.0]]).double()
    )
    # 3 / (3 + 3 + 3), and 3 / (1 + 1 + 1): two tasks have nothing there and count the floor
    assert found.factors(1.0).tolist() == pytest.approx([1 / 3, 1.0])
    torch.testing.assert_close(found.put_right(change, 1.0), shared + alone)


def test_it_is_the_formula_on_drawn_deltas_dense_or_in_factors():
    g = torch.Generator().manual_seed(3)
    pairs = [(torch.randn(7, 2, generator=g), torch.randn(2, 5, generator=g)) for _ in range(3)]
    factors = [Factors(b.double(), a.double(), 0.5) for b, a in pairs]
    deltas = [0.5 * f.b @ f.a for f in factors]
    change = 0.4 * torch.stack(deltas).sum(0)
    u, s, vh = torch.linalg.svd(change, full_matrices=False)
    asked = torch.stack([u.T @ delta for delta in deltas], 1)  # (r, n, in)
    times = (asked * (u.T @ change).unsqueeze(1)).sum(2) / asked.square().sum(2)
    gamma = 3 / times.clamp(min=0.3).sum(1)
    expected = u @ torch.diag(gamma * s) @ vh
    for given in (deltas, factors):
        found = counted(change, given)
        torch.testing.assert_close(found.times, times, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(found.put_right(change, 0.3), expected, rtol=0, atol=1e-12)
