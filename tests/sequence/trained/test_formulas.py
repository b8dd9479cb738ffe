"""EWC, A-GEM and LwF against numbers made by hand."""

import math

import pytest
import torch

from studio.sequence.trained.formulas import agem_projection, distillation, ewc_penalty


def test_ewc_is_half_the_strength_times_the_weighted_squares():
    """F = (2, 0.5), (3); moved by (1, -2), (0.5): 2 + 2 + 0.75 = 4.75, times 10 / 2."""
    values = [torch.tensor([1.0, 0.0]), torch.tensor([[2.5]])]
    anchors = [torch.tensor([0.0, 2.0]), torch.tensor([[2.0]])]
    fisher = [torch.tensor([2.0, 0.5]), torch.tensor([[3.0]])]
    values[0].requires_grad_(True)
    found = ewc_penalty(values, anchors, fisher, 10.0)
    assert found.item() == pytest.approx(23.75)
    found.backward()
    assert values[0].grad is not None
    assert values[0].grad.tolist() == pytest.approx([20.0, -10.0])  # strength F (x - a)


def test_a_gradient_against_the_reference_is_made_orthogonal_to_it():
    """g = (1, -3), r = (0, 2): g . r = -6, r . r = 4, so 1.5 r is added."""
    turned = agem_projection(torch.tensor([1.0, -3.0]), torch.tensor([0.0, 2.0]))
    assert turned.tolist() == [1.0, 0.0]
    turned = agem_projection(torch.tensor([-4.0, 1.0]), torch.tensor([1.0, 2.0]))  # -2 by 5
    assert turned.tolist() == pytest.approx([-3.6, 1.8])


def test_a_gradient_that_agrees_stays():
    gradient = torch.tensor([1.0, 3.0])
    assert agem_projection(gradient, torch.tensor([-1.0, 2.0])) is gradient


def test_distillation_is_the_cross_entropy_of_softened_answers():
    """Before: p = (0.8, 0.2), softened by T = 2: (2, 1) / 3. Now: p = (0.5, 0.5)."""
    before = torch.tensor([[math.log(0.8), math.log(0.2)]])
    now = torch.zeros(1, 2)
    assert distillation(now, before, 2.0).item() == pytest.approx(math.log(2))
    told = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))  # as before: their own entropy
    assert distillation(before, before, 2.0).item() == pytest.approx(told)
    plain = -(0.8 * math.log(0.8) + 0.2 * math.log(0.2))
    assert distillation(before, before, 1.0).item() == pytest.approx(plain)


def test_distillation_does_not_depend_on_a_constant_added_to_scores():
    generator = torch.Generator().manual_seed(0)
    now, before = torch.randn(2, 5, 3, generator=generator)
    moved = distillation(now + 7, before - 3, 2.0)
    assert torch.allclose(moved, distillation(now, before, 2.0))
