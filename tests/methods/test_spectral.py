"""TSV-M, Iso-C and Iso-CTS beside dense computations with plain SVDs."""

import pytest
import torch

from studio.methods.ace import Ace
from studio.methods.iso_c import IsoC
from studio.methods.iso_cts import IsoCts
from studio.methods.tsv_m import TsvM
from studio.methods.wudi import Wudi
from tests.methods.changes import SHAPES, change, change_of_adapters, drawn


def polar(matrix):
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    return u @ vh


def dense_tsv_m(deltas):
    k = min(deltas[0].shape) // len(deltas)
    found = [torch.linalg.svd(delta, full_matrices=False) for delta in deltas]
    left = polar(torch.cat([u[:, :k] for u, _, _ in found], 1))
    right = polar(torch.cat([vh[:k] for _, _, vh in found]))
    return left @ torch.diag(torch.cat([s[:k] for _, s, _ in found])) @ right


def dense_iso_c(deltas):
    u, s, vh = torch.linalg.svd(sum(deltas), full_matrices=False)
    return s.mean() * u @ vh


def dense_iso_cts(deltas, common=0.8):
    k, n = min(deltas[0].shape), len(deltas)
    own = round((k - int(k * common)) / n)
    shared = k - own * n
    u, s, vh = (x for x in torch.linalg.svd(sum(deltas), full_matrices=False))
    u, s, vh = u[:, :shared], s[:shared], vh[:shared]
    found = [(u, s, vh)]
    for delta in deltas:
        rest = torch.linalg.svd(delta - u @ u.T @ delta, full_matrices=False)
        found.append((rest.U[:, :own], rest.S[:own], rest.Vh[:own]))
    left = polar(torch.cat([u for u, _, _ in found], 1))
    right = polar(torch.cat([vh for _, _, vh in found]))
    return torch.cat([s for _, s, _ in found]).mean() * left @ right


ORACLES = [
    (TsvM, dense_tsv_m, {}),
    (IsoC, dense_iso_c, {}),
    (IsoCts, dense_iso_cts, {}),
    (IsoCts, lambda deltas: dense_iso_cts(deltas, 0.25), {"common": 0.25}),
]


@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("method", "oracle", "options"), ORACLES)
def test_full_rank_is_the_reference(tmp_path, method, oracle, options, shape, dtype, near):
    deltas = drawn(shape, 3)
    found = change(tmp_path, method(**options), deltas, dtype=dtype).double()
    torch.testing.assert_close(found, oracle(deltas), rtol=0, atol=near)


@pytest.mark.parametrize(("method", "oracle", "options"), ORACLES)
def test_a_coefficient_scales_its_delta_first(tmp_path, method, oracle, options):
    deltas = drawn((12, 8), 3)
    found = change(tmp_path, method(**options), deltas, (1.0, 0.5, -2.0))
    expected = oracle([c * delta for c, delta in zip((1.0, 0.5, -2.0), deltas, strict=True)])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("method", [IsoC, IsoCts])
@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_directions_that_no_task_uses_stay_zero(tmp_path, method, shape, dtype):
    deltas = drawn(shape, 3, rank=2)  # 6 of 30 directions
    s = torch.linalg.svdvals(change(tmp_path, method(), deltas, dtype=dtype).double())
    length = torch.linalg.svdvals(sum(deltas)).sum() / 6
    torch.testing.assert_close(s[:6], length.expand(6), rtol=1e-5, atol=0)
    assert s[6:].max() < 1e-6 * length


@pytest.mark.parametrize(("method", "options"), [(each, options) for each, _, options in ORACLES])
@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_adapters_give_what_their_dense_deltas_give(tmp_path, method, options, shape):
    deltas = drawn(shape, 3, rank=2)
    found = change_of_adapters(tmp_path / "factors", method(**options), deltas, 2)
    expected = change(tmp_path / "dense", method(**options), deltas)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", [TsvM, IsoC, IsoCts])
@pytest.mark.parametrize("shape", [(2, 7), (7, 2), (1, 4), (3, 1)])
def test_more_tasks_than_directions_are_merged_too(tmp_path, method, shape):
    found = change(tmp_path, method(), drawn(shape, 4))
    assert found.isfinite().all()
    assert found.norm() > 0.01


@pytest.mark.parametrize("method", [TsvM, IsoC, IsoCts, Wudi, Ace])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_deltas_that_cancel_give_numbers(tmp_path, method, dtype):
    delta = drawn((6, 4), 1)[0]
    found = change(tmp_path, method(), [delta, -delta, torch.zeros_like(delta)], dtype=dtype)
    assert found.isfinite().all()
    assert method not in (IsoC, IsoCts) or found.count_nonzero() == 0


def test_one_task_makes_iso_cts_iso_c(tmp_path):
    deltas = drawn((12, 8), 1)
    torch.testing.assert_close(
        change(tmp_path / "cts", IsoCts(), deltas), dense_iso_c(deltas), rtol=0, atol=1e-12
    )


def test_tasks_of_orthogonal_spaces_are_added_unchanged_by_tsv_m(tmp_path):
    first, second = torch.zeros(2, 4, 4).double()
    first[:2, :2] = torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    second[2:, 2:] = torch.tensor([[1.0, 0.0], [3.0, 1.0]])
    found = change(tmp_path, TsvM(), [first, second])
    torch.testing.assert_close(found, first + second, rtol=0, atol=1e-12)
