import math

import pytest
import torch

from studio.search.balance import BALANCES, Balance, Scale

SCALE = Scale(expert=torch.tensor([0.1, 0.5]).double(), base=torch.tensor([1.1, 0.5]).double())


def of(*losses: float) -> torch.Tensor:
    return torch.tensor(losses, dtype=torch.float64)


def test_shares_of_the_gain_lost_have_a_floor_under_the_gain():
    assert torch.allclose(SCALE.unit, of(1.0, 0.025))  # the second expert gains nothing
    assert torch.allclose(SCALE.lost(of(0.6, 0.55)), of(0.5, 2.0))


def test_values_by_hand():
    losses = of(0.6, 0.55)
    assert Balance("uniform", SCALE).value(losses) == pytest.approx(0.575)
    assert Balance("minimax", SCALE).value(losses) == pytest.approx(2.0)
    weight = 1 / (1 + math.exp(-1.5))  # softmax of 0.5 and 2
    assert Balance("adaptive", SCALE).value(losses) == pytest.approx(
        2 * weight + 0.5 * (1 - weight)
    )
    logs = (math.log(0.6) + math.log(0.55)) / 2
    assert Balance("uncertainty", SCALE).value(losses) == pytest.approx(logs)


def test_uncertainty_is_the_weighted_loss_at_its_best_variances():
    losses = of(0.6, 0.2)
    free = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([free], max_iter=100, tolerance_grad=1e-12)

    def weighted() -> torch.Tensor:
        optimizer.zero_grad()
        total = ((-free).exp() * losses + free).mean()
        total.backward()
        return total.detach()

    optimizer.step(weighted)
    assert Balance("uncertainty", SCALE).value(losses) + 1 == pytest.approx(float(weighted()))


@pytest.mark.parametrize("kind", ["uniform", "uncertainty"])
def test_weights_are_the_derivatives_of_the_value(kind):
    balance, losses = Balance(kind, SCALE), of(0.6, 0.2)
    balance.begin(losses)
    small = 1e-6
    for place, weight in enumerate(balance.slopes().tolist()):
        moved = losses.clone()
        moved[place] += small
        assert (balance.value(moved) - balance.value(losses)) / small == pytest.approx(weight, 1e-4)


def test_adaptive_weights_follow_a_running_mean_and_minimax_the_worst_task():
    adaptive, minimax = Balance("adaptive", SCALE), Balance("minimax", SCALE)
    for each in (adaptive, minimax):
        each.begin(of(0.1, 0.5))  # nothing lost
    assert torch.allclose(adaptive.slopes(), of(0.5, 0.5) / SCALE.unit)
    for each in (adaptive, minimax):
        each.see(of(1.1, 0.5))  # all of the first one's gain lost; a tenth of that is remembered
    assert torch.allclose(adaptive.slopes() * SCALE.unit, of(0.1, 0.0).softmax(0))
    assert (minimax.slopes() * SCALE.unit).tolist() == [1.0, 0.0]


def test_a_loss_of_zero_has_a_logarithm():
    assert all(math.isfinite(Balance(kind, SCALE).value(of(0, 0))) for kind in BALANCES)
