"""Both fits of a mix: layers first, then heads to the calibrated model, each at hand afterwards."""

from dataclasses import replace

import pytest
import torch

from studio.measure.bench import Bench
from studio.measure.fits import Fits
from studio.recipe import Calibrate, Heads
from studio.zoo import load_zoo

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), CPU)


def test_both_are_prepared_in_order_and_known_then(bench):
    plain, told = bench.zoo.recipe("task_arithmetic", 0.5), []
    both = replace(plain, calibrate=Calibrate(4), heads=Heads(4))
    assert not bench.fits.missing(plain)
    assert bench.fits.missing(both)
    bench.fits.prepare(bench.merge(both), lambda share, words: told.append((share, words)))
    assert not bench.fits.missing(both)
    assert not bench.fits.missing(replace(both, heads=None))
    assert bench.fits.missing(replace(both, calibrate=None))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert told[0][1] == "loading a model to calibrate"
    assert told[-1] == (1.0, "2 of 2 heads refitted: animal")
    heads = bench.merge(both).heads.found.tensors
    alone = bench.merge(replace(both, calibrate=None)).heads.found.tensors
    assert not heads["color"]["weight"].equal(alone["color"]["weight"])


def test_nothing_is_prepared_of_the_base_of_no_task_and_of_what_does_not_ask(bench):
    bench.fits.prepare(None)
    bench.fits.prepare(bench.merge(bench.zoo.recipe("average")))
    empty = replace(bench.untouched().recipe, heads=Heads(), calibrate=Calibrate())
    assert not bench.fits.missing(empty)
    assert (
        Fits(bench.deltas, {}).missing(replace(bench.zoo.recipe("average"), heads=Heads())) is False
    )
