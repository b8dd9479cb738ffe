"""Sign conflict against hand-worked counts and a dense second computation."""

import math

import numpy as np
import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.checkpoints.vectors import Dense
from studio.geometry.signs import sign_conflict
from tests.conftest import dense_deltas, draw, save_model


def tensor_of(*rows: list[float] | None) -> Dense:
    length = len(next(row for row in rows if row is not None))
    values = tuple(None if row is None else torch.tensor(row) for row in rows)
    base = torch.zeros(length)  # counts its elements like a stored tensor
    return Dense("w", (length,), base, values)  # type: ignore[arg-type]


def conflict(*rows: list[float] | None):
    return sign_conflict(tensor_of(*rows), torch.float32)


def test_counts_and_sizes_by_hand():
    found = conflict([1.0, -2.0, 0.0, 4.0], [-3.0, -1.0, 5.0, 2.0], [0.0, 0.0, -1.0, -1.0])
    assert found.opposite.tolist() == [[0, 1, 1], [1, 0, 2], [1, 2, 0]]
    assert found.both.tolist() == [[3, 3, 1], [3, 4, 2], [1, 2, 2]]
    assert found.opposite_size[0].tolist() == [0, 1, 1]  # min(1, 3); min(4, 1)
    assert found.both_size[0].tolist() == [7, 4, 1]  # 1 + 1 + 2 for the first pair
    assert (found.torn, found.shared) == (3, 4)  # the second element alone is agreed on
    assert float(found.share()[0, 1]) == pytest.approx(1 / 3)
    assert float(found.share_of_size()[0, 1]) == pytest.approx(1 / 4)
    assert found.share_of_all() == 3 / 4


def test_identical_deltas_never_conflict_and_negated_ones_always_do():
    row = torch.randn(50, generator=torch.Generator().manual_seed(0)).tolist()
    same, against = conflict(row, row), conflict(row, [-x for x in row])
    assert (float(same.share()[0, 1]), same.share_of_all()) == (0.0, 0.0)
    for share in (against.share(), against.share_of_size()):
        assert share.tolist() == [[0, 1], [1, 0]]
    assert against.share_of_all() == 1.0


def test_where_no_element_is_changed_twice_there_is_no_share():
    for found in (conflict([1.0, 0.0], [0.0, 1.0]), conflict([1.0, 2.0], None)):
        assert math.isnan(float(found.share()[0, 1]))
        assert math.isnan(found.share_of_all())


def test_full_and_lora_deltas_equal_a_dense_count(deltas, zoo_folder):
    dense = dense_deltas(zoo_folder)
    for name in deltas.names:
        found = sign_conflict(deltas.at(name), deltas.dtype)
        values = [dense[task][name].numpy().ravel() for task in deltas.tasks]
        for i, a in enumerate(values):
            for j, b in enumerate(values):
                smaller, against = np.minimum(abs(a), abs(b)), a * b < 0
                assert int(found.opposite[i, j]) == against.sum()
                assert int(found.both[i, j]) == ((a != 0) & (b != 0)).sum()
                sizes = float(found.opposite_size[i, j]), float(found.both_size[i, j])
                assert sizes == pytest.approx((smaller[against].sum(), smaller.sum()), rel=1e-5)
        stacked = np.stack(values)
        assert found.torn == ((stacked > 0).any(0) & (stacked < 0).any(0)).sum()
        assert found.shared == ((stacked != 0).sum(0) >= 2).sum()


def test_pieces_add_up_and_threads_change_no_bit(tmp_path):
    shapes = {"layer.0.weight": (500, 420)}  # more than three pieces of 2^16 elements
    opened = []
    for name, seed in (("base", 0), ("red", 1), ("green", 2)):
        save_model(tmp_path / name, draw(seed, shapes))
        opened.append((name, open_checkpoint(tmp_path / name)))
    large = Deltas(opened[0][1], opened[1:])
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(sign_conflict(large.at("layer.0.weight"), large.dtype))
    finally:
        torch.set_num_threads(before)
    one, two = (list(vars(found).values()) for found in results)
    assert all(
        torch.equal(torch.as_tensor(a), torch.as_tensor(b)) for a, b in zip(one, two, strict=True)
    )
    base, red, green = (draw(seed, shapes)["layer.0.weight"] for seed in (0, 1, 2))
    assert int(results[0].opposite[0, 1]) == int(((red - base) * (green - base) < 0).sum())
    assert results[0].shared == int(((red != base) & (green != base)).sum())


def test_conflicts_of_tensors_add_up():
    one, two = conflict([1.0, 2.0], [-1.0, 2.0]), conflict([1.0], [-3.0])
    assert float((one + two).share()[0, 1]) == pytest.approx(2 / 3)
    assert (one + two).share_of_all() == pytest.approx(2 / 3)
    assert float((one + two).share_of_size()[0, 1]) == pytest.approx(2 / 4)
