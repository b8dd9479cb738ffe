"""What a training takes is said before it begins."""

from dataclasses import replace

import pytest
import torch

from studio.training.cost import training_cost, training_work
from studio.training.run import checked_rows
from tests.training.rooms import SHORT, plan, room


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    made = plan(room(tmp_path_factory.mktemp("room")))
    return made, checked_rows(made)


def work(asked, **fields):
    made, rows = asked
    return training_work(replace(made, course=replace(SHORT, **fields)), rows, torch.device("cpu"))


def test_work_grows_with_the_epochs_and_ends_with_the_steps(asked):
    one, two, ten = (work(asked, epochs=n).operations for n in (1, 2, 10))
    assert two - one == pytest.approx((ten - one) / 9)
    limited = work(asked, epochs=1000, steps=6).operations  # of 42 rows in batches of 8
    assert one < limited < two


def test_all_weights_take_more_work_memory_and_room_than_an_adapter(asked, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # where no training was timed before
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    made, _ = asked
    small, large = work(asked), work(asked, whole=True)
    assert large.operations > small.operations
    assert large.memory == 4 * sum(e.numel for e in made.base.weights.entries.values()) * 4
    assert small.memory < large.memory / 3
    costs = [
        training_cost(replace(made, course=replace(SHORT, whole=whole)), each)
        for whole, each in ((False, small), (True, large))
    ]
    assert costs[0].disk < costs[1].disk
    assert costs[0].trainings == 0
    assert costs[0].seconds > 0
