"""The scaled sum of the deltas, worked by hand."""

from studio.methods.task_arithmetic import TaskArithmetic
from tests.methods.by_hand import merged_vector

DELTAS = ([2.0, 0.0], [4.0, -1.0])


def test_deltas_are_added_each_times_its_coefficient(tmp_path):
    found = merged_vector(tmp_path, TaskArithmetic(), DELTAS, [0.5, 0.25], base=[1.0, 1.0])
    assert found.tolist() == [3.0, 0.75]


def test_a_scale_multiplies_every_coefficient_and_no_vector(tmp_path):
    found = merged_vector(tmp_path, TaskArithmetic(scale=-2.0), DELTAS, [0.5, 0.25])
    assert found.tolist() == [-4.0, 0.5]
    assert TaskArithmetic(scale=-2.0).unscaled == TaskArithmetic()
    assert not TaskArithmetic(scale=-2.0).derives
