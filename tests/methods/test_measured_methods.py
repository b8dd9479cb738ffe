"""Fisher and RegMean: what their statistics do, worked by hand, and what they refuse."""

from dataclasses import replace

import pytest
import torch

from studio.commands.remedies import told
from studio.errors import BadRecipe
from studio.merge import open_merge
from studio.methods.fisher import FLOOR, Fisher
from studio.methods.regmean import RegMean
from tests.conftest import SHAPES, dense_deltas, refusal
from tests.measured import drawn, opened
from tests.merged import merged_tensors
from tests.tasks.kinds import speakers

METHODS = (Fisher, RegMean)


def constant(value_of):
    """Statistics that are the same number everywhere, by task."""

    def measured(kind, rows):
        def look(task, name):
            shape = SHAPES[name]
            if kind == "fisher":
                return torch.full(shape, value_of[task])
            return value_of[task] * torch.eye(shape[1]) if len(shape) == 2 else None

        return look

    return measured


@pytest.mark.parametrize("method", METHODS)
def test_equal_statistics_give_the_weighted_mean(make_recipe, zoo_folder, method):
    recipe = make_recipe("red", "green", method=method.name)
    recipe = recipe.with_coefficients({"red": 3.0, "green": 1.0})
    merge = replace(open_merge(recipe), measured=constant({"red": 2.0, "green": 2.0}))
    raw = dense_deltas(zoo_folder)
    for key, tensor in merged_tensors(merge).items():
        found = tensor.double() - merge.base.tensor(key).double()
        torch.testing.assert_close(found, (3 * raw["red"][key] + raw["green"][key]) / 4,
                                   rtol=0, atol=1e-6)  # fmt: skip


def test_a_fisher_three_times_as_large_counts_three_times_unless_normalized(
    make_recipe, zoo_folder
):
    raw, key = dense_deltas(zoo_folder), "layer.0.dense.bias"
    for normalize, weight in ((False, 3.0), (True, 1.0)):
        recipe = make_recipe("red", "green", method=Fisher.name, options={"normalize": normalize})
        merge = replace(open_merge(recipe), measured=constant({"red": 3.0, "green": 1.0}))
        found = merged_tensors(merge)[key].double() - merge.base.tensor(key).double()
        expected = (weight * raw["red"][key] + raw["green"][key]) / (weight + 1)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_an_expert_that_is_certain_of_nothing_counts_with_the_floor(make_recipe, zoo_folder):
    raw, key = dense_deltas(zoo_folder), "layer.0.dense.bias"
    merge = open_merge(make_recipe("red", "green", method=Fisher.name))
    merge = replace(merge, measured=constant({"red": 0.0, "green": 3 * FLOOR}))
    found = merged_tensors(merge)[key].double() - merge.base.tensor(key).double()
    expected = (raw["red"][key] + 4 * raw["green"][key]) / 5
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_regmean_has_the_least_error_on_the_experts_own_inputs(make_recipe, zoo_folder):
    recipe = make_recipe("red", "green", method=RegMean.name, options={"off_diagonal": 1.0})
    merge, key = opened(recipe), "layer.0.dense.weight"
    raw, base = dense_deltas(zoo_folder), merge.base.tensor(key).double()
    grams = {}
    for task in recipe.names:
        gram = drawn(merge)("gram", 1)(task, key)
        assert gram is not None
        grams[task] = gram.double()

    def error(delta):
        apart = {t: (delta - raw[t][key]) for t in recipe.names}
        return sum(float(torch.trace(apart[t] @ grams[t] @ apart[t].T)) for t in apart)

    found = merged_tensors(merge)[key].double() - base
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        nudge = 0.01 * torch.randn(found.shape, generator=generator)
        assert error(found) < error(found + nudge)
    assert error(found) < error((raw["red"][key] + raw["green"][key]) / 2)


def test_inputs_that_no_task_has_take_the_weighted_mean(make_recipe, zoo_folder):
    recipe = make_recipe("red", "green", method=RegMean.name)
    merge = open_merge(recipe)

    def measured(kind, rows):
        def look(task, name):
            found = drawn(merge)(kind, rows)(task, name)
            if found is not None:
                found[0], found[:, 0] = 0.0, 0.0
            return found

        return look

    key, raw = "layer.0.dense.weight", dense_deltas(zoo_folder)
    found = merged_tensors(replace(merge, measured=measured))[key].double()
    found = found - merge.base.tensor(key).double()
    mean = (raw["red"][key] + raw["green"][key]) / 2
    torch.testing.assert_close(found[:, 0], mean[:, 0], rtol=0, atol=1e-6)
    assert float((found[:, 1:] - mean[:, 1:]).abs().max()) > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_one_factor_on_all_coefficients_changes_nothing(make_recipe, method):
    recipe = make_recipe(method=method.name)
    one, other = (
        merged_tensors(opened(recipe.with_coefficients(dict.fromkeys(recipe.names, c))))
        for c in (1.0, 0.25)
    )
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_task_without_coefficient_counts_for_nothing(make_recipe, method):
    """The algebraic unmerge is the exact one, but for Fishers that are normalized over tensors."""
    recipe = make_recipe("red", "green", "blue", method=method.name)
    silenced, without = recipe.silenced("green"), recipe.without("green")
    one, other = merged_tensors(opened(silenced)), merged_tensors(opened(without))
    for key in other:
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_negative_coefficient_is_refused(make_recipe, method):
    recipe = make_recipe(method=method.name).with_coefficients({"green": -0.3})
    with pytest.raises(BadRecipe) as error:
        merged_tensors(opened(recipe))
    assert "so none may be below 0; 'green' has -0.3. Use at least 0." in refusal(error)


@pytest.mark.parametrize(("method", "title"), [(Fisher, "Fisher"), (RegMean, "RegMean")])
def test_a_recipe_alone_is_refused(make_recipe, method, title):
    with pytest.raises(BadRecipe) as error:
        merged_tensors(open_merge(make_recipe(method=method.name)))
    assert told(error.value) == (
        f"{title} measures every expert on its own validation rows, and a recipe names none. Give "
        "--zoo with a zoo that has this recipe's tasks and their validation rows."
    )


def test_regmean_regresses_layers_that_store_their_weights_transposed(tmp_path):
    folder = speakers.build(tmp_path / "zoo", "GPT2")
    bench = speakers.bench(folder)
    recipe = bench.zoo.recipe(RegMean.name, 1.0)
    recipe = replace(recipe, options={"off_diagonal": 1.0, "rows": 8})
    key = "transformer.h.0.attn.c_attn.weight"
    look = bench.statistics.look(recipe.names, "gram", 8)
    deltas = bench.deltas.at(key)
    left, right = torch.zeros(16, 16).double(), torch.zeros(16, 48).double()
    for index, task in enumerate(recipe.names):
        gram, delta = look(task, key), deltas.delta(index, 0, deltas.numel, torch.float64)
        assert gram is not None
        assert delta is not None
        left += gram.double()
        right += gram.double() @ delta.view(16, 48)
    expected = torch.linalg.solve(left, right)
    found = merged_tensors(bench.merge(recipe))[key].double() - bench.base.tensor(key).double()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
