import pytest
import torch

from studio.checkpoints.vectors import Dense, Room
from studio.methods.ties import Shares, Ties
from tests.methods.by_hand import merged_vector


def merged(folder, deltas, coefficients=None, **options):
    return merged_vector(folder, Ties(**options), deltas, coefficients).tolist()


def test_small_entries_fall_and_the_minority_sign_is_left_out(tmp_path):
    deltas = ([5.0, 4.0, 0.1, -3.0], [3.0, -2.0, 0.2, -1.0])
    # density 0.5 of 4 keeps what is at least the 2nd smallest: 3 of 4 (the paper's definition)
    assert merged(tmp_path, deltas, density=0.5) == [4.0, 4.0, 0.0, -2.0]


def test_per_tensor_exactly_the_share_is_kept(tmp_path):
    deltas = ([5.0, 4.0, 0.1, -3.0], [3.0, -2.0, 0.2, -1.0])
    assert merged(tmp_path, deltas, density=0.5, trim="tensor") == [4.0, 4.0, 0.0, 0.0]


@pytest.mark.parametrize(("third", "expected"), [(1.0, 2.0), (-1.0, -2.0)])
def test_a_draw_takes_the_sign_of_the_majority(tmp_path, third, expected):
    deltas = ([2.0, third, third], [-2.0, third, third])
    found = merged(tmp_path, deltas, density=1.0)
    assert found == [expected, third, third]


def test_weighted_divides_by_the_agreeing_coefficients(tmp_path):
    found = merged(tmp_path, ([2.0, 1.0], [4.0, -5.0]), [1.0, 0.5], density=1.0, reduce="weighted")
    # second: 1 - 2.5 < 0, so only -5 agrees: 0.5 * -5 / 0.5
    torch.testing.assert_close(found, [(2 + 2) / 1.5, -5.0])


def test_a_weighted_sum_elects_as_the_weighted_mean_does_and_divides_by_nothing(tmp_path):
    options = {"density": 1.0, "reduce": "weighted_sum"}
    found = merged(tmp_path, ([2.0, 1.0, 1.0], [4.0, -5.0, -2.0]), [1.0, 0.5], **options)
    # third: 1 - 1 is zero, which counts as positive
    assert found == [2.0 + 2.0, -2.5, 1.0]


def test_the_share_of_a_task_is_scaled_after_the_election(tmp_path):
    found = merged(tmp_path, ([2.0], [4.0]), [0.5, 0.0], density=1.0)
    assert found == [0.5]  # both agree, so a half of each: 0.5 * 2 / 2


def test_votes_are_sums_of_what_is_left_of_each_delta():
    deltas = torch.tensor([[3.0, -1.0, 2.0], [-2.0, -4.0, 1.0]])
    raw = Dense("a.weight", (3,), torch.zeros(3), tuple(deltas))  # type: ignore[arg-type]
    shares = Shares(raw, (2.0, 2.0), "mean", None, lambda: 0)
    assert shares.votes(0, 3, torch.float64, Room()).tolist() == [1.0, -4.0, 2.0]
    weighted = Shares(raw, (2.0, 2.0), "weighted", [0.5, 1.0], lambda: 0)
    assert weighted.votes(0, 3, torch.float64, Room()).tolist() == [-0.5, -4.0, 1.0]
