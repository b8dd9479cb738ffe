"""Components in the metric of activations, beside a second way to compute them."""

from dataclasses import replace

import pytest
import torch

from studio.checkpoints.low_rank import Product
from studio.errors import NotFinite
from studio.merge import open_merge
from studio.methods.kit.activation_components import ActivationMetric
from tests.conftest import refusal
from tests.measured import drawn, opened
from tests.merged import merged_tensors

KEY, BIAS = "layer.0.dense.weight", "layer.0.dense.bias"
TASKS = ("red", "green", "blue")
ACTIVATION = {"basis": "activation", "off_diagonal": 1.0}


def whole(tensor, task):
    found = tensor.delta(task, 0, tensor.numel, torch.float64)
    return None if found is None else found.clone().view(tensor.shape)


def metric(measured, strength=0.25, order="symmetric", tasks=TASKS):
    return ActivationMetric(tasks, measured, 1.0, strength, order)


def fixed(grams):
    """Grams of one tensor, by task."""
    return lambda task, name: grams[task] if name == KEY else None


@pytest.mark.parametrize("order", ["symmetric", "arrival"])
@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_a_component_is_the_least_of_its_own_error_and_what_it_does_to_others(
    make_recipe, deltas, strength, order
):
    look, raw = drawn(open_merge(make_recipe()))("gram", 40), deltas.at(KEY)
    found = metric(look, strength, order).components(raw, False, torch.float64)
    grams = [g.double() for t in TASKS if (g := look(t, KEY)) is not None]
    generator = torch.Generator().manual_seed(3)
    for i in range(len(TASKS)):
        heeded = range(i) if order == "arrival" else [j for j in range(3) if j != i]
        delta, component = whole(raw, i), whole(found, i)
        assert delta is not None
        assert component is not None

        def loss(c, delta=delta, i=i, heeded=heeded):
            error = torch.trace((c - delta) @ grams[i] @ (c - delta).T)
            return error + strength * sum(torch.trace(c @ grams[j] @ c.T) for j in heeded)

        for _ in range(10):
            nudge = 0.01 * torch.randn(component.shape, generator=generator).double()
            assert loss(component) < loss(component + nudge)
        if (order == "arrival" and i == 0) or strength == 0:
            torch.testing.assert_close(component, delta, rtol=0, atol=1e-9)


def test_low_rank_deltas_stay_products_and_are_what_dense_ones_are(make_recipe, deltas):
    look, raw = drawn(open_merge(make_recipe("blue", "red")))("gram", 40), deltas.at(KEY)
    alone = deltas.subset(["blue"]).at(KEY)
    assert alone.factors[0] is not None, "blue is an adapter"
    grams = {"blue": look("blue", KEY)}
    low = metric(fixed(grams), tasks=("blue",)).components(alone, False, torch.float64)
    assert isinstance(low.compact[0], Product)
    mixed = metric(look).components(raw, False, torch.float64)
    other = deltas.subset(["blue", "blue", "blue"]).at(KEY)
    products = metric(lambda _, name: look("red", name)).components(other, False, torch.float64)
    assert all(isinstance(each, Product) for each in products.compact)
    assert mixed.compact == (None, None, None)
    torch.testing.assert_close(whole(low, 0), whole(alone, 0), rtol=0, atol=1e-9)


def test_inputs_across_those_of_all_others_keep_what_a_delta_does_to_them(deltas):
    """G_j D is kept exactly where inputs are orthogonal, at any strength."""
    own = torch.diag(torch.tensor([2.0, 1.0, 0.0, 0.0]))
    others = torch.diag(torch.tensor([0.0, 0.0, 1.0, 3.0]))
    raw = deltas.at(KEY)
    look = fixed({"red": own, "green": others, "blue": others})
    for strength in (0.25, 1.0):
        found = metric(look, strength).components(raw, False, torch.float64)
        delta, component = whole(raw, 0), whole(found, 0)
        assert delta is not None
        assert component is not None
        gram = own.double()
        torch.testing.assert_close(component @ gram, delta @ gram, rtol=0, atol=1e-12)
        assert float((component @ others.double()).abs().max()) < 1e-12


