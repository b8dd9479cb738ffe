"""Drift of inputs: none of an expert alone, and what two Grams differ by of a mix."""

import pytest
import torch

from studio.measure.bench import Bench
from studio.measure.evaluate import examples
from studio.measure.information import input_grams
from studio.measure.input_drift import FAR, InputDrift, input_drift
from studio.tasks.row_parts import MEASURED
from studio.zoo import load_zoo

ROWS = 6


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


def look(bench):
    return bench.statistics.look(tuple(bench.tasks), "gram", ROWS)


def test_an_expert_alone_has_not_drifted(bench):
    recipe = bench.zoo.recipe("task_arithmetic", 1.0).without("color")
    found = input_drift(bench, recipe, look(bench), ROWS)
    assert found.shares == {"animal": pytest.approx(0.0, abs=1e-5)}
    assert not found.far


def test_a_mix_has_drifted_by_what_its_grams_differ(bench):
    recipe = bench.zoo.recipe("task_arithmetic", 2.0)
    found = input_drift(bench, recipe, look(bench), ROWS)
    bench.live.wear(bench.merge(recipe))
    for name in recipe.names:
        part = examples(bench.live, bench.tasks[name], MEASURED, labelled=False)
        seen = input_grams(bench.live, part, part.order[:ROWS].tolist())
        away = [
            float(torch.linalg.norm(gram - look(bench)(name, tensor)))
            / float(torch.linalg.norm(look(bench)(name, tensor)))
            for tensor, gram in seen.items()
        ]
        assert found.shares[name] == pytest.approx(sum(away) / len(away), rel=1e-4)
        assert found.shares[name] > 0.001


def test_what_is_proposed_depends_on_the_stated_share():
    far, near = InputDrift({"a": 0.2, "b": 0.7}), InputDrift({"a": 0.1, "b": 0.2})
    assert far.far
    assert "by 45% on average, most of 'b' (70%). Above 30%," in far.words
    assert "RegMean++" in far.words
    assert not near.far
    assert near.words.endswith("Up to 30%, statistics of the experts will do.")
    assert FAR == 0.3
