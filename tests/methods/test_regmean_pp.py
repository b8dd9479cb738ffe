"""RegMean++ beside RegMean: the same least squares, of other statistics; no state of sums."""

import pytest

from studio.errors import BadRecipe
from studio.methods import method
from studio.methods.contract import GRAM, MERGED
from studio.methods.kit.input_metric import kind_of
from studio.methods.regmean_pp import RegMeanPlusPlus
from tests.measured import opened
from tests.merged import merged_tensors


def test_with_the_same_statistics_it_is_regmean(make_recipe):
    found = {n: merged_tensors(opened(make_recipe(method=n))) for n in ("regmean", "regmean_pp")}
    for name, values in found["regmean"].items():
        assert values.equal(found["regmean_pp"][name])


def test_what_it_measures_is_no_sum_and_so_it_keeps_no_state():
    assert RegMeanPlusPlus().measures == MERGED
    with pytest.raises(BadRecipe, match="RegMean\\+\\+: what it needs of its tasks is no sum"):
        _ = RegMeanPlusPlus().additive


def test_mdm_oc_asks_for_the_same_statistics_and_carries_every_checkpoint_then():
    merged = {"basis": "activation", "order": "arrival", "statistics": "merged"}
    assert kind_of("merged") == method("mdm_oc", merged).measures == MERGED
    assert kind_of("experts") == method("mdm_oc", {"basis": "activation"}).measures == GRAM
    assert method("mdm_oc", merged).carried.startswith("every checkpoint")
    full = {"basis": "activation", "strength": 1.0}
    assert method("mdm_oc", full).additive.measured
    with pytest.raises(BadRecipe, match="statistics: experts"):
        _ = method("mdm_oc", full | {"statistics": "merged"}).additive
