"""Which token comes next: the likeliest, or one drawn at a seed."""

import pytest
import torch

from studio.checkpoints.checkpoint import open_base
from studio.errors import BadData
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.writing import MOST, Manner, taken
from tests.conftest import refusal

LOGITS = torch.tensor([0.0, 1.0, 2.0])


def test_without_a_temperature_the_likeliest_is_taken_with_its_own_share():
    token, share = taken(LOGITS, Manner(), 0)
    assert token == 2
    assert share == pytest.approx(float(LOGITS.softmax(-1)[2]))


def test_draws_follow_the_softmax_at_the_temperature_and_depend_on_seed_and_place_alone():
    manner = Manner(temperature=2.0, seed=7)
    drawn = [taken(LOGITS, manner, place)[0] for place in range(4000)]
    assert drawn == [taken(LOGITS, manner, place)[0] for place in range(4000)]
    counts = torch.bincount(torch.tensor(drawn), minlength=3) / len(drawn)
    torch.testing.assert_close(counts, (LOGITS / 2).softmax(-1), atol=0.03, rtol=0)
    other = [taken(LOGITS, Manner(temperature=2.0, seed=8), place)[0] for place in range(50)]
    assert other != drawn[:50]


def test_models_that_almost_agree_draw_the_same_token():
    manner, near = Manner(temperature=1.0), LOGITS + torch.tensor([1e-4, 0.0, -1e-4])
    assert all(taken(LOGITS, manner, i)[0] == taken(near, manner, i)[0] for i in range(200))


def test_the_share_of_a_drawn_token_is_the_models_and_not_that_of_the_draw():
    token, share = taken(LOGITS, Manner(temperature=0.5, seed=3), 5)
    assert share == pytest.approx(float(LOGITS.softmax(-1)[token]))


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        (Manner(most=0), "0 tokens are asked for; give a whole number from 1 to 256"),
        (Manner(most=MOST + 1), "257 tokens are asked for"),
        (Manner(temperature=-1.0), "The temperature is -1.0; give 0 for the likeliest"),
        (Manner(temperature=float("nan")), "The temperature is nan"),
        (Manner(seed=-1), "The seed is -1; give a whole number from 0"),
    ],
)  # fmt: skip
def test_numbers_that_mean_nothing_are_refused(manner, words):
    with pytest.raises(BadData) as error:
        manner.refuse()
    assert words in refusal(error)


def test_a_model_that_gives_no_numbers_says_nothing():
    with pytest.raises(BadData) as error:
        taken(torch.tensor([0.0, float("nan")]), Manner(), 0)
    assert "not numbers (NaN)" in refusal(error)


def test_a_kind_that_says_nothing_of_writing_writes_nothing(tiny_zoo):
    kind, base = KINDS["text-classification"], open_base(tiny_zoo / "base")
    assert kind.writer(base) is None
    assert (kind.opening("a row"), kind.speller("a reader")) == ("", "a reader")
