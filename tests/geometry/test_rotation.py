"""Rotations worked by hand, and beside dense formulas."""

import json
import math
from dataclasses import replace

import pytest
import torch

from studio.__main__ import main
from studio.geometry.decoupling import conflicts, decouple, slices
from studio.geometry.rotation import (
    Turn,
    TurnSum,
    corrections,
    inverse_cayley,
    joined,
    nearest_turn,
    procrustes,
)
from studio.geometry.rotation_report import LayerRotation, energy, largest_angle, sampled
from studio.inspection import rotations
from studio.merge import open_merge
from studio.recipe import save_recipe
from tests.checkpoints.test_oft import OPTIONS
from tests.methods.test_orthomerge import cayley, golden_recipe, oft_recipe


def plane(degrees: float) -> torch.Tensor:
    """A rotation of the plane of the first two of three inputs."""
    found, angle = torch.eye(3).double(), math.radians(degrees)
    found[0, 0] = found[1, 1] = math.cos(angle)
    found[0, 1], found[1, 0] = math.sin(angle), -math.sin(angle)
    return found


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def skew(size: int, seed: int = 0) -> torch.Tensor:
    drawn = random(size, size, seed=seed)
    return (drawn - drawn.T) / 2


def test_the_coordinate_of_an_angle_is_the_tangent_of_its_half():
    found = inverse_cayley(plane(60))
    assert math.isclose(float(found[0, 1]), math.tan(math.radians(30)), rel_tol=1e-9)
    assert float(found[2].abs().max()) == 0
    torch.testing.assert_close(cayley(found), plane(60), rtol=0, atol=1e-11)
    assert abs(largest_angle([Turn(found)]) - 60) < 1e-9


