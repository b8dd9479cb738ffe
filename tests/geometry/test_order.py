"""Order sensitivity against hand-worked numbers and against merges in the other orders."""

from dataclasses import replace
from itertools import permutations

import pytest
import torch
from safetensors.torch import load_file

from studio.errors import NothingToMerge
from studio.geometry.gram import Gram
from studio.geometry.order import (
    MOST_ORDERS,
    OrderSensitivity,
    order_sensitivity,
    reorder,
    sampled_orders,
    sentence,
)
from studio.geometry.orthogonal import orthogonalize
from studio.merge import open_merge
from studio.methods import method
from studio.recipe import GroupedCoefficient
from tests.merged import merged_tensors


def arrival(gram: Gram):
    return orthogonalize(gram, "model", "arrival", per_layer=False)


def gram_of(vectors: torch.Tensor) -> Gram:
    names = tuple("abcdefgh"[: len(vectors)])
    return Gram(names, ("w",), (vectors @ vectors.T).unsqueeze(0))


def sensitivity(gram: Gram, values: list[float]) -> OrderSensitivity:
    return order_sensitivity(
        gram, reorder(gram, arrival, 0), torch.tensor([values], dtype=torch.float64)
    )


def test_two_deltas_by_hand():
    # a, b - a/2 merges to a/2 + b; b, a - 2b/3 to a + b/3. The difference is a/2 - 2b/3 with
    # squared norm 4/4 - 2*2/3 + 3*4/9 = 1; the squared norm of a/2 + b is 4/4 + 2 + 3 = 6.
    gram = Gram(("a", "b"), ("w",), torch.tensor([[[4.0, 2.0], [2.0, 3.0]]]).double())
    found = sensitivity(gram, [1.0, 1.0])
    assert found.orders == (("a", "b"), ("b", "a"))
    assert found.distances == pytest.approx((0.0, 6**-0.5))
    assert (found.largest, found.mean) == (found.distances[1], found.distances[1])
    assert found.kept["a"] == pytest.approx((2 / 3, 1.0))  # 1 - 2^2 / (4 * 3)
    assert found.kept["b"] == pytest.approx((2 / 3, 1.0))


def test_orthogonal_deltas_do_not_feel_their_order():
    found = sensitivity(gram_of(torch.diag(torch.tensor([1.0, 2.0, 3.0]).double())), [1, 2, 3])
    assert found.distances == (0.0,) * 6
    assert set(found.kept.values()) == {(1.0, 1.0)}


@pytest.mark.parametrize("scale", [0.1, -3.0])
def test_a_common_scale_of_the_coefficients_changes_no_distance(scale):
    gram = gram_of(torch.randn(4, 9, generator=torch.Generator().manual_seed(1)).double())
    whole = torch.tensor([1.0, 0.5, 0.2, 2.0]).double()
    one, other = (sensitivity(gram, (whole * s).tolist()).distances for s in (1.0, scale))
    assert other == pytest.approx(one, rel=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scope": "layer"},
        {"scope": "tensor", "strength": 0.5},
        {"normalize": "layer"},
        {"scope": "layer", "normalize": "layer"},
    ],
)
def test_every_distance_is_that_of_a_streamed_merge_in_that_order(make_recipe, options):
    uneven = {"red": 0.7, "green": GroupedCoefficient(0.4, (("layer.1.*", -1.5),)), "blue": 0.2}
    recipe = make_recipe(options=options, dtype="float64").with_coefficients(uneven)
    merge = open_merge(recipe)
    chosen = method(recipe.method, recipe.options)
    orders = reorder(merge.gram, lambda gram: chosen.components(3, lambda rows=None: gram), 0)
    found = order_sensitivity(merge.gram, orders, merge.coefficients)
    base = load_file(f"{recipe.base}/model.safetensors")
    changes = {}
    for order in permutations(recipe.tasks):
        tensors = merged_tensors(open_merge(replace(recipe, tasks=order)))
        changes[tuple(t.name for t in order)] = torch.cat(
            [(tensors[k].double() - v.double()).flatten() for k, v in sorted(base.items())]
        )
    own = changes[recipe.names]
    assert set(found.orders) == set(changes)
    for order, distance in zip(found.orders, found.distances, strict=True):
        expected = float((changes[order] - own).norm() / own.norm())
        assert distance == pytest.approx(expected, rel=1e-5, abs=1e-9)
    assert found.largest is not None
    assert found.largest > 0.01


