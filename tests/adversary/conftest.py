"""How much of an attack is tried: a sample that stays the same, or with ``--all`` everything."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

Attack = TypeVar("Attack")


@pytest.fixture
def sampled(request: pytest.FixtureRequest) -> Callable[[Sequence[Attack], int], list[Attack]]:
    """Draws at most so many, in their order; the same ones each time."""

    def draw(attacks: Sequence[Attack], most: int) -> list[Attack]:
        if request.config.getoption("--all") or len(attacks) <= most:
            return [*attacks]
        chosen = sorted(random.Random(20).sample(range(len(attacks)), most))
        return [attacks[place] for place in chosen]

    return draw
