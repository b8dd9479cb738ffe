"""Orders of arrival: seeded, different, and no more than there are."""

import pytest

from studio.errors import BadRecipe
from studio.sequence.orders import shuffled
from tests.conftest import refusal

TASKS = ("a", "b", "c")


def test_a_seed_gives_the_same_orders_again_and_each_says_its_own():
    orders = shuffled(TASKS, 3, 7)
    assert orders == shuffled(TASKS, 3, 7)
    assert len({order.tasks for order in orders}) == 3
    for order in orders:
        assert sorted(order.tasks) == list(TASKS)
        assert order.seed is not None
        assert shuffled(TASKS, 1, order.seed)[0].tasks == order.tasks


def test_all_orders_can_be_had_and_no_more():
    assert len({order.tasks for order in shuffled(TASKS, 6)}) == 6
    with pytest.raises(BadRecipe) as error:
        shuffled(TASKS, 7)
    assert refusal(error) == (
        "7 orders were asked for; 3 tasks can arrive in 6 different orders, so ask for 1 to 6."
    )
    with pytest.raises(BadRecipe, match="0 orders"):
        shuffled(TASKS, 0)
    with pytest.raises(BadRecipe, match="The seed is -1"):
        shuffled(TASKS, 1, -1)
