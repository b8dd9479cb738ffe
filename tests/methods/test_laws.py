"""What every merge method must do, whatever it is."""

from dataclasses import fields, replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.checkpoints.resident import keep_in_memory
from studio.errors import BadRecipe
from studio.merge import merged_pieces
from studio.methods import METHODS, method
from studio.methods.contract import Scaled, describe
from tests.measured import opened
from tests.merged import merged_tensors

SETTINGS = [(name, {}) for name in METHODS] + [
    ("mdm_oc", {"scope": scope, "order": order, "normalize": normalize})
    for scope in ("model", "layer", "tensor")
    for order in ("arrival", "symmetric")
    for normalize in ("none", "layer")
]
SETTINGS += [
    ("mdm_oc", {"basis": "subspace"}),
    ("mdm_oc", {"basis": "subspace", "order": "symmetric", "strength": 0.5}),
    ("mdm_oc", {"basis": "activation"}),
    ("mdm_oc", {"basis": "activation", "order": "arrival", "strength": 1.0, "rank": 3}),
    ("mdm_oc", {"basis": "activation", "statistics": "merged"}),
    ("mdm_oc", {"rank": 2}),
    ("mdm_oc", {"energy": 0.9, "scope": "tensor"}),
    ("ties", {"reduce": "sum", "trim": "tensor"}),
    ("ties", {"reduce": "weighted"}),
    ("ties", {"reduce": "weighted_sum", "trim": "tensor"}),
    ("dare", {"rescale": "norm", "drop": 0.3}),
    ("dare", {"elect": "weighted", "rescale": "norm"}),
    ("dare", {"elect": "weighted_sum"}),
    ("della", {"elect": "weighted", "rescale": "norm", "drop": 0.4}),
    ("breadcrumbs", {"density": 0.6, "gamma": 0.1}),
    ("breadcrumbs", {"elect": "weighted_sum"}),
    ("slerp", {"line": "never"}),
    ("iso_cts", {"common": 0.3}),
    ("wudi", {"solver": "adam", "steps": 3}),
    ("ace", {"threshold": 0.0}),
    ("nufilt", {"filtered": 2, "mended": 1}),
    ("knots", {"density": 0.5, "space": "core"}),
    ("pcb", {"density": 1.0}),
    ("aswudi", {"filter": "decay", "start": "mean"}),
    ("actmat", {"entries": 0.5, "cutoff": 0.0}),
    ("cart", {"rank": 0.3, "private": 1.5}),
    ("task_arithmetic", {"lines": 0.5}),
    ("mdm_oc", {"lines": 0.25, "svc": 0.3}),
    ("ties", {"svc": 0.1}),
    ("opcm", {"svc": 0.3}),
    ("regmean", {"svc": 0.5, "lines": 0.5}),
    ("fisher", {"normalize": False}),
    ("regmean", {"off_diagonal": 0.0}),
    ("opcm", {"block": "paper"}),
    ("opcm", {"alpha": 1.0, "zero_diagonal": False}),
    ("opcm", {"mend": False}),
    ("continual_ties", {"reduce": "mean", "step": 1.0}),
    ("orthomerge", {"target": "conflict", "correct_magnitude": False}),
    ("orthomerge", {"residuals": "tsv_m", "block": 3, "norms": "block"}),
]
CHANGES_ONE = {  # methods that change a single task's model, and why
    "continual_ties": "its step multiplies the first delta, by half",
    "iso_c": "all singular values become their mean",
    "iso_cts": "as Iso-C, which it is for one task",
    "pcb": "the largest entries are clipped, and the least one has no weight",
    "ace": "the rows of the delta are centered",
}
KEEP_ALL = {  # options with which a method leaves nothing of a single delta out
    "ties": {"density": 1.0},
    "knots": {"density": 1.0},
    "dare": {"drop": 0.0},
    "della": {"drop": 0.0, "epsilon": 0.0},
    "breadcrumbs": {"density": 1.0},
}
ORDERED_IN_TIES = ("magmax",)  # where magnitudes are equal, and nowhere else
every_setting = pytest.mark.parametrize(("name", "options"), SETTINGS)


def merged(recipe):
    return merged_tensors(opened(recipe))


def tasks_for(name):
    """As many tasks as a method merges; one of them is an adapter, which leaves tensors alone."""
    return ("red", "blue", "green")[: METHODS[name].most_tasks or 3]


@every_setting
def test_shapes_and_dtypes_are_kept_and_the_same_comes_twice(
    make_recipe, zoo_folder, name, options
):
    recipe = make_recipe(*tasks_for(name), method=name, options=options)
    first, second = merged(recipe), merged(recipe)
    base = load_file(zoo_folder / "base" / "model.safetensors")
    for key, tensor in first.items():
        assert tensor.shape == base[key].shape
        assert tensor.dtype == base[key].dtype
        assert tensor.isfinite().all()
        assert tensor.equal(second[key])


