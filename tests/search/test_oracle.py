import json

import pytest
import torch

from studio.errors import StudioError
from studio.search.oracle import LossNotFinite, Oracle, parse_answer
from tests.search.bowl import Bowl

POINT = torch.tensor([0.1, 0.7]).double()
WEIGHTS = torch.tensor([0.3, 0.7]).double()


def test_answers_come_back_from_json_bit_for_bit():
    oracle = Oracle(Bowl(), ("a", "b"))
    first = oracle.slope(POINT, 1, WEIGHTS)
    oracle.value(POINT, 8)
    known = [parse_answer(json.loads(json.dumps(each.plain()))) for each in oracle.answers]
    bowl = Bowl()
    again = Oracle(bowl, ("a", "b"), known)
    second = again.slope(POINT, 1, WEIGHTS)
    assert torch.equal(first.slope, second.slope)
    assert torch.equal(first.losses, second.losses)
    again.value(POINT, 8)
    assert bowl.asked == 0
    assert again.rows == oracle.rows == 4 + 16


def test_an_answer_to_another_question_is_refused():
    oracle = Oracle(Bowl(), ("a", "b"))
    oracle.check(POINT)
    with pytest.raises(StudioError, match="answer 1 is to another question"):
        Oracle(Bowl(), ("a", "b"), oracle.answers).check(POINT + 1e-16 + 0.1)


def test_a_loss_that_is_no_number_names_its_task_and_is_not_kept():
    oracle = Oracle(Bowl(breaks_at=2), ("a", "b"))
    oracle.check(POINT)
    with pytest.raises(LossNotFinite, match="the loss of 'b' became nan"):
        oracle.check(POINT)
    assert len(oracle.answers) == 1


@pytest.mark.parametrize(
    "broken", [[], {}, {"asked": "x", "losses": ["y"], "penalty": 0, "rows": 1}]
)
def test_an_answer_that_cannot_be_read_is_refused(broken):
    with pytest.raises(StudioError, match="cannot be read"):
        parse_answer(broken)
