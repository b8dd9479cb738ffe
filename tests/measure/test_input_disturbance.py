"""What changes do to the inputs of others, against dense algebra, and Spearman's ranks."""

import pytest
import torch

from studio.measure.input_disturbance import (
    InputDisturbance,
    input_disturbance,
    rank_correlation,
    with_losses,
)
from tests.conftest import dense_deltas
from tests.measured import drawn, opened

NAMES = ("red", "green", "blue")
MATRICES = ("layer.0.dense.weight", "layer.1.dense.weight")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("task_arithmetic", {}),
        ("mdm_oc", {"scope": "tensor"}),
        ("mdm_oc", {"basis": "activation", "strength": 1.0}),
        ("ties", {}),
    ],
)
def test_it_is_the_squared_norm_on_the_others_inputs_over_the_own_one(
    make_recipe, zoo_folder, name, options
):
    merge = opened(make_recipe(method=name, options=options))
    look = drawn(merge)("gram", 40)
    found = input_disturbance(merge, look)
    raw = dense_deltas(zoo_folder)
    assert (found.tasks, found.layers) == (NAMES, 2)

    def squared(task, vectors):
        sums = torch.zeros(3).double()
        for key in MATRICES:
            gram = look(task, key)
            assert gram is not None
            for i, change in enumerate(vectors(key)):
                if change is not None:
                    sums[i] += torch.trace(change @ gram.double() @ change.T)
        return sums

    def deltas(key):
        return [raw[task].get(key) for task in NAMES]

    def components(key):
        tensor, place = merge.vectors.at(key), merge.deltas.names.index(key)
        rows = merge.basis.rows[place if len(merge.basis.rows) > 1 else 0]
        whole = [tensor.delta(i, 0, tensor.numel, torch.float64) for i in range(3)]
        zero = torch.zeros(tensor.numel).double()
        stacked = torch.stack([zero if each is None else each.clone() for each in whole])
        return list((rows @ stacked).view(3, *tensor.shape))

    for j, task in enumerate(NAMES):
        own = squared(task, deltas)[j]
        expected = squared(task, deltas) / own
        torch.testing.assert_close(found.before[:, j], expected, rtol=1e-6, atol=0)
        if merge.method.has_components:
            assert found.after is not None
            expected = squared(task, components) / own
            torch.testing.assert_close(found.after[:, j], expected, rtol=1e-5, atol=1e-9)
    assert (found.after is None) == (not merge.method.has_components)


def test_the_activation_basis_disturbs_less_than_the_deltas_do(make_recipe):
    merge = opened(make_recipe(method="mdm_oc", options={"basis": "activation", "strength": 1.0}))
    found = input_disturbance(merge, drawn(merge)("gram", 40))
    assert found.after is not None
    off = ~torch.eye(3, dtype=torch.bool)
    assert bool((found.after[off] < found.before[off]).all())
    assert found.worst(False) is not None
    assert found.worst(True) != found.worst(False)


def test_a_task_that_changes_nothing_has_no_number(make_recipe):
    merge = opened(make_recipe(method="task_arithmetic"))
    shapes = {name: merge.base.weights.entries[name].shape for name in MATRICES}

    def look(task, name):
        return torch.zeros(shapes[name][1], shapes[name][1]) if name in shapes else None

    found = input_disturbance(merge, look)
    assert bool(found.before.isnan().all())
    assert found.worst(False) is None


def test_ranks_are_spearmans_with_ties_shared():
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3, 4], [9, 7, 5, 1]) == pytest.approx(-1.0)
    found = rank_correlation([1, 2, 2, 4], [1, 3, 2, 4])  # ranks 1, 2.5, 2.5, 4
    assert found == pytest.approx(4.5 / (4.5 * 5.0) ** 0.5)
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
    assert rank_correlation([1, 2, 3, float("nan")], [1, 2, 3, 9]) == pytest.approx(1.0)


def test_a_matrix_is_compared_with_the_losses_of_who_is_disturbed():
    values = torch.tensor([[1.0, 0.9, 0.1], [0.2, 1.0, 0.3], [0.5, 0.4, 1.0]])
    names = ("a", "b", "c")
    places = [(i, j) for i in range(3) for j in range(3) if i != j]
    losses = {(names[j], names[i]): float(values[i, j]) for i, j in places}
    assert with_losses(values, names, losses) == pytest.approx(1.0)
    turned = {(one, other): value for (other, one), value in losses.items()}
    assert with_losses(values, names, turned) != pytest.approx(1.0)
    only = InputDisturbance(names, values, None, 1)
    assert only.worst(True) == ("a", "b", pytest.approx(0.9))
