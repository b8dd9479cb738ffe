from dataclasses import replace

import pytest
import torch

from studio.component import component
from studio.errors import BadRecipe
from studio.merge import open_merge
from studio.methods import method
from studio.methods.dare import Dare, mask
from tests.conftest import dense_deltas
from tests.merged import merged_tensors
from tests.methods.by_hand import merged_vector, recipe_of

MANY = 100_000
RECORDED = [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1, 0]


def test_a_mask_has_its_share_and_half_of_two_masks_agree():
    first, second = (mask(0, task, "a.weight", 0.7, 0, MANY) for task in ("red", "blue"))
    # five standard deviations of a share of 100,000 draws are 0.007
    assert float(first.double().mean()) == pytest.approx(0.3, abs=0.007)
    assert float((first & second).double().mean()) == pytest.approx(0.09, abs=0.005)
    neighbors = (first[1:] & first[:-1]).double().mean()
    assert float(neighbors) == pytest.approx(0.09, abs=0.005)


def test_a_mask_is_the_same_however_it_is_cut():
    whole = mask(3, "red", "a.weight", 0.5, 0, 1000)
    for start, stop in [(0, 1), (1, 2), (7, 9), (8, 16), (13, 500), (999, 1000)]:
        assert mask(3, "red", "a.weight", 0.5, start, stop).equal(whole[start:stop])


def test_a_mask_is_the_one_that_was_drawn_for_the_first_time():
    drawn = mask(0, "red", "a.weight", 0.5, 0, 16).int().tolist()
    assert drawn == RECORDED  # a recipe must mean the same model in years to come


def test_a_mask_depends_on_seed_task_and_tensor():
    base = (0, "red", "a.weight")
    for other in [(1, "red", "a.weight"), (0, "blue", "a.weight"), (0, "red", "b.weight")]:
        assert not mask(*base, 0.5, 0, 64).equal(mask(*other, 0.5, 0, 64))


def test_a_larger_drop_leaves_a_part_of_what_a_smaller_one_leaves():
    little, much = (mask(0, "red", "a.weight", drop, 0, MANY) for drop in (0.2, 0.9))
    assert bool((much <= little).all())
    assert bool(mask(0, "red", "a.weight", 0.0, 0, MANY).all())


def test_no_task_draws_another_mask_when_one_leaves_or_moves(make_recipe):
    full = open_merge(make_recipe("red", "green", "blue", method="dare"))
    for names in [("blue", "red"), ("red",)]:
        fewer = open_merge(make_recipe(*names, method="dare"))
        for key, values in component(fewer, "red").items():
            assert values.equal(component(full, "red")[key])


def test_every_entry_is_zero_or_doubled(zoo_folder, make_recipe):
    """A dense second computation, from the masks."""
    dense = dense_deltas(zoo_folder)
    recipe = make_recipe(method="dare", options={"drop": 0.25}, dtype="float64", seed=5)
    coefficients = {"red": 1.0, "green": -0.5, "blue": 2.0}
    merge = open_merge(recipe.with_coefficients(coefficients))
    for key, tensor in merged_tensors(merge).items():
        total = merge.base.tensor(key).double()
        for task, c in coefficients.items():
            kept = mask(5, task, key, 0.25, 0, tensor.numel()).view(tensor.shape)
            total = total + c * dense[task][key] * kept / 0.75
        torch.testing.assert_close(tensor, total, rtol=0, atol=2e-6)  # deltas are float32


@pytest.mark.slow
def test_the_expectation_is_the_delta(tmp_path):
    delta = [1.0, -2.0, 3.0]
    recipe = recipe_of(tmp_path, Dare(drop=0.8), [delta])
    seeds = [replace(recipe, seed=seed) for seed in range(400)]
    merged = torch.stack([merged_tensors(open_merge(each))["a.weight"] for each in seeds])
    # an entry is 5 delta with probability 0.2: a mean of 400 has deviation 0.1 |delta|
    near = merged.mean(0) / torch.tensor(delta)
    assert float((near - 1).abs().max()) < 0.5
    assert set((merged / torch.tensor(delta)).flatten().round(decimals=9).tolist()) == {0.0, 5.0}


def test_the_norm_of_every_tensor_is_kept(zoo_folder, make_recipe):
    dense = dense_deltas(zoo_folder)
    options = {"drop": 0.5, "rescale": "norm"}
    merge = open_merge(make_recipe(method="dare", options=options))
    for task in ("red", "blue"):
        for key, values in component(merge, task).items():
            whole = float(dense[task][key].abs().sum())
            assert float(values.abs().sum()) == pytest.approx(whole, rel=1e-5, abs=1e-9)


def test_a_tensor_of_which_nothing_is_left_is_not_divided_by_zero(tmp_path):
    found = merged_vector(tmp_path, Dare(drop=0.999, rescale="norm"), [[1.0, 2.0]])
    assert found.tolist() == [0.0, 0.0]


def test_dropping_everything_is_refused():
    with pytest.raises(BadRecipe, match="'drop' is 1.0; it must be from 0.0 to 0.999"):
        method("dare", {"drop": 1.0})


def test_bits_are_promised_everywhere_unless_a_norm_is_summed():
    assert method("dare", {}).portable
    assert not method("dare", {"rescale": "norm"}).portable


@pytest.mark.parametrize(("elect", "expected"), [("weighted", 3.0), ("weighted_sum", 6.0)])
def test_with_an_election_what_disagrees_is_left_out(tmp_path, elect, expected):
    # 2 * 3 - 1 * 2 > 0, so the second falls; without an election 4 would be left
    found = merged_vector(tmp_path, Dare(drop=0.0, elect=elect), ([3.0], [-2.0]), [2.0, 1.0])
    assert found.tolist() == [expected]
    plain = merged_vector(tmp_path, Dare(drop=0.0), ([3.0], [-2.0]), [2.0, 1.0])
    assert plain.tolist() == [4.0]


def test_an_election_is_among_what_the_masks_left(tmp_path):
    many = 64
    deltas = (torch.full((many,), 3.0), torch.full((many,), -2.0))
    method_ = Dare(drop=0.5, elect="weighted_sum")
    found = merged_vector(tmp_path, method_, deltas, [1.0, 1.0])
    first, second = (mask(0, f"t{i}", "a.weight", 0.5, 0, many) for i in range(2))
    expected = torch.where(first, 6.0, torch.where(second, -4.0, 0.0)).double()
    assert found.equal(expected)
