import torch

from studio.geometry.gram import Gram
from studio.search.directions import NEGLIGIBLE, all_directions, directions
from studio.search.space import Space

FREE = Space(("a", "b"), ("x", "y"), "tensor", (frozenset("xy"), frozenset("xy")))


def gram(*blocks: list) -> Gram:
    return Gram(("a", "b"), ("x", "y"), torch.tensor(blocks, dtype=torch.float64))


def test_two_equal_components_move_together_and_never_apart():
    found = directions(FREE, gram([[1, 1], [1, 1]], [[1, 0], [0, 1]]))
    assert len(found) == 3
    assert not found.plain
    together = found.step(torch.tensor([1.0, 0, 0]).double()).abs()
    root = 0.5**0.5
    assert torch.allclose(together, torch.tensor([root, 0, root, 0]).double())  # a.x, a.y, b.x, b.y


def test_a_group_that_hardly_changes_anything_is_held():
    small = NEGLIGIBLE / 4
    found = directions(FREE, gram([[1, 0], [0, 1]], [[small, 0], [0, small]]))
    assert len(found) == 2
    moved = found.step(torch.tensor([1.0, 2.0]).double())
    assert moved.tolist() == [1.0, 0.0, 2.0, 0.0]


def test_what_is_left_out_carries_no_more_than_it_may():
    values = [1.0, NEGLIGIBLE * 0.7, NEGLIGIBLE * 0.7, 0.0]
    found = directions(FREE, gram([[values[0], 0], [0, values[1]]], [[values[2], 0], [0, 0]]))
    assert len(found) == 2  # the zero and one of the two small ones


def test_one_direction_is_always_left():
    assert len(directions(FREE, gram([[0, 0], [0, 0]], [[0, 0], [0, 0]]))) == 1


def test_slopes_are_the_transpose_of_steps():
    found = directions(FREE, gram([[1, 0.9999], [0.9999, 1]], [[2, 0], [0, 1]]))
    moved, slope = torch.rand(len(found)).double(), torch.rand(4).double()
    assert torch.allclose(found.step(moved) @ slope, moved @ found.slope(slope))
    assert torch.equal(all_directions(FREE).step(slope), slope)
