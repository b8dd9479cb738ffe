import pytest
import torch

from studio.component import component
from studio.merge import open_merge
from studio.methods.breadcrumbs import Breadcrumbs
from tests.conftest import dense_deltas
from tests.methods.by_hand import merged_vector


def between(delta, density, gamma):
    """The definition, by sorting."""
    n = delta.numel()
    largest = int(gamma * n)
    smallest = n - int(density * n) - largest
    order = delta.abs().flatten().argsort()
    kept = torch.zeros(n, dtype=torch.bool)
    kept[order[max(smallest, 0) : n - largest - min(smallest, 0)]] = True
    return delta * kept.view(delta.shape)


@pytest.mark.parametrize("density", [0.0, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5])
def test_what_is_kept_is_what_sorting_keeps(zoo_folder, make_recipe, density, gamma):
    dense = dense_deltas(zoo_folder)
    options = {"density": density, "gamma": gamma}
    merge = open_merge(make_recipe(method="breadcrumbs", options=options))
    for task in ("red", "blue"):
        for key, values in component(merge, task).items():
            expected = between(dense[task][key], density, gamma).flatten()
            torch.testing.assert_close(values.double(), expected, rtol=0, atol=1e-6)


def test_outliers_and_crumbs_fall_tensor_by_tensor(tmp_path):
    delta = [9.0, -1.0, 5.0, -4.0, 3.0, 0.5, 2.0, -6.0, 0.0, 7.0]
    found = merged_vector(tmp_path, Breadcrumbs(density=0.5, gamma=0.2), [delta], [0.5])
    assert found.tolist() == [0.0, 0.0, 2.5, -2.0, 1.5, 0.0, 1.0, -3.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("density", "gamma", "expected"),
    [(0.8, 0.01, (20, 1)), (0.995, 0.02, (0, 1)), (1.0, 0.5, (0, 0)), (0.0, 0.0, (101, 0))],
)
def test_counts_of_101_entries(density, gamma, expected):
    assert Breadcrumbs(density, gamma).left_out(101) == expected


def test_equal_magnitudes_stay_together(tmp_path):
    found = merged_vector(tmp_path, Breadcrumbs(density=0.5, gamma=0.25), [[1.0, -1.0, 1.0, -1.0]])
    assert found.tolist() == [1.0, -1.0, 1.0, -1.0]
