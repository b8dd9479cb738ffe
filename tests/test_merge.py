from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from studio.errors import BadCheckpoint, BadRecipe, NotFinite, StudioError
from studio.geometry.gram import gram
from studio.merge import merged_pieces, open_merge
from studio.recipe import GroupedCoefficient, Recipe, TaskEntry
from tests.conftest import dense_deltas, draw, golden, save_model
from tests.merged import merged_tensors

ALPHA = (0.4, 0.35, 0.3, 0.25)


def golden_merge(zoo, coefficients, **fields):
    folder, names = zoo
    tasks = tuple(
        TaskEntry(n, str(folder / n), c) for n, c in zip(names, coefficients, strict=False)
    )
    return open_merge(Recipe(str(folder / "base"), tasks, **fields))


def difference(merge, expected):
    merged = merged_tensors(merge)
    assert set(merged) == set(expected)
    return max(float((merged[k] - expected[k]).abs().max()) for k in merged)


@pytest.mark.parametrize(
    ("file", "prefix", "method", "options", "coefficients"),
    [
        ("simple_average", "", "average", {}, (1, 1, 1, 1)),
        ("task_arithmetic_0.3", "", "task_arithmetic", {}, (None,) * 4),
        ("mergekit_task_arithmetic", "", "task_arithmetic", {"scale": 0.5}, (1, 0.8, 0.5, 0.3)),
        ("derived_mdmoc", "global/merged/", "mdm_oc", {}, ALPHA),
        ("derived_mdmoc", "perlayer/merged/", "mdm_oc", {"scope": "tensor"}, ALPHA),
        ("tsvm_alpha1", "", "mdm_oc", {"basis": "subspace", "order": "symmetric"}, (1,) * 4),
        ("ties_fb_k20_mean_scale1.0", "", "ties", {}, (1,) * 4),
        ("ties_fb_k20_sum_scale0.3", "", "ties", {"reduce": "sum", "scale": 0.3}, (1,) * 4),
        (
            "mergekit_ties_d0.5",
            "",
            "ties",
            {"reduce": "weighted", "trim": "tensor", "density": 0.5},
            (1, 0.8, 0.5, 0.3),
        ),
    ],
)
def test_golden_vectors(golden_zoo, file, prefix, method, options, coefficients):
    merge = golden_merge(golden_zoo, coefficients, method=method, options=options)
    assert difference(merge, golden(file, prefix)) < 1e-9


def test_golden_unmerge_the_papers_way_and_exactly(golden_zoo):
    recipe = golden_merge(golden_zoo, ALPHA).recipe
    for mode, file in [("silenced", "unmerge_paper_task1"), ("without", "unmerge_exact_task1")]:
        edited = open_merge(getattr(recipe, mode)("task1"))
        expected = golden("derived_mdmoc", f"global/{file}/")
        assert difference(edited, expected) < 1e-9


def test_golden_components(golden_zoo):
    for i in range(4):
        coefficients = [float(i == j) for j in range(4)]
        merge = golden_merge(golden_zoo, coefficients)
        component = golden("derived_mdmoc", f"global/tilde{i}/")
        expected = {k: merge.base.tensor(k) + v for k, v in component.items()}
        assert difference(merge, expected) < 1e-9


def test_a_merge_of_full_and_lora_checkpoints_is_the_dense_sum(make_recipe, zoo_folder):
    dense = dense_deltas(zoo_folder)
    base = load_file(zoo_folder / "base" / "model.safetensors")
    merged = merged_tensors(open_merge(make_recipe(method="task_arithmetic")))
    for name, tensor in merged.items():
        expected = base[name] + 0.3 * sum(delta[name] for delta in dense.values())
        torch.testing.assert_close(tensor.double(), expected.double(), rtol=1e-5, atol=1e-6)


def joined(pieces):
    """Pieces put together; each is valid only until the next is asked for."""
    return torch.cat([piece.clone() for piece in pieces])


def test_the_size_of_the_pieces_changes_no_bit(make_recipe):
    merge = open_merge(make_recipe())
    for name in merge.deltas.names:
        whole = joined(merged_pieces(merge, name))
        assert all(joined(merged_pieces(merge, name, k)).equal(whole) for k in (1, 5, 16))


def test_coefficients_per_group_of_tensors(make_recipe, zoo_folder):
    grouped = GroupedCoefficient(0.0, (("layer.0.*", 1.0), ("*.bias", 5.0)))
    recipe = make_recipe("red", method="task_arithmetic").with_coefficients({"red": grouped})
    merged = merged_tensors(open_merge(recipe))
    red = {
        k.removeprefix("bert."): v
        for k, v in load_file(zoo_folder / "red" / "model.safetensors").items()
    }
    base = load_file(zoo_folder / "base" / "model.safetensors")
    torch.testing.assert_close(merged["layer.0.dense.bias"], red["layer.0.dense.bias"])
    assert merged["embeddings.word.weight"].equal(base["embeddings.word.weight"])
    expected = base["layer.1.dense.bias"] * -4 + red["layer.1.dense.bias"] * 5
    torch.testing.assert_close(merged["layer.1.dense.bias"], expected)


def test_a_pattern_that_matches_nothing_is_refused(make_recipe):
    idle = GroupedCoefficient(1.0, (("layer.7.*", 1.0),))
    with pytest.raises(BadRecipe, match=r"'layer.7.\*' of 'red' matches none of the 5"):
        open_merge(make_recipe().with_coefficients({"red": idle})).mixing  # noqa: B018


