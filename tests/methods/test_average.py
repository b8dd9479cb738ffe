"""The mean of the models, worked by hand."""

from studio.methods.average import Average
from tests.methods.by_hand import merged_vector


def test_the_mean_of_two_models_is_their_average(tmp_path):
    deltas = ([2.0, 0.0], [4.0, -1.0])
    found = merged_vector(tmp_path, Average(), deltas, base=[1.0, 1.0])
    assert found.tolist() == [4.0, 0.5]  # of (3, 1) and (5, 0)


def test_a_coefficient_of_zero_still_counts_as_a_model(tmp_path):
    found = merged_vector(tmp_path, Average(), ([3.0], [6.0], [9.0]), [1.0, 0.0, 2.0])
    assert found.tolist() == [7.0]  # (3 + 2 * 9) / 3


def test_a_sequence_carries_the_model_and_a_number():
    assert Average().carried == "the merged model and the number of tasks"
