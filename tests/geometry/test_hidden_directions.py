"""Directions in the hidden space: which side of a matrix, how alike two changes are, and chance."""

import pytest
import torch

from studio.geometry.hidden_directions import (
    RANK,
    Side,
    compared,
    hidden_width,
    random_side,
    side_of,
    turned,
)


def test_the_hidden_width_is_the_one_that_most_matrices_have():
    block = {"l.0.query.weight": (64, 64), "l.0.up.weight": (256, 64), "l.0.down.weight": (64, 256)}
    assert hidden_width(block) == 64
    assert hidden_width({"conv.weight": (8, 3, 3, 3), "fc.weight": (10, 8), "b": (8,)}) == 0
    assert hidden_width({}) == 0


def test_a_matrix_reads_from_the_hidden_space_or_writes_to_it():
    assert turned("l.0.attention.self.query.weight", (64, 64), 64) is True
    assert turned("l.0.attention.output.dense.weight", (64, 64), 64) is False
    assert turned("l.0.intermediate.dense.weight", (256, 64), 64) is True
    assert turned("l.0.output.dense.weight", (64, 256), 64) is False
    assert turned("l.0.norm.weight", (64,), 64) is None
    assert turned("l.0.odd.weight", (30, 20), 64) is None
    assert turned("embeddings.word_embeddings.weight", (900, 64), 64) is None


def test_leading_directions_are_those_of_the_singular_value_decomposition():
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(40, 4, generator=generator), torch.randn(4, 30, generator=generator)
    delta = left @ right
    u, s, _ = torch.linalg.svd(delta, full_matrices=False)
    found = side_of("a", "m", delta, False, generator)
    assert found is not None
    assert found.squares.sqrt() == pytest.approx(s[:4], rel=1e-4)
    assert (found.directions.T @ u[:, :4]).square().sum() == pytest.approx(4.0, rel=1e-4)
    reads = side_of("a", "m", delta, True, generator)
    assert reads is not None
    assert reads.directions.shape == (30, 4)
    assert side_of("a", "m", torch.zeros(4, 4), False, generator) is None


def test_changes_in_the_same_directions_are_alike_and_in_others_are_not():
    eye, even = torch.eye(8), torch.ones(2)
    sides = [
        Side("a", "m", eye[:, :2], even), Side("a", "n", eye[:, [1, 0]], even),
        Side("b", "m", eye[:, 2:4], even), Side("c", "m", eye[:, 1:3], even),
    ]  # fmt: skip
    found = compared(sides, sides)
    assert found.cosines[0, 1] == pytest.approx(1.0)
    assert found.cosines[0, 2] == pytest.approx(0.0)
    assert found.cosines[0, 3] == pytest.approx(0.5)  # one of two directions
    assert found.tasks == ("a", "a", "b", "c") * 2
    assert found.cosines[0, 4] == pytest.approx(1.0)


def test_random_directions_are_as_strong_and_alike_only_by_chance():
    generator = torch.Generator().manual_seed(0)
    side = Side("a", "m", torch.eye(256)[:, :RANK], torch.arange(1.0, RANK + 1))
    first, second = random_side(side, generator), random_side(side, generator)
    assert first.squares.tolist() == side.squares.tolist()
    assert first.directions.T @ first.directions == pytest.approx(torch.eye(RANK), abs=1e-5)
    assert compared([first], [second]).cosines[0, 1] < 0.1
