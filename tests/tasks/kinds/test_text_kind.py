"""What kinds of texts with a head have in common: a linear head reads what the base gives."""

import pytest
import torch

from studio.errors import BadData
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.text_kind import linear


def test_a_linear_head_scores_every_state_and_one_for_another_width_is_refused():
    head = LinearHead(torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.tensor([0.0, 3.0]))
    states = torch.tensor([[[1.0, 1.0], [2.0, 0.0]]], dtype=torch.bfloat16)
    assert linear(head, states, "a").tolist() == [[[3.0, 4.0], [2.0, 3.0]]]
    with pytest.raises(BadData, match="'a': the head takes 2 numbers, the encoder gives 3"):
        linear(head, torch.ones(1, 3), "a")