@every_setting
@pytest.mark.parametrize("task", ["red", "blue"])
def test_one_task_with_coefficient_one_gives_its_model(make_recipe, deltas, name, options, task):
    if name in CHANGES_ONE or "lines" in options:
        return
    options = {k: v for k, v in options.items() if k not in ("rank", "energy")}  # keep it all
    options |= KEEP_ALL.get(name, {})
    result = merged(make_recipe(task, method=name, options=options).with_coefficients({task: 1.0}))
    index = deltas.tasks.index(task)
    for key, tensor in result.items():
        raw = deltas.at(key)
        expected = raw.base[:] + raw.delta(index, 0, raw.numel, torch.float32)
        torch.testing.assert_close(tensor.flatten(), expected, rtol=0, atol=1e-6)


@every_setting
def test_permutation_changes_nothing_unless_the_method_is_ordered(make_recipe, name, options):
    tasks = tasks_for(name)
    one = merged(make_recipe(*tasks, method=name, options=options))
    other = merged(make_recipe(tasks[-1], *tasks[:-1], method=name, options=options))
    largest = max(float((one[k] - other[k]).abs().max()) for k in one)
    assert (largest > 1e-4) == (method(name, options).ordered and name not in ORDERED_IN_TIES)


@every_setting
def test_coefficients_zero_give_the_base(make_recipe, zoo_folder, name, options):
    recipe = make_recipe(*tasks_for(name), method=name, options=options)
    result = merged(recipe.with_coefficients(dict.fromkeys(recipe.names, 0.0)))
    base = load_file(zoo_folder / "base" / "model.safetensors")
    assert all(result[k].equal(base[k]) for k in result)


@every_setting
def test_the_result_is_linear_in_the_coefficients(make_recipe, name, options):
    if method(name, options).weighs:
        return  # such a method elects signs by the coefficients
    recipe = replace(make_recipe(method=name, options=options), dtype="float64")
    at = lambda x: merged(recipe.with_coefficients({"red": x, "green": 0.2, "blue": 0.1}))  # noqa: E731
    low, middle, high = at(0.0), at(0.5), at(1.0)
    for key in low:
        torch.testing.assert_close(middle[key], (low[key] + high[key]) / 2, rtol=0, atol=1e-12)


@every_setting
def test_no_cut_and_no_memory_changes_a_bit(make_recipe, name, options):
    recipe = make_recipe(*tasks_for(name), method=name, options=options)
    streamed = merged(recipe)
    cut, raw, derived = (opened(recipe) for _ in range(3))
    assert keep_in_memory(raw.deltas, 2**20)
    assert keep_in_memory(derived.vectors, 2**20)
    for key, tensor in streamed.items():
        for merge, size in ((cut, 5), (raw, 2**18), (derived, 2**18)):
            found = torch.cat([piece.clone() for piece in merged_pieces(merge, key, size)])
            assert found.equal(tensor.flatten())


@every_setting
def test_half_precision_is_merged_in_float32_and_cast_once(zoo_folder, make_recipe, name, options):
    for file in sorted(zoo_folder.glob("*/*.safetensors")):
        save_file({k: v.bfloat16() for k, v in load_file(file).items()}, file)
    recipe = make_recipe(*tasks_for(name), method=name, options=options)
    wide = merged(replace(recipe, dtype="float32"))
    for key, tensor in merged(recipe).items():
        assert tensor.dtype == torch.bfloat16
        assert tensor.equal(wide[key].bfloat16())


@pytest.mark.parametrize("name", METHODS)
def test_docstring_has_a_source_and_options_have_words(name):
    assert "Source:" in (METHODS[name].__doc__ or "")
    assert all(option["words"].endswith(".") for option in describe(METHODS[name]))


def test_unknown_names_and_values_are_refused():
    for name, options, words in [
        (
            "magic",
            {},
            "no merge method 'magic'; there are mdm_oc, opcm, orthomerge, task_arithmetic",
        ),
        ("average", {"scale": 1}, "average has no option 'scale'; it has none"),
        ("mdm_oc", {"scope": "head"}, "'scope' is 'head'; it must be one of model, layer, tensor"),
        ("mdm_oc", {"strength": 2}, "'strength' is 2; it must be from 0.0 to 1.0"),
        ("mdm_oc", {"strength": float("nan")}, "finite"),
        ("mdm_oc", {"strength": 10**400}, "finite"),
        ("task_arithmetic", {"scale": True}, "must be a number"),
    ]:
        with pytest.raises(BadRecipe, match=words):
            method(name, options)


@pytest.mark.parametrize("name", METHODS)
def test_a_scale_can_be_taken_off_and_stands_at_its_place(name):
    kind = METHODS[name]
    options = [each.name for each in fields(kind)]
    assert ("scale" in options) == issubclass(kind, Scaled)
    if issubclass(kind, Scaled):
        assert kind(scale=2.0).unscaled == kind()  # type: ignore[call-arg]
    if name in ("ties", "fisher"):
        assert options[-1] == "scale"  # as the cards of their exports have always had it
