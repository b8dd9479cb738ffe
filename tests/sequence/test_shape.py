"""A method that keeps a running sum: what its sum is divided by, and what a newcomer loses."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from studio.merge import open_merge
from studio.methods import METHODS
from studio.methods.whole import Whole
from studio.sequence.orders import Order
from studio.sequence.plan import prefix
from studio.sequence.shape import shape
from tests.conftest import dense_deltas
from tests.merged import merged_tensors

ORDER = Order(("green", "blue", "red"))


@dataclass(frozen=True)
class RunningSum(Whole):
    """In every tensor a newcomer loses its part along the sum; the sum has the mean norm."""

    name: ClassVar[str] = "running_sum"
    title: ClassVar[str] = "Running sum"
    default_coefficient: ClassVar[float] = 1.0
    keeps_sum: ClassVar[bool] = True

    @property
    def ordered(self) -> bool:
        return True

    def change(self, entries, given):
        total = torch.zeros(entries.shape, dtype=entries.dtype)
        for delta in entries.deltas():
            if delta is not None:
                along = (delta * total).sum() / total.square().sum().clamp(min=1e-30)
                total = total + delta - along * total
        return total

    def factor(self, given, change):
        squares = given.gram().blocks.diagonal(dim1=-2, dim2=-1) * given.coefficients**2
        mean = float(squares.sum(0).sqrt().mean())
        norms = (
            change.at(name).delta(0, 0, change.at(name).numel, torch.float32)
            for name in change.names
        )
        length = sum(float(x.double().square().sum()) for x in norms if x is not None) ** 0.5
        return self.scale * mean / length


@pytest.mark.parametrize("coefficient", [1.0, 0.5])
def test_growth_distance_and_projected_share_are_those_of_the_sum(
    make_recipe, zoo_folder, monkeypatch, coefficient
):
    monkeypatch.setitem(METHODS, RunningSum.name, RunningSum)
    recipe = make_recipe(method="running_sum", options={"scale": 2.0})
    recipe = recipe.with_coefficients(dict.fromkeys(ORDER.tasks, coefficient))
    dense, names = dense_deltas(zoo_folder), sorted(dense_deltas(zoo_folder)["red"])
    total = {name: torch.zeros_like(dense["red"][name]) for name in names}
    norms, before = [], None
    for t, task in enumerate(ORDER.tasks, 1):
        own = {name: coefficient * dense[task][name] for name in names}
        norms.append(sum(float(x.square().sum()) for x in own.values()) ** 0.5)
        kept = {}
        for name in names:
            square = total[name].square().sum()
            along = (own[name] * total[name]).sum() / square if square > 0 else 0.0
            kept[name] = own[name] - along * total[name]
            total[name] = total[name] + kept[name]
        length = sum(float(x.square().sum()) for x in total.values()) ** 0.5
        left = sum(float(x.square().sum()) for x in kept.values()) / norms[-1] ** 2
        merge = open_merge(prefix(recipe, ORDER, t))
        found = shape(merge, before)
        mean = sum(norms) / t
        assert found.growth == pytest.approx(length / mean, rel=1e-5)
        assert found.distance == pytest.approx(2.0 * mean, rel=1e-5)
        assert found.projected == pytest.approx(1 - left, abs=1e-5)
        before = merge


def test_other_whole_methods_have_neither(make_recipe):
    found = shape(open_merge(make_recipe(method="iso_c")), None)
    assert (found.growth, found.projected) == (None, None)
    assert found.distance > 0


@pytest.mark.parametrize("method", ["tsv_m", "opcm", "task_arithmetic"])
def test_the_distance_is_that_of_the_weights_where_depth_is_weighed(make_recipe, method):
    plain = open_merge(make_recipe(*ORDER.tasks, method=method))
    weighed = open_merge(make_recipe(*ORDER.tasks, method=method, options={"lines": 0.25}))
    found = shape(weighed, None)
    squares = 0.0
    for key, tensor in merged_tensors(weighed).items():
        squares += float((tensor.double() - weighed.base.tensor(key).double()).square().sum())
    assert found.distance == pytest.approx(squares**0.5, rel=1e-5)
    assert found.distance < shape(plain, None).distance
    assert found.growth == pytest.approx(shape(plain, None).growth)
