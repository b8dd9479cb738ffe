"""A training is told step by step, and ended early, on a wish, and where it diverges."""

from types import SimpleNamespace

import pytest

from studio.errors import Cancelled
from studio.progress import silent
from studio.training.checks import DIVERGED, EARLY, WHOLE, checks, losses
from studio.training.watch import Watch


def control() -> SimpleNamespace:
    return SimpleNamespace(should_save=False, should_evaluate=True, should_training_stop=False)


def at(step: int, *found: float, total: int = 10) -> SimpleNamespace:
    history = [{"step": 5 * n, "eval_loss": loss} for n, loss in enumerate(found)]
    return SimpleNamespace(global_step=step, max_steps=total, log_history=history)


def test_the_time_left_and_the_loss_are_told_after_every_step():
    told = []
    watch = Watch(lambda share, words: told.append((share, words)), 3, "animals")
    watch.on_train_begin(None, at(0), None)
    watch.on_loss(2.0, at(0), None)
    watch.on_step_end(None, at(1), control())
    watch.on_loss(1.0, at(1), None)
    watch.on_step_end(None, at(2), control())
    assert told[0] == (0.1, "'animals': step 1 of 10, loss 2.000, about 0 s left")
    assert told[1] == (0.2, "'animals': step 2 of 10, loss 1.900, about 0 s left")


@pytest.mark.parametrize(
    ("found", "ended"),
    [
        ((2.0, 1.0, 1.1, 1.2), WHOLE),
        ((2.0, 1.0, 1.1, 1.2, 1.3), EARLY),
        ((0.5, 0.9, 0.8, 0.7, 0.6, 0.61, 0.62), WHOLE),  # worse than the head alone, and falling
        ((1.0, 2.1), DIVERGED),
        ((1.0, 0.5, float("nan")), DIVERGED),
        ((1.0, 0.5, float("inf")), DIVERGED),
        ((0.01, 0.5, 0.4), WHOLE),  # of a loss as good as none, twice is nothing
    ],
)
def test_it_ends_where_nothing_gets_better_or_the_loss_leaves_all_bounds(found, ended):
    watch, asked = Watch(silent, 3, "x"), control()
    asked.should_save = True
    watch.on_evaluate(None, at(5, *found), asked)
    assert watch.ended == ended
    assert asked.should_training_stop == (ended != WHOLE)
    assert asked.should_save == (ended != DIVERGED)  # what has diverged is not kept
    assert bool(watch.trouble) == (ended == DIVERGED)


def test_a_batch_whose_loss_is_no_number_ends_it_without_a_check_or_a_state():
    watch, asked = Watch(silent, 3, "x"), control()
    watch.on_train_begin(None, at(0), None)
    watch.on_loss(float("nan"), at(6), None)
    watch.on_loss(float("inf"), at(7), None)  # the first is told
    watch.on_step_end(None, at(7), asked)
    assert (watch.ended, watch.trouble) == (DIVERGED, "the loss was nan at step 7")
    assert asked.should_training_stop
    assert (asked.should_evaluate, asked.should_save) == (False, False)


def test_a_wish_to_stop_is_heard_at_the_end_of_the_step_and_the_state_is_kept():
    def stop(share: float, words: str) -> None:
        raise Cancelled("enough")

    watch, asked = Watch(stop, 3, "x"), control()
    watch.tell_check(0.5)  # does not raise: the check is done first
    watch.on_train_begin(None, at(0), None)
    watch.on_step_end(None, at(3), asked)
    assert str(watch.stopped) == "enough"
    assert asked.should_save
    assert asked.should_training_stop


def test_the_curves_are_read_from_the_trainers_own_history():
    history = [
        {"step": 0, "eval_loss": 2.0, "eval_accuracy": 0.3}, {"step": 4, "loss": 1.5},
        {"step": 5, "eval_loss": 1.0}, {"step": 5, "train_runtime": 3.0},
    ]  # fmt: skip
    assert [(each.step, each.loss, each.accuracy) for each in checks(history)] == [
        (0, 2.0, 0.3), (5, 1.0, None),
    ]  # fmt: skip
    assert losses(history) == ((4, 1.5),)
