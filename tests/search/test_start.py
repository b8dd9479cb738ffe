import pytest
import torch

from studio.geometry.gram import Gram
from studio.search.start import components_of, norm_rule
from tests.measured import opened
from tests.merged import merged_tensors


def gram(block: list) -> Gram:
    return Gram(("a", "b"), ("x",), torch.tensor([block], dtype=torch.float64))


def test_orthogonal_deltas_of_equal_norm_start_at_one_over_the_root_of_n():
    assert norm_rule(gram([[4, 0], [0, 4]]), gram([[4, 0], [0, 4]])) == pytest.approx(2**-0.5)


def test_components_that_cancel_out_start_at_one():
    opposite = gram([[1, -1], [-1, 1]])
    assert norm_rule(opposite, opposite) == 1.0


@pytest.mark.parametrize(
    "options",
    [{}, {"basis": "subspace"}, {"scope": "tensor", "order": "symmetric"}, {"basis": "activation"}],
)
def test_a_merge_at_the_rule_moves_the_base_as_far_as_a_task_does(make_recipe, options):
    recipe = make_recipe(method="mdm_oc", options=options)
    merge = opened(recipe)
    scale = norm_rule(merge.gram, components_of(merge))
    merged = merged_tensors(opened(recipe.with_coefficients(dict.fromkeys(recipe.names, scale))))
    moved = sum(
        float((x - merge.base.tensor(k)).double().square().sum()) for k, x in merged.items()
    )
    mean = float(merge.gram.total().diagonal().sqrt().mean())
    assert moved**0.5 == pytest.approx(mean, rel=1e-5)
