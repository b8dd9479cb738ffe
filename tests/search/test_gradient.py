"""Coefficient gradients against automatic differentiation through a dense merge."""

from dataclasses import replace

import pytest
import torch
from torch.func import functional_call

from studio.checkpoints.resident import keep_in_memory
from studio.component import component_at
from studio.measure.bench import Bench
from studio.search.gradient import coefficient_slopes, gradients, inner, mixing_slopes
from studio.search.objective import Objective
from studio.search.plan import SearchPlan
from studio.search.rows import chosen_rows
from studio.search.space import space

METHODS = [
    ("task_arithmetic", {}), ("mdm_oc", {}), ("mdm_oc", {"scope": "tensor"}),
    ("mdm_oc", {"basis": "subspace"}), ("mdm_oc", {"basis": "activation", "rows": 8}),
    ("ties", {}), ("dare", {}),
]  # fmt: skip


def objective_of(bench: Bench, method: str, options: dict, granularity: str) -> Objective:
    recipe = replace(bench.zoo.recipe(method, 0.4), options=options)
    merge = bench.merge(recipe)
    plan = SearchPlan(batch=6, at_once=5, granularity=granularity)
    rows = {name: chosen_rows(bench, name, 30, True) for name in recipe.names}
    return Objective(bench, merge, space(merge.deltas, granularity), plan, rows)


def dense_slope(objective: Objective, point: torch.Tensor, number: int, weights: torch.Tensor):
    """The same gradient: every component dense, and one graph from coefficients to losses."""
    merge, live, free = objective.merge, objective.bench.live, objective.free
    leaf = point.clone().requires_grad_()
    spread = free.spread(leaf)
    own = live.own_names(merge.deltas.names)
    weights_of = {}
    for t, name in enumerate(merge.deltas.names):
        total = merge.base.tensor(name).double()
        for i, task in enumerate(merge.deltas.tasks):
            total = total + spread[t, i] * component_at(merge, task, name).double().view_as(total)
        weights_of[own[name]] = total.float()
    live.wear(None)
    loss = torch.zeros((), dtype=torch.float64)
    for weight, (name, chosen) in zip(weights, objective._batch(number).items(), strict=True):
        rows = objective.rows[name]
        task = rows.part.task
        batch = live.batch(task.kind, [rows.part.items[row] for row in chosen])
        output = functional_call(live.encoder, weights_of, kwargs=batch.inputs)
        places = torch.arange(len(chosen))
        scores = task.kind.scores(task.spec, rows.head, output, batch, places)
        labels = torch.from_numpy(rows.part.answers[chosen])
        loss = loss + weight * torch.nn.functional.cross_entropy(scores, labels)
    (slope,) = torch.autograd.grad(loss, leaf)
    return slope


@pytest.mark.parametrize("granularity", ["task", "tensor"])
@pytest.mark.parametrize(("method", "options"), METHODS)
def test_one_backward_pass_gives_the_gradient_of_the_whole_graph(
    bench, method, options, granularity
):
    objective = objective_of(bench, method, options, granularity)
    point = torch.linspace(0.2, 0.7, len(objective.free), dtype=torch.float64)
    weights = torch.tensor([0.3, 0.9], dtype=torch.float64)
    found = objective.slope(point, 2, weights)
    expected = dense_slope(objective, point, 2, weights)
    assert torch.allclose(found.slope, expected, rtol=1e-3, atol=1e-5 * float(expected.abs().max()))


def test_factors_memory_and_stream_agree(deltas):
    name = "layer.0.dense.weight"  # red and green are full, blue is a LoRA
    gradient = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    tensor = deltas.at(name)
    before = inner(gradient, tensor, tensor.factors)
    streamed = inner(gradient, tensor)
    dense = [deltas.at(name).delta(i, 0, 24, torch.float64) for i in range(3)]
    expected = torch.stack([gradient.double().flatten() @ each for each in dense])
    assert torch.allclose(before, expected, rtol=1e-5)
    assert torch.allclose(streamed, expected, rtol=1e-5)
    keep_in_memory(deltas, 2**20)
    held = deltas.at(name)
    assert torch.equal(inner(gradient, held, held.factors), before)
    assert torch.equal(inner(gradient, held), streamed)


def test_a_tensor_that_a_task_leaves_alone_has_no_slope(deltas):
    assert inner(torch.ones(11, 4), deltas.at("embeddings.word.weight"))[2] == 0


def test_gradients_are_let_go_and_switches_are_put_back(bench):
    merge = bench.merge(bench.zoo.recipe("task_arithmetic").without("color"))  # a LoRA alone
    every = dict(bench.live.encoder.named_parameters())
    with gradients(bench.live, merge) as parameters:
        assert len(parameters) == len(merge.deltas.names) < len(every)
        assert sum(each.requires_grad for each in every.values()) == len(parameters)
        for each in parameters.values():
            each.grad = torch.ones_like(each)
        slopes = mixing_slopes(merge, parameters, bench.live.part)
        assert all(each.grad is None for each in every.values())
    assert slopes.shape == (len(merge.deltas.names), 1)
    assert all(each.requires_grad for each in every.values())


def test_slopes_of_components_are_sums_over_their_vectors():
    rows = torch.tensor([[[1.0, 0.0], [-0.5, 1.0]]]).double()
    slopes = torch.tensor([[2.0, 3.0]]).double()
    assert coefficient_slopes(slopes, rows).tolist() == [[2.0, 2.0]]
