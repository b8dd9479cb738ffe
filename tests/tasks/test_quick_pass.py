from types import SimpleNamespace

import numpy as np
import pytest
import torch

from studio.measure.bench import Bench
from studio.measure.evaluate import UNKNOWN
from studio.tasks import quick_pass
from studio.tasks.quick_pass import FULL_PRECISION, Pace, measured_pace, using_threads
from studio.zoo import load_zoo
from tests.scored import score

CPU = torch.device("cpu")


@pytest.fixture
def timed(monkeypatch):
    """Make batches that take so many seconds by the clock that is read, and none in truth."""
    now = 0.0
    clock = SimpleNamespace(perf_counter=lambda: now)
    monkeypatch.setattr(quick_pass, "time", clock)

    def make(exact: float, quick: float, alone: float = 1.0):
        """A batch; on one thread it takes ``alone`` times as long."""

        def run(dtype):
            nonlocal now
            seconds = exact if dtype is FULL_PRECISION else quick
            now += seconds * (alone if torch.get_num_threads() == 1 else 1.0)

        return run

    return make


def test_a_much_faster_precision_makes_a_quick_pass(timed):
    assert measured_pace(timed(0.02, 0.005), CPU).quick is torch.bfloat16
    assert measured_pace(timed(0.02, 0.019), CPU).quick is FULL_PRECISION
    assert measured_pace(timed(0.005, 0.02), CPU).quick is FULL_PRECISION


def test_the_faster_number_of_threads_is_taken(timed):
    before = torch.get_num_threads()
    with using_threads(2):
        assert measured_pace(timed(0.005, 0.005, alone=3), CPU).threads[FULL_PRECISION] == 2
        assert measured_pace(timed(0.015, 0.015, alone=0.3), CPU).threads[FULL_PRECISION] == 1
    assert torch.get_num_threads() == before


def test_threads_are_given_back_after_an_error():
    before = torch.get_num_threads()

    def fail():
        with using_threads(before + 1):
            raise ValueError(f"stopped with {torch.get_num_threads()} threads")

    with pytest.raises(ValueError, match=f"with {before + 1} threads"):
        fail()
    assert torch.get_num_threads() == before


def test_a_quick_pass_sees_every_row_and_the_exact_one_replaces_it(tiny_zoo):
    bench = Bench(load_zoo(tiny_zoo), CPU)
    merge = bench.merge(bench.zoo.recipe("average"))
    exact = score(bench, merge)
    bench.live.pace = Pace(torch.bfloat16, {})
    evaluation = bench.evaluation(bench.heads(bench.scored()), "held_out")
    while not evaluation.seen:
        evaluation.step(bench.live)
    assert evaluation.share == 0.5
    assert not evaluation.done
    assert all((seen != UNKNOWN).all() for seen in evaluation.predictions.values())
    for name in evaluation.predictions:
        evaluation.predictions[name] = np.full_like(evaluation.predictions[name], 0)
    list(evaluation.run(bench.live))
    assert evaluation.done
    assert evaluation.scores() == exact


def test_bfloat16_agrees_with_float32_on_nearly_every_row(tiny_zoo):
    bench = Bench(load_zoo(tiny_zoo), CPU)
    bench.live.wear(None)
    bench.live.pace = Pace(torch.bfloat16, {})
    evaluation = bench.evaluation(bench.heads(bench.scored()), "held_out")
    while not evaluation.seen:
        evaluation.step(bench.live)
    quick = {name: seen.copy() for name, seen in evaluation.predictions.items()}
    list(evaluation.run(bench.live))
    for name, exact in evaluation.predictions.items():
        assert (quick[name] == exact).mean() > 0.9


def test_the_measured_pace_is_that_of_this_machine(tiny_zoo):
    bench = Bench(load_zoo(tiny_zoo), CPU)
    assert bench.live.pace == Pace()
    bench.live.measure_pace()
    found = bench.live.pace
    counts = {1, torch.get_num_threads()}
    assert set(found.seconds) == {(d, c) for d in (FULL_PRECISION, torch.bfloat16) for c in counts}
    assert all(value > 0 for value in found.seconds.values())