def test_the_shares_kept_are_those_of_the_bases(make_recipe):
    merge = open_merge(make_recipe())
    found = reorder(merge.gram, arrival, 0)
    for order, shares in zip(found.orders, found.shares, strict=True):
        names = [merge.deltas.tasks[i] for i in order]
        tasks = tuple(merge.recipe.tasks[i] for i in order)
        basis = open_merge(replace(merge.recipe, tasks=tasks)).basis
        expected = dict(zip(names, basis.shares.tolist(), strict=True))
        assert dict(zip(merge.deltas.tasks, shares.tolist(), strict=True)) == pytest.approx(
            expected
        )


def test_up_to_four_tasks_have_all_their_orders_and_more_a_seeded_sample():
    for n in (1, 2, 3, 4):
        assert sampled_orders(n, 7) == list(permutations(range(n)))
    for n in (5, 8):
        found = sampled_orders(n, 7)
        assert found[0] == tuple(range(n))
        assert len(set(found)) == len(found) == MOST_ORDERS
        assert all(sorted(order) == list(range(n)) for order in found)
        assert found == sampled_orders(n, 7) != sampled_orders(n, 8)


def almost_dependent(last: str) -> Gram:
    """Of e1, e2 and their sum bent by 1.2e-4, only the sum lacks norm of its own when last.

    Its share is then d^2 / (2 + d^2) = 0.7e-8; that of e1 or e2 is d^2 / (1 + d^2) = 1.4e-8.
    """
    rows = {"a": [1.0, 0, 0], "b": [0, 1.0, 0], "sum": [1.0, 1.0, 1.2e-4]}
    names = [name for name in rows if name != last] + [last]
    flat = torch.tensor([rows[name] for name in names], dtype=torch.float64)
    return Gram(tuple(names), ("w",), (flat @ flat.T).unsqueeze(0))


def test_orders_that_cannot_be_merged_are_counted_and_named():
    found = sensitivity(almost_dependent("a"), [1.0, 1.0, 1.0])
    assert set(found.refused) == {("a", "b", "sum"), ("b", "a", "sum")}
    assert (found.count, len(found.distances)) == (6, 4)
    assert "2 of them cannot be merged" in sentence(found)
    assert "b, a, sum" in sentence(found)
    with pytest.raises(NothingToMerge, match="'sum' adds no direction"):
        reorder(almost_dependent("sum"), arrival, 0)


def test_the_sentence_says_how_many_orders_there_are():
    drawn = torch.randn(5, 40, generator=torch.Generator().manual_seed(2)).double()
    assert sentence(sensitivity(gram_of(drawn), [1.0] * 5)).startswith("Order: over 24 of 120 ord")
    assert "all 6 orders" in sentence(sensitivity(gram_of(drawn[:3]), [1.0] * 3))
    found = OrderSensitivity(6, 6, (0.0, 0.031, 0.001), (), {}, ())
    assert sentence(found).endswith("by up to 3.1% (mean 1.6%).")  # (3.1 + 0.1) / 2 others
    assert "less than 0.1% (mean" in sentence(replace(found, distances=(0.0, 1e-5)))
    pair = sensitivity(gram_of(drawn[:2]), [1.0, 1.0])
    assert sentence(pair).endswith(
        f"two tasks swapped, the merged change differs by {pair.largest:.1%}."
    )


def test_the_sentence_has_words_for_nothing_to_compare():
    drawn = torch.randn(2, 9, generator=torch.Generator().manual_seed(3)).double()
    still = sensitivity(gram_of(drawn), [0.0, 0.0])
    assert (still.largest, still.mean, still.plain()["farthest"]) == (None, None, None)
    assert "changes nothing" in sentence(still)
    single = sensitivity(gram_of(drawn[:1]), [1.0])
    assert (single.largest, single.mean) == (0.0, 0.0)
    assert sentence(single) == "Order: one task has one order."
    assert "alike" in sentence(None)


def test_plain_names_the_farthest_order():
    flat = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.5, 0.0], [0.0, 0.1, 1.0]]).double()
    found = sensitivity(gram_of(flat), [1.0, 1.0, 1.0])
    place = found.distances.index(max(found.distances))
    assert found.plain()["farthest"] == list(found.orders[place])
    assert found.plain()["orders"] == 6
