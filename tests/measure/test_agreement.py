"""Agreement with the experts, beside evaluations of one's own."""

import numpy as np
import pytest
import torch

from studio.measure.agreement import agreement_on
from studio.measure.bench import Bench
from studio.tasks.metric import AGREEMENT
from studio.tasks.row_parts import CHOOSING
from studio.zoo import load_zoo


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), torch.device("cpu"))


def answers(bench, merge, name, head=None):
    bench.live.wear(merge)
    heads = {name: head or bench.tasks[name].head}
    evaluation = bench.evaluation(heads, CHOOSING)
    for _ in evaluation.run(bench.live):
        pass
    return evaluation.predictions[name]


def test_it_is_the_share_of_rows_that_a_mix_answers_as_the_expert_does(bench):
    found = agreement_on(bench, CHOOSING, 10_000)
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.6))
    told = []
    outcome = found.of(merge, bench.heads(bench.scored()), lambda share, words: told.append(share))
    for name, score in outcome.scores.items():
        own = answers(bench, bench.expert(name), name)
        expected = np.mean(answers(bench, merge, name) == own)
        assert score.metric is AGREEMENT
        assert score.value == pytest.approx(float(expected))
        assert score.n == len(bench.tasks[name].rows(CHOOSING))


def test_an_expert_agrees_with_itself_and_not_merging_as_the_base_with_its_heads_does(bench):
    found = agreement_on(bench, CHOOSING, 8)
    for name in bench.scored():
        own = found.of(bench.expert(name), bench.heads([name]))
        assert own.scores[name].value == 1.0
        assert own.scores[name].n == 8
    floor = found.of_not_merging()
    again = found.of(None, bench.heads(bench.scored()))
    assert all(task.head_only is None for task in bench.tasks.values())
    assert floor.scores == again.scores