@pytest.mark.parametrize("size", [2, 5, 30])
def test_cayley_there_and_back(size):
    there = cayley(skew(size))
    torch.testing.assert_close(there @ there.T, torch.eye(size).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(inverse_cayley(there), skew(size), rtol=1e-7, atol=1e-8)


def test_half_a_turn_has_finite_coordinates():
    assert float(inverse_cayley(plane(180)).abs().max()) < 1
    assert 1e4 < float(inverse_cayley(plane(179.99)).abs().max()) < 1.2e4


def test_procrustes_finds_the_rotation_that_was_applied():
    base = random(20, 6)
    rotation = cayley(skew(6, 1))
    found = procrustes(base, base @ rotation, 1e-10)
    torch.testing.assert_close(found, rotation, rtol=0, atol=1e-12)


def test_a_null_space_is_turned_as_little_as_the_rest_allows():
    """Two rows in a plane of three inputs: the third direction and all else stay."""
    base = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]).double()
    torch.testing.assert_close(procrustes(base, base, 1e-10), torch.eye(3).double())
    found = procrustes(base, base @ plane(30), 1e-10)
    torch.testing.assert_close(found, plane(30), rtol=0, atol=1e-12)
    one = torch.tensor([[1.0, 0.0, 0.0]]).double()  # any rotation that moves x to x' would do
    found = procrustes(one, one @ plane(30), 1e-10)
    torch.testing.assert_close(found, plane(30), rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_a_reflection_is_turned_back_where_it_matters_least(seed):
    base, target = random(9, 4, seed=seed), random(9, 4, seed=seed + 50)
    inner = base.T @ target
    found = procrustes(base, target, 1e-10)
    assert abs(float(torch.linalg.det(found)) - 1) < 1e-12
    u, s, vh = torch.linalg.svd(inner)
    best = s.sum() - (2 * s[-1] if float(torch.linalg.det(u @ vh)) < 0 else 0)  # Kabsch
    assert abs(float((found * inner).sum() - best)) < 1e-9


@pytest.mark.parametrize(("out", "width"), [(3, 7), (3, 40), (8, 17), (1, 5)])
def test_the_row_space_gives_what_the_whole_space_gives(out, width):
    base = random(out, width)
    target = base + 0.3 * random(out, width, seed=1)
    turn = nearest_turn(base, target, 1e-10)
    assert turn.basis is not None
    u, _, vh = torch.linalg.svd(base.T @ target)  # of the whole space
    x, _, yh = torch.linalg.svd(u[:, out:].T @ vh[out:].T)
    rotation = u[:, :out] @ vh[:out] + u[:, out:] @ x @ yh @ vh[out:]
    assert float(torch.linalg.det(rotation)) > 0
    torch.testing.assert_close(procrustes(base, target, 1e-10), rotation, rtol=0, atol=1e-9)
    dense = Turn(inverse_cayley(rotation))
    torch.testing.assert_close(turn.whole, dense.whole, rtol=0, atol=1e-8)
    rows = random(4, width, seed=2)
    torch.testing.assert_close(turn.change(rows), dense.change(rows), rtol=0, atol=1e-8)
    assert math.isclose(turn.norm, dense.norm, rel_tol=1e-8)
    assert math.isclose(turn.largest_angle, dense.largest_angle, rel_tol=1e-8)
    torch.testing.assert_close(rows @ (cayley(dense.skew) - torch.eye(width)), dense.change(rows))


def test_no_change_turns_nothing():
    for out, width in ((6, 4), (3, 5), (2, 9)):
        base = random(out, width)
        turn = nearest_turn(base, base, 1e-10)
        assert float(turn.whole.abs().max()) < 1e-10
        assert float(nearest_turn(0 * base, base, 1e-10).whole.abs().max()) < 1e-10


def test_a_base_of_dependent_rows_is_no_trouble():
    base = random(3, 20)
    base = torch.cat([base, base[:2] + base[1:]])
    target = base + 0.1 * random(5, 20, seed=1)
    turn = nearest_turn(base, target, 1e-10)
    eye = torch.eye(20).double()
    rotation = cayley(turn.whole)
    torch.testing.assert_close(rotation @ rotation.T, eye, rtol=0, atol=1e-10)
    torch.testing.assert_close(turn.change(base), base @ (rotation - eye), rtol=0, atol=1e-9)


def test_bases_that_overlap_add_up_as_their_coordinates_do():
    turns = [Turn(skew(4, seed), random(15, 4, seed=seed + 9) / 4) for seed in range(3)]
    turns.append(turns[0])
    together = joined(turns)
    dense = Turn(torch.stack([turn.whole for turn in turns]).sum(0))
    torch.testing.assert_close(together.whole, dense.whole)
    rows = random(3, 15, seed=5)
    torch.testing.assert_close(together.change(rows), dense.change(rows))
    assert math.isclose(together.norm, dense.norm, rel_tol=1e-10)
    assert math.isclose(together.largest_angle, dense.largest_angle, rel_tol=1e-10)


def test_a_sum_of_narrow_and_wide_slices_keeps_its_mean_length():
    parts = slices(33, 30)
    assert [(part.start, part.stop) for part in parts] == [(0, 30), (30, 33)]
    base = random(3, 33)
    found = [decouple(base, 0.2 * random(3, 33, seed=seed), None, parts).turns for seed in (1, 2)]
    sums = TurnSum(3, [30, 3], 2)
    for turns in found:
        sums.add(turns, 1.0)
    merged, correction = sums.merged(2, per_block=False, correct=True)
    assert merged[0].basis is not None
    assert merged[1].basis is None
    lengths = [math.hypot(*(turn.norm for turn in turns)) for turns in found]
    assert math.isclose(math.hypot(*(turn.norm for turn in merged)), sum(lengths) / 2)
    plain, same = sums.merged(2, per_block=False, correct=False)
    assert math.isclose(plain[0].norm * correction, merged[0].norm)
    assert same == correction
    blocks, _ = sums.merged(2, per_block=True, correct=True)
    for s, turn in enumerate(blocks):
        assert math.isclose(turn.norm, sum(turns[s].norm for turns in found) / 2)


def test_a_correction_is_the_ratio_of_lengths_and_zero_of_rounding():
    norms, totals = torch.tensor([[3.0, 1.0], [4.0, 1.0]]).double(), torch.tensor([5.0, 1e-9])
    assert corrections(norms, totals.double(), True).tolist() == [7 / 5, 0.0]
    one = corrections(norms, totals.double(), False).tolist()
    assert one[0] == one[1]
    assert math.isclose(one[0], (math.hypot(3, 1) + math.hypot(4, 1)) / 5)


def test_a_row_is_in_conflict_if_it_moves_against_the_sum():
    deltas = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[1.0, 1.0], [-3.0, 0.0]]])
    together = deltas.sum(0)
    assert conflicts(deltas[0], together).tolist() == [False, True]
    assert conflicts(0 * deltas[0], together).tolist() == [False, False]


