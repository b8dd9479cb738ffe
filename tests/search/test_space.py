import pytest
import torch

from studio.merge import open_merge
from studio.methods.kit.coefficients import coefficients
from studio.search.space import GRANULARITIES, rounded, space


def drawn(size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_derivatives_are_gathered_as_coefficients_are_spread(deltas, granularity):
    free = space(deltas, granularity)
    point, slopes = drawn(len(free)), drawn(len(deltas.names) * 3, 1).view(-1, 3)
    spread = free.spread(point)
    assert torch.allclose((spread * slopes).sum(), (point * free.gathered(slopes)).sum())
    assert torch.allclose(free.averaged(spread), point)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_the_recipe_of_a_point_has_the_coefficients_that_were_tried(
    deltas, make_recipe, granularity
):
    free = space(deltas, granularity)
    point = rounded(drawn(len(free)))
    found = coefficients(free.recipe(make_recipe(), point), deltas, 1.0)
    assert torch.allclose(found, free.spread(point), atol=1e-4)  # the mean is rounded, too
    own = torch.tensor([[n in changed for changed in free.changed] for n in deltas.names])
    assert torch.equal(found[own], free.spread(point)[own])


def test_only_what_a_checkpoint_changes_has_a_coefficient(deltas):
    assert len(space(deltas, "task")) == 3
    groups = space(deltas, "group")  # blue is a LoRA of the two dense layers
    assert [g for t, g in groups.places if t == 2] == ["layer.0", "layer.1"]
    assert [g for t, g in groups.places if t == 0] == ["embeddings", "layer.0", "layer.1"]
    assert len(space(deltas, "tensor")) == 5 + 5 + 2
    assert groups.words[-1] == "blue, layer.1"
    assert groups.of_task(range(len(groups)), "blue") == [6, 7]


def test_where_a_task_changes_nothing_its_coefficient_is_the_mean_of_its_others(deltas):
    free = space(deltas, "tensor")
    point = torch.arange(1.0, len(free) + 1, dtype=torch.float64)
    spread = free.spread(point)
    own = free.of_task(point.tolist(), "blue")
    assert spread[deltas.names.index("embeddings.word.weight"), 2] == sum(own) / 2


def test_a_point_of_one_granularity_merges_alike_in_a_finer_one(deltas, make_recipe):
    coarse, fine = space(deltas, "task"), space(deltas, "tensor")
    point = rounded(drawn(3))
    one, other = (
        open_merge(each.recipe(make_recipe(), own)).mixing
        for each, own in ((coarse, point), (fine, fine.averaged(coarse.spread(point))))
    )
    assert torch.allclose(one, other, atol=1e-12)
