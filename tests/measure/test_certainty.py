"""How sure experts are: by hand from their logits, and which are told."""

import pytest
import torch

from studio.measure.bench import Bench
from studio.measure.certainty import UNSURE, Certainty, certainties, unsure_words
from studio.measure.evaluate import examples
from studio.tasks.row_parts import MEASURED
from studio.zoo import load_zoo


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


def test_it_is_how_far_the_likeliest_option_is_from_chance(bench):
    told = []
    found = certainties(bench, tuple(bench.tasks), lambda share, words: told.append(words))
    assert told == [f"how sure the expert of {name} is" for name in bench.tasks]
    for name, task in bench.tasks.items():
        bench.live.wear(bench.expert(name))
        part = examples(bench.live, task, MEASURED, labelled=False)
        items = [part.items[row] for row in part.order[:64]]
        batch = bench.live.batch(task.kind, items)
        output = bench.live.states(batch.inputs)
        places = torch.arange(len(items))
        with torch.inference_mode():
            scores = task.kind.scores(task.spec, task.head, output, batch, places)
        k = scores.shape[1]
        sure = (scores.softmax(-1).max(-1).values - 1 / k) / (1 - 1 / k)
        assert found[name].n == len(items)
        assert found[name].value == pytest.approx(float(sure.mean()), abs=1e-5)


def test_tasks_without_rows_are_passed_by(bench):
    assert certainties(bench, ()) == {}


def test_the_unsure_are_told_with_their_numbers_and_the_sure_are_not():
    known = {"a": Certainty(0.31, 64), "b": Certainty(UNSURE, 64), "c": Certainty(0.9, 8)}
    assert unsure_words(known).startswith(
        "unsure of their own validation rows are 'a' (0.31, n=64) (certainty from 0"
    )
    assert unsure_words({name: known[name] for name in "bc"}) == ""
