"""Arrows: lengths and angles are those of the deltas wherever a plane can hold them."""

import numpy as np
import pytest
import torch

from studio.geometry.arrows import arrows
from studio.geometry.gram import Gram
from studio.geometry.maps import joint
from studio.geometry.orthogonal import orthogonalize


def gram_of(rows: list[list[float]]) -> Gram:
    vectors = torch.tensor(rows).double()
    return Gram(tuple("abcdef"[: len(rows)]), ("x",), (vectors @ vectors.T)[None])


def angle(first: np.ndarray, second: np.ndarray) -> float:
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    return float(np.degrees(np.arccos(first @ second / lengths)))


def test_two_tasks_lie_in_one_plane_with_their_angle_and_what_is_left_of_them():
    gram = gram_of([[2, 0, 0], [1, 1, 0]])  # 45 degrees
    basis = orthogonalize(gram, "model", "arrival", False)
    after = gram.combined(basis.rows)
    found = arrows(gram, after, joint(gram, basis).total())
    assert found.share == pytest.approx(1.0, abs=1e-4)
    assert np.linalg.norm(found.before, axis=1) == pytest.approx([1, 1], abs=0.01)
    assert angle(*found.before) == pytest.approx(45, abs=1)
    assert found.after is not None
    assert angle(*found.after) == pytest.approx(90, abs=1)
    assert found.after[0] == pytest.approx(found.before[0], abs=0.01)  # who comes first keeps all
    assert np.linalg.norm(found.after[1]) == pytest.approx(0.5**0.5, abs=0.01)
    assert found.joined


def test_of_six_tasks_the_two_that_share_stand_closest_and_come_apart():
    rows = torch.eye(6).double()
    rows[3] = 0.67 * rows[0] + (1 - 0.67**2) ** 0.5 * rows[3]
    gram = gram_of(rows.tolist())
    basis = orthogonalize(gram, "model", "arrival", False)
    after = gram.combined(basis.rows)
    found = arrows(gram, after, joint(gram, basis).total())
    pairs = [(i, j) for i in range(6) for j in range(i + 1, 6)]
    closest = min(pairs, key=lambda p: angle(found.before[p[0]], found.before[p[1]]))
    assert closest == (0, 3)
    assert found.after is not None
    assert angle(found.after[0], found.after[3]) > angle(found.before[0], found.before[3]) + 5
    assert 0.5 < found.share < 1  # six directions do not fit
    left = after.total().diagonal().sqrt().numpy()  # of length 1 before
    assert np.linalg.norm(found.after, axis=1) == pytest.approx(left, abs=0.1)
    assert np.linalg.norm(found.before, axis=1) == pytest.approx(np.ones(6), abs=0.1)


def test_components_without_products_with_the_deltas_are_laid_near_them():
    gram = gram_of([[2, 0], [0, 1]])
    same = arrows(gram, gram, None)
    assert not same.joined
    assert same.after == pytest.approx(same.before, abs=0.02)
    assert same.share == pytest.approx(1.0, abs=1e-3)


def test_without_components_there_are_arrows_before_alone():
    found = arrows(gram_of([[1, 0], [0, 1], [1, 1]]), None, None)
    assert found.after is None
    assert found.before.shape == (3, 2)
    assert found.share == pytest.approx(1.0, abs=1e-3)


def test_a_zero_delta_stays_at_the_base():
    found = arrows(gram_of([[1, 0], [0, 0]]), None, None)
    assert np.linalg.norm(found.before[1]) == pytest.approx(0, abs=1e-3)
