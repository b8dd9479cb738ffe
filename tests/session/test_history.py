"""Undo and redo of the mixer."""

from dataclasses import replace

import pytest

from studio.session.history import History, moved
from studio.session.mix import starting_mix
from studio.zoo import load_zoo
from tests.session.test_mix import with_coefficient, with_groups


@pytest.fixture
def mix(tiny_zoo):
    return starting_mix(load_zoo(tiny_zoo))


def test_undo_walks_back_and_a_new_move_forgets_what_was_undone(mix):
    history = History(mix)
    for x, now in ((0.1, 0.0), (0.2, 5.0), (0.3, 10.0)):
        history.push(with_coefficient(mix, x), "color.coefficient", now)
    history.undo()
    history.undo()
    assert history.current.strips[0].coefficient == 0.1
    history.redo()
    assert history.current.strips[0].coefficient == 0.2
    history.push(with_coefficient(mix, 0.9), "color.coefficient", 20.0)
    assert not history.can_redo
    for _ in range(9):
        history.undo()
    assert history.current == mix
    assert not history.can_undo


def test_a_drag_is_one_step_of_undo(mix):
    history = History(mix)
    for i in range(50):
        history.push(with_coefficient(mix, i / 100), "color.coefficient", i * 0.02)
    history.undo()
    assert history.current == mix


def test_moves_of_two_controls_are_two_steps(mix):
    history = History(mix)
    first = with_coefficient(mix, 0.5)
    history.push(first, moved(mix, first), 0.0)
    second = replace(first, method="average")
    history.push(second, moved(first, second), 0.1)
    history.undo()
    assert history.current == first


def test_a_drag_of_one_layer_is_one_step_of_undo_and_another_layer_the_next(mix):
    history = History(mix)
    for first, second in ((0.72, 0.71), (0.73, 0.71), (0.73, 0.7)):
        shown = with_groups(mix, first, second)
        history.push(shown, moved(history.current, shown), 0.0)
    history.undo()
    assert history.current == with_groups(mix, 0.73, 0.71)
    history.undo()
    assert history.current == mix


def test_a_drag_is_one_step_however_late_its_moves_come_and_the_next_is_another(mix):
    history = History(mix)
    for at, (x, gesture) in enumerate([(0.1, "a"), (0.2, "a"), (0.3, "a"), (0.4, "b")]):
        history.push(with_coefficient(mix, x), "color.coefficient", 9.0 * at, gesture)
    history.undo()
    assert history.current.strips[0].coefficient == 0.3
    history.undo()
    assert history.current == mix


def test_moves_without_a_gesture_are_told_apart_by_time_alone(mix):
    history = History(mix)
    for at in range(3):
        history.push(with_coefficient(mix, at / 10), "color.coefficient", 9.0 * at)
    history.undo()
    assert history.current.strips[0].coefficient == 0.1
