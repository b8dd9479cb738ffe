import pytest
import torch

from studio.errors import BadData
from studio.merge import open_merge
from studio.methods.contract import mixing
from studio.search.ewc import consolidation
from tests.conftest import dense_deltas
from tests.measured import opened


def drawn_fisher(task: str, name: str, shapes: dict) -> torch.Tensor | None:
    if (task, name) == ("green", "layer.1.dense.bias"):
        return None  # as of a buffer
    generator = torch.Generator().manual_seed(len(task) * 100 + len(name))
    return torch.rand(shapes[name], generator=generator)


OPTIONS = [{}, {"scope": "tensor"}, {"basis": "subspace"}, {"basis": "activation"}]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("anchor", ["experts", "base"])
def test_the_quadratic_is_the_penalty_of_the_merged_weights(
    make_recipe, zoo_folder, options, anchor
):
    merge = opened(make_recipe(method="mdm_oc", options=options))
    shapes = {name: merge.base.weights.entries[name].shape for name in merge.deltas.names}
    quadratic = consolidation(merge, lambda t, n: drawn_fisher(t, n, shapes), anchor)
    weights = torch.rand(len(shapes), 3, generator=torch.Generator().manual_seed(0)).double()
    mixed = mixing(weights, merge.basis)
    raw, expected = dense_deltas(zoo_folder), 0.0
    for task in merge.deltas.tasks:
        apart, norm = 0.0, 0.0
        for t, name in enumerate(merge.deltas.names):
            fisher = drawn_fisher(task, name, shapes)
            vectors, size = merge.vectors.at(name), raw[task][name].numel()
            moved = torch.zeros(size, dtype=torch.float64)
            for j in range(3):
                vector = vectors.delta(j, 0, size, torch.float64)
                if vector is not None:
                    moved += float(mixed[t, j]) * vector
            if fisher is None:
                continue
            held = raw[task][name].flatten() if anchor == "experts" else 0.0
            apart += float((fisher.double().flatten() * (moved - held) ** 2).sum())
            norm += float((fisher.double() * raw[task][name] ** 2).sum())
        expected += apart / norm / 3
    assert quadratic.value(mixed) == pytest.approx(expected, rel=1e-5)


def test_its_slopes_are_its_derivatives_and_its_zero_is_the_anchor(make_recipe):
    merge = open_merge(make_recipe("red", method="task_arithmetic"))
    one = torch.ones(len(merge.deltas.names), 1).double()
    shapes = {name: merge.base.weights.entries[name].shape for name in merge.deltas.names}
    quadratic = consolidation(merge, lambda t, n: drawn_fisher(t, n, shapes), "experts")
    assert quadratic.value(one) == pytest.approx(0.0, abs=1e-6)
    assert quadratic.value(0 * one) == pytest.approx(1.0)
    leaf = (0.3 * one).requires_grad_()
    bent = (quadratic.phi @ leaf.unsqueeze(-1)).squeeze(-1)
    value = (leaf * (bent - 2 * quadratic.linear)).sum()
    (slope,) = torch.autograd.grad(value, leaf)
    assert torch.allclose(quadratic.slopes(0.3 * one), slope)


def test_an_expert_that_its_rows_say_nothing_about_is_refused(make_recipe):
    merge = open_merge(make_recipe(method="task_arithmetic"))

    def fisher(task: str, name: str) -> torch.Tensor:
        shape = merge.base.weights.entries[name].shape
        return torch.zeros(shape) if task == "green" else torch.ones(shape)

    with pytest.raises(BadData, match="the Fisher information of 'green' is 0"):
        consolidation(merge, fisher, "experts")