def test_the_energy_of_rows_is_kept_by_a_rotation_and_grows_as_they_crowd():
    rows = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [0.0, 0.0]])
    expected = (2 / math.sqrt(2) + 1 / 2) / 3  # distances of unit rows: root 2 twice, and 2
    assert math.isclose(energy(rows) or 0, expected)
    drawn = random(30, 8)
    assert math.isclose(energy(drawn) or 0, energy(drawn @ cayley(skew(8))) or 0)
    assert (energy(drawn + 5) or 0) > 2 * (energy(drawn) or 0)
    assert energy(rows[3:]) is None


def test_rows_are_sampled_evenly_and_the_same_every_time():
    assert sampled(3).tolist() == [0, 1, 2]
    found = sampled(5000)
    assert (len(found), int(found[0]), int(found[1])) == (512, 0, 9)
    assert found.equal(sampled(5000))


def test_the_report_tells_angles_shares_and_energy(tmp_path):
    merge = open_merge(golden_recipe(tmp_path, 0, 1))
    rows = {row["tensor"]: row for row in rotations(merge) or ()}
    assert set(rows) == {"a.weight", "b.weight", "c.weight"}
    for row in rows.values():
        assert all(0 < angle < 180 for angle in row["angles"])
        assert all(0 < share < 1 for share in row["residual_shares"])
        assert 1 < row["correction"] < 2
        assert row["explains"] is True
        assert row["energy_before"] != row["energy_after"]
    alone = open_merge(golden_recipe(tmp_path, 0, residual_scale=0.0))
    for row in rotations(alone) or ():
        assert math.isclose(row["energy_before"], row["energy_after"], rel_tol=1e-5)
        assert math.isclose(row["angle"], row["angles"][0], rel_tol=1e-6)


def test_the_report_of_oft_adapters_has_no_residuals(tmp_path):
    rows = rotations(open_merge(oft_recipe(tmp_path, OPTIONS["cayley"], OPTIONS["cayley"])))
    assert rows is not None
    assert {tuple(row["residual_shares"]) for row in rows} == {(0.0, 0.0)}
    assert all(math.isclose(r["energy_before"], r["energy_after"], rel_tol=1e-5) for r in rows)


def test_of_another_method_there_is_no_report(tmp_path):
    recipe = replace(golden_recipe(tmp_path, 0, 1), method="average")
    assert rotations(open_merge(recipe)) is None


def test_a_rotation_that_explains_nothing_is_called_so():
    row = LayerRotation("x", (1.0, None), (0.96, None), 1.0, 1.0, None, None, 1)
    assert row.plain()["explains"] is False


def test_inspect_prints_and_writes_the_report(tmp_path, capsys):
    save_recipe(golden_recipe(tmp_path, 0, 1), tmp_path / "r.yaml")
    assert main(["inspect", str(tmp_path / "r.yaml"), "--json", str(tmp_path / "o.json")]) == 0
    printed = capsys.readouterr().out
    assert (
        "per task the largest angle, and what share of the change no rotation explains" in printed
    )
    found = json.loads((tmp_path / "o.json").read_text())["rotations"]
    assert [row["tensor"] for row in found] == ["a.weight", "b.weight", "c.weight"]
    for row in found:
        words = f"{row['tensor']}: task0 {row['angles'][0]:.2f}° {row['residual_shares'][0]:.0%}"
        assert words in printed
