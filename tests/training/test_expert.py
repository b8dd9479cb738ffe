"""What is said of a training, and what it is read back from."""

import json
import math

from studio.training.checks import Check
from studio.training.expert import Trained, trained_of

CHECKS = (Check(0, 1.2, 0.4), Check(5, 0.9, 0.5), Check(10, 1.0, None))


def trained(ended: str = "whole", **fields) -> Trained:
    given = {
        "task": "x", "checks": CHECKS, "curve": ((2, 1.1), (4, 0.95)), "best": CHECKS[1],
        "steps": 20, "ended": ended, "trouble": "", "seconds": 3.0, "rows": 40, "head_only": 0.4,
    }  # fmt: skip
    return Trained(**{**given, **fields})


def test_it_is_said_how_it_ended_and_what_was_kept():
    kept = "Kept is step 5: validation loss 0.900, accuracy 0.500."
    assert trained().words == f"'x' was trained for 10 steps. {kept}"
    early = "'x' ended early, after 10 of 20 steps, for nothing got better."
    assert trained("early").words == f"{early} {kept}"
    other = trained("diverged", trouble="the loss was nan at step 11", best=Check(10, 1.0, None))
    assert other.words == (
        "'x' diverged: the loss was nan at step 11. Its best state before that is kept; a lower "
        "learning rate may help. Kept is step 10: validation loss 1.000."
    )


def test_a_loss_that_is_no_number_is_none_in_json_and_comes_back():
    broken = trained(checks=(*CHECKS, Check(15, math.nan, 0.1)), curve=((2, 1.0), (3, math.inf)))
    told = json.loads(json.dumps(broken.plain(), allow_nan=False))
    assert (told["checks"][-1]["loss"], told["curve"]) == (None, [[2, 1.0]])
    assert math.isnan(trained_of(told).checks[-1].loss)


def test_it_comes_back_from_its_json_and_a_long_curve_is_thinned():
    assert trained_of(json.loads(json.dumps(trained().plain()))) == trained()
    long = trained(curve=tuple((at, 1.0) for at in range(2_000)))
    assert len(long.plain()["curve"]) == 500
