"""What is trained: an adapter that begins as the base, or the tensors that experts change."""

import pytest
import torch

from studio.measure.bench import Bench
from studio.sequence.trained.learner import ADAPTER, WHOLE, Learner
from studio.zoo import load_zoo


def states(learner, bench):
    task = next(iter(bench.tasks.values()))
    items = learner.live.encode(task, task.rows("held_out")[:4])
    return learner.live.states(learner.live.batch(task.kind, items).inputs)[0]


def test_a_zoo_of_adapters_trains_one_of_the_largest_rank_where_any_has_one(bench):
    learner = Learner(bench)
    assert learner.what == ADAPTER
    shapes = {name: tuple(each.shape) for name, each in learner.parameters.items()}
    first = "encoder.layer.0."
    assert shapes[first + "attention.self.query.down"] == (4, 16)  # of ranks 3 and 4
    assert shapes[first + "attention.self.value.up"] == (16, 3)  # of 3 and 2
    assert shapes[first + "output.dense.down"] == (4, 24)
    assert learner.numbers == sum(each.numel() for each in learner.values)


def test_a_new_adapter_adds_nothing_and_a_trained_one_is_a_low_rank_delta(bench):
    learner = Learner(bench)
    learner.reset(0)
    base = states(learner, bench)
    with learner.training():
        assert torch.equal(states(learner, bench), base)
        with torch.no_grad():
            for each in learner.values:
                each.add_(0.1)
        moved = states(learner, bench)
    assert torch.equal(states(learner, bench), base)
    other = Learner(bench)
    for name, place in other.live.places(bench.deltas.names).items():
        module = name.removesuffix(".weight")
        down, up = (learner.parameters[f"{module}.{side}"] for side in ("down", "up"))
        place.add_(2.0 * (up @ down).detach())  # lora_alpha / r
    assert (moved - base).abs().max() > 0.1
    assert torch.allclose(states(other, bench), moved, atol=1e-5)


def test_it_begins_anew_from_its_seed(bench):
    learner = Learner(bench)
    learner.reset(3)
    first = [each.detach().clone() for each in learner.values]
    with torch.no_grad():
        for each in learner.values:
            each.add_(1)
    learner.reset(3)
    assert all(torch.equal(a, b) for a, b in zip(first, learner.values, strict=True))
    learner.reset(4)
    assert not all(torch.equal(a, b) for a, b in zip(first, learner.values, strict=True))


def test_a_zoo_with_a_full_fine_tune_trains_the_tensors_that_experts_change(tiny_zoo):
    bench = Bench(load_zoo(tiny_zoo), torch.device("cpu"))
    learner = Learner(bench)
    assert learner.what == WHOLE
    assert learner.numbers == sum(
        bench.base.weights.entries[name].numel for name in bench.deltas.names
    )
    base = states(learner, bench)
    with torch.no_grad():
        for each in learner.values:
            each.mul_(1.1)
    assert not torch.equal(states(learner, bench), base)
    learner.reset(0)
    assert torch.equal(states(learner, bench), base)


@pytest.mark.parametrize("name", ["down", "up"])
def test_only_what_is_trained_collects_gradients(bench, name):
    learner = Learner(bench)
    with learner.training():
        assert not any(each.requires_grad for each in learner.live.whole.parameters())
        assert all(p.requires_grad for n, p in learner.parameters.items() if n.endswith(name))
