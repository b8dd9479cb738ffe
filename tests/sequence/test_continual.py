"""MDM-OC's continual integration, worked step by step with dense tensors, against prefixes."""

import pytest
import torch
from torch import Tensor

from studio.component import component
from studio.merge import open_merge
from studio.sequence.orders import Order
from studio.sequence.plan import prefix
from tests.conftest import dense_deltas
from tests.merged import merged_tensors

ORDERS = [("red", "green", "blue"), ("blue", "red", "green"), ("green", "blue", "red")]
FIXED = {"red": 0.7, "green": 1.1, "blue": 0.4}


def flat(tensors: dict[str, Tensor], names: list[str]) -> Tensor:
    return torch.cat([tensors[name].double().flatten() for name in names])


@pytest.mark.parametrize("order", ORDERS)
def test_a_prefix_is_the_papers_step_by_step_integration(make_recipe, zoo_folder, order):
    """Eq. 15: project the newcomer off the earlier components; Eqs. 7 and 16: add it."""
    recipe = make_recipe(method="mdm_oc").with_coefficients(FIXED)
    dense = dense_deltas(zoo_folder)
    names = sorted(dense["red"])
    running = torch.zeros_like(flat(dense["red"], names))
    orthonormal: list[Tensor] = []
    for t, newcomer in enumerate(order, 1):
        own = flat(dense[newcomer], names)
        for unit in orthonormal:  # Eqs. 6 and 15: (I - Q Q^T) delta
            own = own - torch.dot(unit, own) * unit
        orthonormal.append(own / own.norm())
        running = running + FIXED[newcomer] * own
        merge = open_merge(prefix(recipe, Order(order), t))
        merged = merged_tensors(merge)
        base = {name: merge.base.tensor(name).double() for name in names}
        change = torch.cat(
            [(merged.get(name, base[name]).double() - base[name]).flatten() for name in names]
        )
        torch.testing.assert_close(change, running, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"scope": "tensor"}, {"strength": 0.5}, {"rank": 2}])
def test_a_later_arrival_changes_no_earlier_component(make_recipe, options):
    recipe = make_recipe(method="mdm_oc", options=options)
    order = Order(ORDERS[1])
    for t in (1, 2):
        one, next_one = (open_merge(prefix(recipe, order, k)) for k in (t, t + 1))
        for task in order.tasks[:t]:
            before, after = component(one, task), component(next_one, task)
            for name, values in before.items():
                torch.testing.assert_close(after[name], values, rtol=1e-5, atol=1e-6)


def test_average_of_a_prefix_is_sequential_weight_averaging(make_recipe, zoo_folder):
    recipe, dense = make_recipe(method="average"), dense_deltas(zoo_folder)
    running = {name: torch.zeros_like(value) for name, value in dense["red"].items()}
    for t, newcomer in enumerate(ORDERS[0], 1):
        running = {k: ((t - 1) * v + dense[newcomer][k]) / t for k, v in running.items()}
        merge = open_merge(prefix(recipe, Order(ORDERS[0]), t))
        for name, value in merged_tensors(merge).items():
            change = value.double() - merge.base.tensor(name).double()
            torch.testing.assert_close(change, running[name], rtol=1e-5, atol=1e-6)


def test_a_method_that_looks_at_no_order_keeps_the_recipes(make_recipe):
    recipe = make_recipe(method="task_arithmetic")
    assert prefix(recipe, Order(ORDERS[1]), 2).names == ("red", "blue")
    assert prefix(make_recipe(method="mdm_oc"), Order(ORDERS[1]), 2).names == ("blue", "red")