def test_what_no_input_reaches_and_what_has_no_gram_takes_the_mean_rule(deltas):
    none = torch.zeros(4, 4)
    look = fixed(dict.fromkeys(TASKS, none))
    for key in (KEY, BIAS):
        for order, counts in (("symmetric", (2, 2, 2)), ("arrival", (0, 1, 2))):
            raw = deltas.at(key)
            found = metric(look, 0.25, order).components(raw, False, torch.float64)
            for i, count in enumerate(counts):
                delta, component = whole(raw, i), whole(found, i)
                if delta is None or component is None:
                    assert delta is component
                    continue
                torch.testing.assert_close(component, delta / (1 + 0.25 * count), rtol=0, atol=1e-9)


def test_a_gram_that_one_task_lacks_is_the_mean_rule_for_all(deltas):
    look = fixed({"red": torch.eye(4), "green": None, "blue": torch.eye(4)})
    found, raw = metric(look).components(deltas.at(KEY), False, torch.float64), deltas.at(KEY)
    first, delta = whole(found, 0), whole(raw, 0)
    assert first is not None
    assert delta is not None
    torch.testing.assert_close(first, delta / 1.5, rtol=0, atol=1e-12)


def test_turned_weights_have_their_inputs_as_rows(deltas):
    raw = deltas.at("layer.1.dense.weight")  # (4, 6), taken here as four inputs
    inputs = torch.randn(40, 4, generator=torch.Generator().manual_seed(1))
    look = lambda task, name: (1 + TASKS.index(task)) * inputs.T @ inputs / 40  # noqa: E731
    found = metric(look, 1.0).components(raw, True, torch.float64)
    for i in range(3):
        delta, component = whole(raw, i), whole(found, i)
        if delta is not None and component is not None:
            torch.testing.assert_close(component, delta * (1 + i) / 6, rtol=0, atol=1e-6)


def test_groups_of_a_convolution_are_solved_alone(deltas):
    """Six outputs in two groups of three, each with inputs of its own."""
    inputs = torch.randn(2, 40, 4, generator=torch.Generator().manual_seed(1))
    pairs = {t: (1 + i) * inputs.mT @ inputs / 40 for i, t in enumerate(TASKS)}
    raw = deltas.at(KEY)
    found = metric(fixed(pairs), 0.5).components(raw, False, torch.float64)
    for group in range(2):
        single = {task: each[group] for task, each in pairs.items()}
        alone = metric(fixed(single), 0.5).components(raw, False, torch.float64)
        rows = slice(3 * group, 3 * group + 3)
        for i in range(3):
            one, other = whole(found, i), whole(alone, i)
            assert one is not None
            assert other is not None
            torch.testing.assert_close(one[rows], other[rows], rtol=0, atol=1e-9)


def test_a_newcomer_leaves_earlier_components_alone_to_the_bit(deltas, make_recipe):
    look = drawn(open_merge(make_recipe()))("gram", 40)
    both, three = deltas.subset(["red", "green"]), deltas
    for key in deltas.names:
        before = metric(look, order="arrival", tasks=TASKS[:2])
        earlier = before.components(both.at(key), False, torch.float32)
        later = metric(look, order="arrival").components(three.at(key), False, torch.float32)
        for i in range(2):
            one = earlier.delta(i, 0, earlier.numel, torch.float32)
            other = later.delta(i, 0, later.numel, torch.float32)
            assert (one is None and other is None) or torch.equal(one, other)  # type: ignore[arg-type]


def test_a_removed_task_takes_its_gram_along_to_the_bit(make_recipe):
    recipe = make_recipe(method="mdm_oc", options=ACTIVATION)
    three = opened(recipe)
    merged_tensors(three)
    asked = []

    def measured(kind, rows):
        look = drawn(three)(kind, rows)
        return lambda task, name: asked.append(task) or look(task, name)

    without = replace(open_merge(recipe.without("green")), measured=measured)
    never = opened(make_recipe("red", "blue", method="mdm_oc", options=ACTIVATION))
    one, other = merged_tensors(without), merged_tensors(never)
    assert all(one[key].equal(other[key]) for key in other)
    assert set(asked) == {"red", "blue"}


def test_an_input_that_is_not_finite_is_refused_with_tensor_and_task(make_recipe):
    merge = open_merge(make_recipe(method="mdm_oc", options=ACTIVATION))
    bad = torch.full((4, 4), float("nan"))

    def measured(kind, rows):
        look = drawn(merge)(kind, rows)
        return lambda task, name: bad if (task, name) == ("green", KEY) else look(task, name)

    with pytest.raises(NotFinite) as error:
        merged_tensors(replace(merge, measured=measured))
    assert refusal(error).startswith(f"{KEY}, 'green': what enters this layer leaves the range")
