import numpy as np
import pytest
import torch

from studio.component import component
from studio.errors import BadRecipe
from studio.merge import open_merge
from studio.methods import method
from studio.methods.dare import RANGE, Dare, drawn
from studio.methods.della import Della
from tests.conftest import dense_deltas
from tests.methods.changes import change

ROWS = 20_000


def test_shares_kept_rise_with_the_rank_and_each_is_divided_by_its_probability(tmp_path):
    delta = torch.tensor([3.0, -1.0, 2.0, -4.0]).double().repeat(ROWS, 1)
    found = change(tmp_path, Della(drop=0.5, epsilon=0.3), [delta]) / delta
    for column, kept in enumerate([0.6, 0.2, 0.4, 0.8]):  # ranks 2, 0, 1, 3 of 3
        stand = found[:, column] != 0
        # five standard deviations of a share of 20,000 draws are at most 0.018
        assert float(stand.double().mean()) == pytest.approx(kept, abs=0.018)
        assert found[:, column][stand].tolist() == pytest.approx([1 / kept] * int(stand.sum()))


def test_every_entry_is_what_a_dense_second_computation_makes(zoo_folder, make_recipe):
    dense, options = dense_deltas(zoo_folder), {"drop": 0.6, "epsilon": 0.25}
    merge = open_merge(make_recipe(method="della", options=options, seed=3))
    for task in ("red", "blue"):
        for key, values in component(merge, task).items():
            rows = dense[task][key].numpy()
            rows = rows.reshape(len(rows), -1) if rows.ndim > 1 else rows.reshape(1, -1)
            order = np.argsort(np.abs(rows.astype(np.float32)), axis=1, kind="stable")
            ranks = np.argsort(order, axis=1)
            stay = 0.4 - 0.25 + 0.5 * ranks / (rows.shape[1] - 1)
            numbers = drawn(3, task, key, 0, rows.size).reshape(rows.shape)
            expected = np.where(numbers >= np.rint((1 - stay) * RANGE), rows / stay, 0.0)
            np.testing.assert_allclose(values.numpy(), expected.ravel(), rtol=0, atol=2e-6)


@pytest.mark.parametrize("options", [{}, {"rescale": "norm"}, {"elect": "weighted"}])
def test_without_epsilon_it_is_dare(tmp_path, options):
    deltas = [torch.randn(6, 5, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    one = change(tmp_path / "a", Della(drop=0.3, epsilon=0.0, **options), deltas)
    assert one.equal(change(tmp_path / "b", Dare(drop=0.3, **options), deltas))


def test_a_row_of_one_entry_goes_as_often_as_the_others(tmp_path):
    found = change(tmp_path, Della(drop=0.5, epsilon=0.3), [torch.ones(ROWS, 1).double()])
    assert sorted(set(found.flatten().tolist())) == [0.0, 2.0]
    assert float((found != 0).double().mean()) == pytest.approx(0.5, abs=0.018)


@pytest.mark.parametrize("drop", [0.0, 0.15, 0.85, 0.9])
def test_what_is_no_probability_is_refused(drop):
    with pytest.raises(BadRecipe, match=f"della: epsilon is 0.15 and drop {drop:g}; drop - eps"):
        method("della", {"drop": drop})
    assert method("della", {"drop": drop, "epsilon": 0.0}).draws
