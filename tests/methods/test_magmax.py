import torch

from studio.component import component
from studio.inspection import order_words
from studio.merge import open_merge
from studio.methods.magmax import MagMax
from tests.conftest import dense_deltas
from tests.merged import merged_tensors
from tests.methods.by_hand import merged_vector, recipe_of


def test_every_element_takes_its_largest_change(tmp_path):
    deltas = ([1.0, -5.0, 0.0], [-2.0, 4.0, 0.0], [1.5, 4.5, 0.25])
    assert merged_vector(tmp_path, MagMax(), deltas).tolist() == [-2.0, -5.0, 0.25]


def test_shares_are_chosen_by_raw_deltas_and_then_scaled(tmp_path):
    deltas = ([1.0, -5.0], [-2.0, 4.0])
    assert merged_vector(tmp_path, MagMax(), deltas, [0.5, 0.25]).tolist() == [-0.5, -2.5]


def test_equal_magnitudes_go_to_the_later_task_and_the_words_say_so(tmp_path):
    assert merged_vector(tmp_path / "a", MagMax(), ([2.0], [-2.0])).tolist() == [-2.0]
    assert merged_vector(tmp_path / "b", MagMax(), ([-2.0], [2.0])).tolist() == [2.0]
    merge = open_merge(recipe_of(tmp_path / "a", MagMax(), ([2.0], [-2.0])))
    assert MagMax().ordered
    assert "of equally large changes the later task's is taken" in order_words(merge, None)


def test_the_shares_of_dense_deltas(zoo_folder, make_recipe):
    """A dense second computation; the adapter leaves tensors alone, and wins nothing there."""
    dense = dense_deltas(zoo_folder)
    merge = open_merge(make_recipe(method=MagMax.name, dtype="float64"))
    shares = {task: component(merge, task) for task in dense}
    for key, tensor in merged_tensors(merge).items():
        stacked = torch.stack([each[key] for each in dense.values()])
        largest = stacked.gather(0, stacked.abs().argmax(0, keepdim=True))[0]
        expected = merge.base.tensor(key).double() + 0.5 * largest
        torch.testing.assert_close(tensor, expected, rtol=0, atol=1e-6)
        won = torch.stack([shares[task][key] != 0 for task in dense]).sum(0)
        assert bool((won == 1).all())