def test_the_output_dtype_is_the_recipes_and_one_cast(make_recipe):
    wide = merged_tensors(open_merge(make_recipe()))
    for dtype in ("float16", "bfloat16"):
        narrow = merged_tensors(open_merge(make_recipe(dtype=dtype)))
        assert all(narrow[k].equal(wide[k].to(getattr(torch, dtype))) for k in wide)


def test_a_result_beyond_the_dtype_is_refused_in_numbers(make_recipe):
    recipe = make_recipe("red", dtype="float16").with_coefficients({"red": 1e7})
    with pytest.raises(NotFinite, match="float16 ends at 6.55e\\+04"):
        merged_tensors(open_merge(recipe))


def test_a_recorded_digest_is_checked(make_recipe):
    recipe = make_recipe()
    wrong = replace(recipe, tasks=(replace(recipe.tasks[0], digest="0" * 64), *recipe.tasks[1:]))
    with pytest.raises(BadCheckpoint, match="'red': the recipe records digest 000000000000"):
        open_merge(wrong)


def test_no_task_at_all_is_the_base(make_recipe):
    recipe = make_recipe("red").without("red")
    merge = open_merge(recipe)
    assert merge.deltas.names == ()
    name = "layer.0.dense.bias"
    assert joined(merged_pieces(merge, name)).equal(merge.base.tensor(name))


def test_near_copies_that_are_not_refused_are_orthogonal_to_the_last_digits(tmp_path):
    base = draw(0)
    change, own = draw(1), [draw(seed, scale=2e-4) for seed in (2, 3, 4)]
    save_model(tmp_path / "base", {k: v.double() for k, v in base.items()})
    for i, part in enumerate(own):
        moved = {k: (v.double() + change[k] + part[k]) for k, v in base.items()}
        save_model(tmp_path / f"t{i}", moved)
    tasks = tuple(TaskEntry(f"t{i}", str(tmp_path / f"t{i}")) for i in range(3))
    merge = open_merge(Recipe(str(tmp_path / "base"), tasks, "mdm_oc"))
    assert 1e-8 < float(merge.basis.shares.min()) < 1e-6
    assert merge.residual(gram(merge.deltas, merge.basis.rows)) < 1e-9


def test_every_folder_that_cannot_be_opened_is_named(tmp_path):
    tasks = tuple(TaskEntry(name, str(tmp_path / name)) for name in ("a", "b"))
    with pytest.raises(StudioError, match="The recipe has 3 problems") as error:
        open_merge(Recipe(str(tmp_path / "base"), tasks))
    assert all(str(tmp_path / name) in str(error.value) for name in ("base", "a", "b"))


def with_statistics(tmp_path):
    """A base and three tasks whose variances would sum to less than 0; task c has none stored."""
    draw = torch.Generator().manual_seed(1)
    for name, variance in (("base", 1.0), ("a", 0.3), ("b", 0.4), ("c", None)):
        tensors = {"norm.weight": torch.rand(3, generator=draw)}
        if variance:
            mean = torch.rand(3, generator=draw)
            tensors |= {"norm.running_mean": mean, "norm.running_var": torch.full((3,), variance)}
        save_model(tmp_path / name, tensors)
    return tmp_path


@pytest.mark.parametrize("method", ["mdm_oc", "task_arithmetic", "ties", "average", "opcm"])
def test_no_method_changes_running_statistics_which_are_mixed(tmp_path, method):
    folder = with_statistics(tmp_path)
    tasks = tuple(TaskEntry(name, str(folder / name), 0.8) for name in ("a", "b"))
    merge = open_merge(Recipe(str(folder / "base"), tasks, method))
    if method in ("average", "opcm"):  # take no coefficients; every task counts alike
        tasks = tuple(replace(task, coefficient=None) for task in tasks)
        merge = open_merge(Recipe(str(folder / "base"), tasks, method))
    merged = merged_tensors(merge)
    a, b = (load_file(folder / name / "model.safetensors") for name in ("a", "b"))
    means = [each["norm.running_mean"].double() for each in (a, b)]
    variances = [each["norm.running_var"].double() for each in (a, b)]
    mean = sum(means) / 2
    variance = sum(v + (m - mean) ** 2 for v, m in zip(variances, means, strict=True)) / 2
    torch.testing.assert_close(merged["norm.running_mean"].double(), mean)
    torch.testing.assert_close(merged["norm.running_var"].double(), variance)
    assert set(merge.deltas.names) == {"norm.weight"}
    assert any("2 running statistics" in note for note in merge.notes)


def test_statistics_of_an_unmerged_task_leave_nothing(tmp_path):
    folder = with_statistics(tmp_path)
    tasks = tuple(TaskEntry(name, str(folder / name), 0.4) for name in ("a", "b"))
    both = Recipe(str(folder / "base"), tasks)
    kept, silenced = (
        merged_tensors(open_merge(each))
        for each in (replace(both, tasks=tasks[:1]), both.silenced("b"))
    )
    for name in ("norm.running_mean", "norm.running_var"):
        assert kept[name].equal(silenced[name])
        assert not kept[name].equal(merged_tensors(open_merge(both))[name])
