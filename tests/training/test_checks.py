"""What a training's checks say is read from its history, without loading what trains."""

import subprocess
import sys

import pytest

from studio.training.checks import Check, checks, losses

HISTORY = [
    {"step": 0, "eval_loss": 2.0, "eval_accuracy": 0.25},
    {"step": 3, "loss": 1.5},
    {"step": 6, "eval_loss": 1.25},
]


def test_checks_and_losses_stand_apart_in_their_order():
    assert checks(HISTORY) == (Check(0, 2.0, 0.25), Check(6, 1.25, None))
    assert losses(HISTORY) == ((3, 1.5),)


@pytest.mark.slow
def test_the_page_loads_nothing_that_trains_before_somebody_asks():
    words = (
        "import sys, studio.session.training; print({'peft', 'accelerate'} & sys.modules.keys())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert ran.stdout.strip() == "set()"
