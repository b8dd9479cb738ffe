"""Scores of options: in lines of one width, per byte where that is asked."""

import torch

from studio.tasks.kinds.option_items import Question
from studio.tasks.kinds.option_scores import NEVER, lined, other_choice


def test_questions_with_fewer_options_have_a_very_low_score_there():
    items = [Question(([1], [2], [3]), (1, 2, 4), 4), Question(([1], [2]), (5, 5), 4)]
    found = lined(torch.tensor([-1.0, -2.0, -4.0, -5.0, -10.0]), items)
    assert found.tolist() == [[-1, -2, -4, NEVER], [-5, -10, NEVER, NEVER]]
    assert found.log_softmax(-1)[1].exp()[2:].tolist() == [0, 0]


def test_likelihoods_are_divided_by_bytes_and_gradients_go_through():
    values = torch.tensor([-1.0, -2.0, -4.0], requires_grad=True)
    found = lined(values, [Question(([1], [2], [3]), (1, 2, 4), 3, by_bytes=True)])
    assert found.tolist() == [[-1, -1, -1]]
    found.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [1, 0.5, 0.25]


def test_the_other_norm_chooses_anew():
    own = torch.tensor([-2.0, -3.0, -8.0, -4.0, -5.0])
    for by_bytes, name, best in (
        (True, "accuracy by sum", [0, 0]),
        (False, "accuracy per byte", [1, 1]),
    ):
        items = [
            Question(([1], [2], [3]), (1, 3, 4), 3, by_bytes=by_bytes),
            Question(([1], [2]), (1, 5), 3, by_bytes=by_bytes),
        ]
        found = other_choice(lined(own, items), items)
        assert (found[0], found[1].tolist()) == (name, best)
