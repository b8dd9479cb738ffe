"""OPCM beside its reference's vectors, a dense second computation, and its laws."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from studio.checkpoints.resident import bytes_in_memory
from studio.errors import BadRecipe
from studio.geometry import gram as gram_module
from studio.merge import open_merge
from studio.methods import method
from studio.methods import opcm as module
from studio.methods.kit.running_sum import norms
from studio.methods.opcm import Projection
from studio.recipe import GroupedCoefficient, Recipe, TaskEntry
from tests.conftest import GOLDEN, draw, save_model
from tests.merged import merged_tensors

NAMES = tuple(f"task{i}" for i in range(4))
NEAR = {"f32": 2e-5, "f64": 1e-9}


def inputs(precision: str) -> dict[str, dict[str, Tensor]]:
    stored = load_file(GOLDEN / f"inputs_{precision}.safetensors")
    return {
        name: {k.split("/")[1]: v for k, v in stored.items() if k.startswith(name + "/")}
        for name in ("base", *NAMES)
    }


def recipe_of(folder, *names: str, **options) -> Recipe:
    tasks = tuple(TaskEntry(name, str(folder / name)) for name in names)
    return Recipe(str(folder / "base"), tasks, "opcm", options)


def saved(folder, models: dict[str, dict[str, Tensor]]):
    for name, tensors in models.items():
        save_model(folder / name, tensors)
    return folder


def reference(total: Tensor, delta: Tensor, rule: Projection) -> Tensor:
    """The projection with full singular bases, as methods.md, section 1.1 writes it."""
    u, s, vh = torch.linalg.svd(total, full_matrices=True)
    above = s.cumsum(0) / s.sum() > rule.alpha
    r = int(above.int().argmax())
    p = u.T @ delta @ vh.T
    if rule.zero_diagonal:
        p.diagonal().zero_()
    if rule.block == "code":
        p[:r, :r] = 0
    else:
        p[:r], p[:, :r] = 0, 0
    return u @ p @ vh


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_every_step_is_the_references(tmp_path, precision):
    models = saved(tmp_path, inputs(precision))
    golden = load_file(GOLDEN / f"opcm_alpha0.5_{precision}.safetensors")
    for t in range(1, 5):
        merge = open_merge(recipe_of(models, *NAMES[:t]))
        for key, tensor in merged_tensors(merge).items():
            expected = golden[f"t{t}/{key}"]
            torch.testing.assert_close(tensor, expected, rtol=0, atol=NEAR[precision])
        assert 1 / float(merge.mixing[0, 0]) == pytest.approx(float(golden[f"t{t}/lambda_t"][-1]))
        lengths = norms(merge.gram, merge.coefficients)
        mean = float(golden[f"t{t}/avg_task_vector_norm"][-1])
        assert sum(lengths) / t == pytest.approx(mean)


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_a_cleared_delta_and_the_split_rank_are_the_references(precision):
    models = inputs(precision)
    golden = load_file(GOLDEN / f"opcm_alpha0.5_{precision}.safetensors")
    rule = Projection(0.5, "code", True, True)
    for key in ("a.weight", "b.weight", "c.weight"):
        first, second = (models[name][key] - models["base"][key] for name in NAMES[:2])
        s = torch.linalg.svdvals(first)
        assert rule._split(s, first)[0] == int(golden[f"split_rank_task0/{key}"])
        cleared = rule.clear(second.clone(), first)
        expected = golden[f"cleaned_task1_vs_task0/{key}"]
        torch.testing.assert_close(cleared, expected, rtol=0, atol=NEAR[precision])


@pytest.mark.parametrize("shape", [(7, 7), (5, 9), (9, 5)])
@pytest.mark.parametrize("block", ["code", "paper"])
@pytest.mark.parametrize("zero_diagonal", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.4, 0.9])
@pytest.mark.parametrize("mend", [True, False])
def test_thin_bases_give_what_full_ones_give(shape, block, zero_diagonal, alpha, mend):
    generator = torch.Generator().manual_seed(0)
    total, delta = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    rule = Projection(alpha, block, zero_diagonal, mend)
    expected = reference(total, delta, rule)
    torch.testing.assert_close(rule.clear(delta.clone(), total), expected, rtol=0, atol=1e-12)
    single = rule.clear(delta.float(), total.float())
    torch.testing.assert_close(single.double(), expected, rtol=0, atol=3e-5)
    if zero_diagonal:
        assert abs(float((expected * total).sum())) < 1e-12


def test_a_gram_of_float32_is_nearer_to_a_float64_svd_than_a_float32_svd():
    generator = torch.Generator().manual_seed(1)
    total, delta = torch.randn(2, 96, 160, generator=generator)
    rule = Projection(0.5, "code", True, True)
    exact = reference(total.double(), delta.double(), rule)
    by_gram = (rule.clear(delta.clone(), total) - exact).norm() / exact.norm()
    by_svd = (reference(total, delta, rule) - exact).norm() / exact.norm()
    assert by_gram < 5e-7 < by_svd


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_null_directions_are_left_alone_unless_the_mend_is_off(dtype):
    generator = torch.Generator().manual_seed(2)
    u, v, delta = (
        torch.randn(shape, generator=generator).to(dtype) for shape in ((8, 2), (2, 6), (8, 6))
    )
    total = u @ v
    rule = Projection(0.0, "code", True, True)
    u2, _, v2 = (x.double() for x in torch.linalg.svd(total.double(), full_matrices=False))
    taken = sum(
        (u2[:, i] @ delta.double() @ v2[i]) * u2[:, i].outer(v2[i]) for i in range(2)
    )  # the rank of the sum is 2
    cleared = rule.clear(delta.clone(), total)
    torch.testing.assert_close(cleared.double(), delta.double() - taken, rtol=0, atol=1e-5)
    assert rule.clear(delta.clone(), torch.zeros_like(total)).equal(delta)
    spurious = replace(rule, mend=False)
    assert not spurious.clear(delta.clone(), torch.zeros_like(total)).equal(delta)


def test_alpha_one_is_the_limit_from_below_and_without_the_mend_behaves_like_zero():
    generator = torch.Generator().manual_seed(3)
    total, delta = torch.randn(2, 6, 8, generator=generator, dtype=torch.float64)

    def cleared(alpha: float, mend: bool) -> Tensor:
        return Projection(alpha, "code", True, mend).clear(delta.clone(), total)

    torch.testing.assert_close(cleared(1.0, True), cleared(1 - 1e-9, True))
    torch.testing.assert_close(cleared(1.0, False), cleared(0.0, False))
    assert not torch.allclose(cleared(1.0, True), cleared(0.0, True))
    for alpha in (-0.1, 1.1):
        with pytest.raises(BadRecipe, match=rf"'alpha' is {alpha}; it must be from 0.0 to 1.0"):
            method("opcm", {"alpha": alpha})


def test_the_change_has_the_mean_length_and_one_task_is_itself(tmp_path):
    models = inputs("f64")
    folder = saved(tmp_path, models)
    base = models["base"]
    for order in (NAMES, NAMES[::-1], NAMES[1:3]):
        merged = merged_tensors(open_merge(recipe_of(folder, *order)))
        length = sum(float((merged[k] - base[k]).square().sum()) for k in base) ** 0.5
        each = [
            sum(float((models[name][k] - base[k]).square().sum()) for k in base) ** 0.5
            for name in order
        ]
        assert length == pytest.approx(sum(each) / len(each), rel=1e-12)
    for precision, exact in (("f32", inputs("f32")), ("f64", models)):
        one = merged_tensors(open_merge(recipe_of(saved(tmp_path / precision, exact), "task2")))
        for key, tensor in one.items():
            start = exact["base"][key]
            assert tensor.equal(start + (exact["task2"][key] - start))  # no factor at all


def test_the_order_of_arrival_changes_the_result(tmp_path):
    folder = saved(tmp_path, inputs("f64"))
    one = merged_tensors(open_merge(recipe_of(folder, *NAMES)))
    other = merged_tensors(open_merge(recipe_of(folder, *NAMES[::-1])))
    assert float((one["a.weight"] - other["a.weight"]).abs().max()) > 1e-3


def test_a_task_of_coefficient_zero_never_arrived(make_recipe):
    three = make_recipe("red", "green", "blue", method="opcm")
    silenced = merged_tensors(open_merge(three.silenced("green")))
    without = merged_tensors(open_merge(three.without("green")))
    assert all(silenced[key].equal(without[key]) for key in without)


def test_coefficients_weigh_deltas_before_anything_else(tmp_path):
    models = inputs("f64")
    folder = saved(tmp_path, models)
    base = models["base"]
    half = {k: base[k] + 0.5 * (v - base[k]) for k, v in models["task1"].items()}
    save_model(folder / "half", half)
    recipe = recipe_of(folder, *NAMES[:2]).with_coefficients({"task1": 0.5})
    grouped = GroupedCoefficient(0.5, (("*.nothing", 1.0),))
    one = merged_tensors(open_merge(recipe))
    other = merged_tensors(open_merge(recipe_of(folder, "task0", "half")))
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=1e-12)
    with pytest.raises(BadRecipe, match="matches none"):
        merged_tensors(open_merge(recipe.with_coefficients({"task1": grouped})))


def test_sums_that_do_not_fit_in_memory_are_computed_twice_and_are_the_same(
    make_recipe, monkeypatch
):
    recipe = make_recipe("red", "green", "blue", method="opcm")
    held = merged_tensors(open_merge(recipe))
    monkeypatch.setattr(module, "resident_limit", lambda: 0)
    merge = open_merge(recipe)
    again = merged_tensors(merge)
    assert bytes_in_memory(merge.vectors) == 0
    assert all(again[key].equal(held[key]) for key in held)


def test_a_convolution_is_a_matrix_and_an_embedding_is_added(tmp_path):
    shapes = {"conv.weight": (4, 3, 2, 2), "embeddings.word.weight": (9, 4), "norm.weight": (4,)}
    models = {"base": draw(0, shapes)}
    for seed, name in enumerate(NAMES[:2], 1):
        drawn = draw(seed, shapes)
        models[name] = {k: v + drawn[k] for k, v in models["base"].items()}
    models = {name: {k: v.double() for k, v in each.items()} for name, each in models.items()}
    merge = open_merge(recipe_of(saved(tmp_path, models), *NAMES[:2]))
    first, second = (
        {k: m[k] - models["base"][k] for k in m} for m in (models[n] for n in NAMES[:2])
    )
    for key in shapes:
        tensor = merge.vectors.at(key)
        found = tensor.delta(0, 0, tensor.numel, torch.float64)
        delta = second[key]
        if key == "conv.weight":
            rule = Projection(0.5, "code", True, True)
            delta = reference(first[key].view(4, 12), delta.view(4, 12), rule)
        torch.testing.assert_close(found, (first[key].flatten() + delta.flatten()))


def test_the_gram_is_read_once_and_not_at_all_for_one_task(make_recipe, monkeypatch):
    calls = []
    original = gram_module._block
    monkeypatch.setattr(gram_module, "_block", lambda *x: calls.append(1) or original(*x))
    merged_tensors(open_merge(make_recipe("red", method="opcm")))
    assert calls == []
    merged_tensors(open_merge(make_recipe("red", "green", method="opcm")))
    assert len(calls) == 5  # tensors
