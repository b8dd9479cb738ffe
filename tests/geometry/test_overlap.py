"""Subspace overlap against SciPy's principal angles on dense deltas, and against laws."""

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.geometry.overlap import Overlap, overlap
from tests.conftest import dense_deltas, save_adapter, save_model

NAME = "layer.0.dense.weight"


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def full(folder, *matrices: torch.Tensor) -> Deltas:
    """Full checkpoints that add these matrices to a base of zeros."""
    zero = torch.zeros_like(matrices[0])
    base = open_checkpoint(save_model(folder / "base", {NAME: zero}))
    saved = [save_model(folder / f"t{i}", {NAME: m}) for i, m in enumerate(matrices)]
    return Deltas(base, [(path.name, open_checkpoint(path)) for path in saved])


def lora(folder, *factors: tuple[torch.Tensor, torch.Tensor]) -> Deltas:
    """Adapters with these (A, B) on a base of zeros."""
    (a, b), module = factors[0], NAME.removesuffix(".weight")
    zero = torch.zeros(b.shape[0], a.shape[1])
    base = open_checkpoint(save_model(folder / "base", {NAME: zero}))
    saved = [save_adapter(folder / f"t{i}", {module: pair}) for i, pair in enumerate(factors)]
    return Deltas(base, [(path.name, open_checkpoint(path)) for path in saved])


def known(deltas: Deltas) -> Overlap:
    found = overlap(deltas, NAME)
    assert found is not None
    return found


def expected(dense: list[np.ndarray], rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared cosines of the principal angles of the leading singular subspaces."""
    parts = [np.linalg.svd(each) for each in dense]
    sides = [[u[:, :rank] for u, _, _ in parts], [v[:rank].T for _, _, v in parts]]
    columns, rows = (
        np.array([[(np.cos(subspace_angles(a, b)) ** 2).mean() for b in side] for a in side])
        for side in sides
    )
    return columns, rows


@pytest.mark.parametrize("shape", [(30, 18), (18, 30)])
def test_full_deltas_equal_scipys_principal_angles(tmp_path, shape):
    common = random(*shape, seed=9)
    matrices = [random(*shape, seed=seed) + common for seed in range(3)]
    found = known(full(tmp_path, *matrices))
    assert found.rank == 6  # 18 // 3
    columns, rows = expected([m.double().numpy() for m in matrices], 6)
    assert found.columns.numpy() == pytest.approx(columns, abs=1e-9)
    assert found.rows.numpy() == pytest.approx(rows, abs=1e-9)
    assert (found.expected_columns, found.expected_rows) == (6 / shape[0], 6 / shape[1])


@pytest.mark.parametrize(("rank", "used"), [(4, 4), (15, 9)])
def test_lora_factors_give_the_overlap_of_the_dense_delta(tmp_path, rank, used):
    pairs = [(random(rank, 18, seed=s), random(30, rank, seed=s + 5)) for s in (1, 2)]
    found = known(lora(tmp_path, *pairs))
    assert found.rank == used  # at most 18 // 2
    columns, rows = expected([(b @ a).double().numpy() for a, b in pairs], used)
    assert found.columns.numpy() == pytest.approx(columns, abs=1e-5)
    assert found.rows.numpy() == pytest.approx(rows, abs=1e-5)


def test_full_and_lora_meet_at_the_loras_rank(deltas, zoo_folder):
    dense = dense_deltas(zoo_folder)
    found = known(deltas)
    assert found.rank == 1  # min(6, 4) // 3
    columns, rows = expected([dense[task][NAME].numpy() for task in deltas.tasks], 1)
    assert found.columns.numpy() == pytest.approx(columns, abs=1e-4)
    assert found.rows.numpy() == pytest.approx(rows, abs=1e-4)


def test_identical_and_negated_deltas_overlap_fully(tmp_path):
    one = random(12, 8, seed=1)
    found = known(full(tmp_path, one, one.clone(), -3 * one))
    for side in (found.columns, found.rows):
        torch.testing.assert_close(side, torch.ones(3, 3).double(), rtol=0, atol=1e-12)


def test_orthogonal_deltas_do_not_overlap(tmp_path):
    one, two = torch.zeros(8, 8), torch.zeros(8, 8)
    one[:4, :4], two[4:, 4:] = random(4, 4, seed=1), random(4, 4, seed=2)
    found = known(full(tmp_path, one, two))
    assert found.rank == 4
    for side in (found.columns, found.rows):
        torch.testing.assert_close(side, torch.eye(2).double(), rtol=0, atol=1e-12)


def test_columns_and_rows_are_told_apart(tmp_path):
    a, b, other = random(2, 12, seed=1), random(10, 2, seed=2), random(2, 12, seed=3)
    found = known(lora(tmp_path, (a, b), (other, b)))  # the same outputs from other inputs
    assert float(found.columns[0, 1]) == pytest.approx(1.0)
    assert float(found.rows[0, 1]) < 0.9


def test_one_direction_at_a_known_angle(tmp_path):
    one = torch.outer(torch.tensor([1.0, 0.0, 0.0, 0.0]), torch.ones(4))
    two = torch.outer(torch.tensor([3.0, 4.0, 0.0, 0.0]), torch.ones(4))
    found = known(full(tmp_path, one, two))
    assert found.rank == 1  # both deltas have one direction, though 4 // 2 would fit
    assert float(found.columns[0, 1]) == pytest.approx(0.36)  # (3 / 5)^2
    assert float(found.rows[0, 1]) == pytest.approx(1.0)


def test_random_subspaces_overlap_by_rank_over_dimension(tmp_path):
    found = known(full(tmp_path, random(200, 100, seed=1), random(200, 100, seed=2)))
    assert found.expected_columns == 50 / 200
    assert float(found.columns[0, 1]) == pytest.approx(0.25, abs=0.02)
    assert float(found.rows[0, 1]) == pytest.approx(0.5, abs=0.02)


def test_vectors_small_matrices_and_lone_deltas_have_no_overlap(deltas, tmp_path):
    assert overlap(deltas, "layer.0.dense.bias") is None
    assert overlap(deltas.subset(["blue"]), NAME) is None
    narrow = full(tmp_path, random(2, 8, seed=1), random(2, 8, seed=2), random(2, 8, seed=3))
    assert overlap(narrow, NAME) is None


def test_a_task_that_leaves_the_matrix_alone_has_no_number(tmp_path):
    found = known(full(tmp_path, random(9, 6, seed=1), torch.zeros(9, 6), random(9, 6, seed=2)))
    assert found.columns[1].isnan().all()
    assert found.rows[:, 1].isnan().all()
    assert not found.columns[0, 2].isnan()


def test_raising_progress_gives_up(deltas):
    def stop(share: float, words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        overlap(deltas, NAME, stop)
