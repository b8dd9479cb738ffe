import math

import pytest
import torch

from studio.tasks.kinds.losses import option_losses


def test_losses_of_a_row_by_hand():
    scores = torch.tensor([[0.0, math.log(3.0)]])  # a quarter and three quarters
    right = torch.tensor([1])
    assert float(option_losses("labels", scores, right)) == pytest.approx(math.log(4 / 3))
    entropy = 0.25 * math.log(4) + 0.75 * math.log(4 / 3)
    assert float(option_losses("entropy", scores, right)) == pytest.approx(entropy)
    expert = torch.tensor([[0.5, 0.5]]).double().log()
    divergence = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert float(option_losses("expert", scores, right, expert)) == pytest.approx(divergence)
    assert float(option_losses("expert", scores, right, scores.double().log_softmax(-1))) == 0
