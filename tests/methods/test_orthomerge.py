"""OrthoMerge beside its reference's vectors, and the laws that a merge of rotations keeps."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.checkpoints.deltas import DerivedDeltas
from studio.checkpoints.oft import skew_blocks
from studio.checkpoints.resident import keep_in_memory
from studio.errors import BadRecipe, NotFinite
from studio.geometry.decoupling import Residual, conflicts, decouple, slices
from studio.geometry.rotation import TurnSum, merged_skew
from studio.merge import open_merge
from studio.methods import orthomerge
from studio.recipe import Recipe, TaskEntry
from tests.checkpoints.test_oft import OPTIONS, save_oft
from tests.conftest import GOLDEN, draw, refusal, save_model
from tests.merged import merged_tensors

INPUTS = load_file(GOLDEN / "inputs_f32.safetensors")
DECOUPLED = load_file(GOLDEN / "orthomerge_decoupled_f32.safetensors")
OFT = load_file(GOLDEN / "orthomerge_oft_f32.safetensors")
NEAR = {"rtol": 0, "atol": 2e-5}
WELL_POSED = ("a.weight", "c.weight")


def cayley(skew: torch.Tensor) -> torch.Tensor:
    """The rotation ``(I - A)^-1 (I + A)`` of coordinates A, formed densely."""
    eye = torch.eye(len(skew), dtype=skew.dtype)
    return torch.linalg.solve(eye - skew, eye + skew)


def golden_parts(mode: str, key: str):
    base = INPUTS[f"base/{key}"]
    found = [INPUTS[f"task{i}/{key}"] - base for i in range(4)]
    together = sum(found[1:], found[0])
    whole = slices(base.shape[1], None)
    masks = [conflicts(delta, together) if mode == "C" else None for delta in found]
    return base, masks, [decouple(base, d, m, whole) for d, m in zip(found, masks, strict=True)]


@pytest.mark.parametrize("mode", ["G", "C"])
@pytest.mark.parametrize("key", ["a.weight", "b.weight", "c.weight"])
def test_each_task_is_decoupled_as_in_the_reference(mode, key):
    """Of b.weight (32, 64) the reference leaves R to chance where the base does not see it."""
    base, masks, parts = golden_parts(mode, key)
    for i, (mask, part) in enumerate(zip(masks, parts, strict=True)):
        expected = {name: DECOUPLED[f"{mode}/task{i}/{name}/{key}"]
                    for name in ("R", "A", "W0R", "residual")}  # fmt: skip
        (turn,) = part.turns
        moved = base + turn.change(base).float()
        torch.testing.assert_close(moved, base @ expected["R"], **NEAR)
        torch.testing.assert_close(part.residual, INPUTS[f"task{i}/{key}"] - moved, **NEAR)
        if mask is not None:
            mask_there = DECOUPLED[f"C/task{i}/conflict_mask/{key}"]
            assert mask.equal(mask_there.flatten() > 0)
        if key in WELL_POSED:
            torch.testing.assert_close(moved, expected["W0R"], **NEAR)
            torch.testing.assert_close(part.residual, expected["residual"], **NEAR)
            torch.testing.assert_close(turn.skew.float(), expected["A"], **NEAR)
            torch.testing.assert_close(cayley(turn.skew).float(), expected["R"], **NEAR)
        else:  # the least rotation that does the same
            assert turn.norm < 1 < 20 < float(expected["A"].norm())


@pytest.mark.parametrize("mode", ["G", "C"])
@pytest.mark.parametrize("key", WELL_POSED)
def test_rotations_are_merged_as_in_the_reference(mode, key):
    base, _, parts = golden_parts(mode, key)
    sums = TurnSum(base.shape[0], [base.shape[1]], 4)
    for part in parts:
        sums.add(part.turns, 1.0)
    (turn,), correction = sums.merged(4, per_block=False, correct=True)
    assert 1 < correction <= 4
    torch.testing.assert_close(turn.skew.float(), DECOUPLED[f"{mode}/A_merged/{key}"], **NEAR)
    torch.testing.assert_close(
        cayley(turn.skew).float(), DECOUPLED[f"{mode}/R_merged/{key}"], **NEAR
    )
    moved = base + turn.change(base).float()
    torch.testing.assert_close(moved, DECOUPLED[f"{mode}/W_ortho/{key}"], **NEAR)


@pytest.mark.parametrize(("mode", "target"), [("G", "global"), ("C", "conflict")])
def test_a_whole_merge_is_the_references(tmp_path, mode, target):
    """Its 0.2 times the sum of four residuals is 0.8 times their mean."""
    recipe = golden_recipe(tmp_path, target=target, residual_scale=0.8)
    merged = merged_tensors(open_merge(recipe))
    for key in WELL_POSED:
        torch.testing.assert_close(merged[key], DECOUPLED[f"{mode}/merged_TA_0.2/{key}"], **NEAR)


def golden_recipe(folder, *tasks: int, **options) -> Recipe:
    names = ("base", *(f"task{i}" for i in range(4)))
    for name in names:
        tensors = {k.split("/")[1]: v for k, v in INPUTS.items() if k.startswith(name + "/")}
        save_model(folder / name, tensors)
    chosen = [names[i + 1] for i in tasks or range(4)]
    entries = tuple(TaskEntry(name, str(folder / name)) for name in chosen)
    return Recipe(str(folder / "base"), entries, "orthomerge", options)


@pytest.mark.parametrize("case", ["bs8", "bs32"])
def test_oft_coordinates_are_merged_as_in_the_reference(case):
    skews = [skew_blocks(OFT[f"{case}/params{i}"]) for i in range(4)]
    for i, skew in enumerate(skews):
        torch.testing.assert_close(skew.float(), OFT[f"{case}/skew{i}"], rtol=0, atol=0)
    merged, correction = merged_skew(skews, [1.0] * 4, per_block=False, correct=True)
    torch.testing.assert_close(merged.float(), OFT[f"{case}/merged_skew"], **NEAR)
    row, column = torch.triu_indices(merged.shape[1], merged.shape[1], 1)
    torch.testing.assert_close(merged[:, row, column].float(), OFT[f"{case}/merged_params"], **NEAR)
    lengths = sum(float(skew.norm()) for skew in skews) / 4
    assert abs(float(merged.norm()) - lengths) < 1e-12
    plain, _ = merged_skew(skews, [1.0] * 4, per_block=False, correct=False)
    torch.testing.assert_close(plain * correction, merged)
    blocks, _ = merged_skew(skews, [1.0] * 4, per_block=True, correct=True)
    own = sum(torch.linalg.matrix_norm(skew) for skew in skews) / 4
    torch.testing.assert_close(torch.linalg.matrix_norm(blocks), own)


def test_coordinates_that_cancel_merge_to_nothing():
    skew = skew_blocks(torch.ones(2, 6))
    merged, correction = merged_skew([skew, -skew], [1.0, 1.0], False, True)
    assert (float(merged.abs().max()), correction) == (0.0, 0.0)


SETTINGS = [
    {"target": target, "residuals": residuals, "block": block}
    for target in ("global", "conflict")
    for residuals in ("task_arithmetic", "tsv_m")
    for block in (None, 24)
]


@pytest.mark.parametrize("options", SETTINGS)
def test_one_task_and_copies_of_it_are_the_task(tmp_path, options):
    recipe = golden_recipe(tmp_path, 2, **options)
    twins = replace(recipe, tasks=(recipe.tasks[0], replace(recipe.tasks[0], name="twin")))
    for name, tensor in merged_tensors(open_merge(recipe)).items():
        torch.testing.assert_close(tensor, INPUTS[f"task2/{name}"], rtol=0, atol=1e-6)
    if options["residuals"] == "task_arithmetic":  # TSV-M keeps half of the rank of two tasks
        for name, tensor in merged_tensors(open_merge(twins)).items():
            torch.testing.assert_close(tensor, INPUTS[f"task2/{name}"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"target": "conflict"}, {"block": 24, "norms": "block"}])
def test_without_residuals_singular_values_lengths_and_angles_of_rows_stay(tmp_path, options):
    recipe = golden_recipe(tmp_path, residual_scale=0.0, **options)
    merged = merged_tensors(open_merge(replace(recipe, dtype="float64")))
    moved = {}
    for name in ("a.weight", "b.weight", "c.weight"):
        before, after = INPUTS[f"base/{name}"].double(), merged[name]
        moved[name] = float((after - before).norm() / before.norm())
        for part in slices(before.shape[1], options.get("block")):
            one, other = before[:, part], after[:, part]
            near = {"rtol": 0, "atol": 2e-6 * float(one.norm()) ** 2}
            torch.testing.assert_close(other @ other.T, one @ one.T, **near)
        values = torch.linalg.svdvals(before)
        if not options.get("block"):
            torch.testing.assert_close(torch.linalg.svdvals(after), values, rtol=0, atol=1e-5)
    assert max(moved.values()) > 0.003, "of b.weight no row is in conflict"
    assert merged["a.bias"].float().equal(INPUTS["base/a.bias"])


def test_the_order_of_the_tasks_does_not_matter(tmp_path):
    for residuals in ("task_arithmetic", "ties", "tsv_m"):
        one = merged_tensors(open_merge(golden_recipe(tmp_path, 0, 1, 2, residuals=residuals)))
        other = merged_tensors(open_merge(golden_recipe(tmp_path, 2, 0, 1, residuals=residuals)))
        for name, tensor in one.items():
            torch.testing.assert_close(tensor, other[name], rtol=0, atol=2e-6)


def test_a_task_of_another_coefficient_turns_by_it(tmp_path):
    """Half the coordinates and half the residual, and not half the delta."""
    recipe = golden_recipe(tmp_path, 0).with_coefficients({"task0": 0.5})
    merged = merged_tensors(open_merge(recipe))["c.weight"]
    base, _, parts = golden_parts("G", "c.weight")
    turn = parts[0].turns[0].scaled(0.5)
    expected = base + turn.change(base).float() + parts[0].residual / 2
    torch.testing.assert_close(merged, expected, **NEAR)


def test_ties_trims_and_elects_residuals_over_the_whole_model(tmp_path):
    """Beside TIES worked out densely on the residuals of all tensors together."""
    merge = open_merge(golden_recipe(tmp_path, 0, 1, 2, residuals="ties"))
    merged = merged_tensors(merge)
    keys = sorted(k.split("/")[1] for k in INPUTS if k.startswith("base/"))
    given = merge.given
    left = DerivedDeltas(given.deltas, lambda raw: merge.method._residuals(raw, given))  # type: ignore[attr-defined]
    flat = []
    for task in range(3):
        rows = [left.at(k).delta(task, 0, left.at(k).numel, torch.float32) for k in keys]
        flat.append(torch.cat([row for row in rows if row is not None]))
    stacked = torch.stack(flat)
    kept = stacked.abs().kthvalue(stacked.shape[1] - int(0.2 * stacked.shape[1])).values
    stacked = stacked * (stacked.abs() >= kept.unsqueeze(1))
    agree = stacked * (stacked.sign() == stacked.sum(0).sign())
    shared = agree.sum(0) / (agree != 0).sum(0).clamp(min=1)
    without = merged_tensors(open_merge(golden_recipe(tmp_path, 0, 1, 2, residual_scale=0.0)))
    at = 0
    for key in keys:
        size = merged[key].numel()
        expected = without[key] + shared[at : at + size].view(merged[key].shape)
        torch.testing.assert_close(merged[key], expected, **NEAR)
        at += size


def test_a_residual_is_made_when_it_is_asked_for(tmp_path):
    merge = open_merge(golden_recipe(tmp_path, 0))
    made = merge.method._residuals(merge.deltas.at("a.weight"), merge.given)  # type: ignore[attr-defined]
    assert isinstance(made.sources[0], Residual)
    assert "part" not in vars(made.sources[0])


def test_a_wide_layer_in_a_low_space_is_what_it_is_in_the_whole_space(tmp_path):
    """(3, 40) with two tasks: all is done in 12 of the 40 directions."""
    shapes = {"x.weight": (3, 40)}
    save_model(tmp_path / "base", draw(0, shapes))
    for i in (1, 2):
        moved = {k: v + draw(i, shapes, 0.1)[k] for k, v in draw(0, shapes).items()}
        save_model(tmp_path / f"task{i}", moved)
    tasks = tuple(TaskEntry(f"task{i}", str(tmp_path / f"task{i}")) for i in (1, 2))
    recipe = Recipe(str(tmp_path / "base"), tasks, "orthomerge", {}, dtype="float64")
    found = merged_tensors(open_merge(recipe))["x.weight"]
    base = draw(0, shapes)["x.weight"].double()
    dense, left = torch.zeros(40, 40).double(), torch.zeros(3, 40).double()
    lengths = []
    for i in (1, 2):
        target = base + draw(i, shapes, 0.1)["x.weight"].double()
        u, _, vh = torch.linalg.svd(base.T @ target)
        x, _, yh = torch.linalg.svd(u[:, 3:].T @ vh[3:].T)
        rotation = u[:, :3] @ vh[:3] + u[:, 3:] @ x @ yh @ vh[3:]
        eye = torch.eye(40).double()
        skew = torch.linalg.solve(rotation + eye, rotation - eye)
        dense, left = dense + skew, left + (target - base @ rotation) / 2
        lengths.append(float(skew.norm()))
    merged = dense / dense.norm() * sum(lengths) / 2
    torch.testing.assert_close(found, base @ cayley(merged) + left, rtol=0, atol=1e-6)


def oft_recipe(folder, *cases: dict, **options) -> Recipe:
    for i, case in enumerate(cases, 1):
        save_oft(folder, case, i)
    tasks = tuple(TaskEntry(f"task{i}", str(folder / f"task{i}")) for i in range(1, len(cases) + 1))
    return Recipe(str(folder / "base"), tasks, "orthomerge", options)


QUERY = "encoder.layer.0.attention.self.query.weight"


@pytest.mark.parametrize("case", ["cayley", "series", "shared", "coft", "embedding"])
def test_one_oft_adapter_is_what_peft_merges(tmp_path, case):
    merged = merged_tensors(open_merge(oft_recipe(tmp_path, OPTIONS[case])))
    expected = load_file(tmp_path / "merged1" / "model.safetensors")
    for name, tensor in merged.items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=1e-6)


def test_merged_oft_adapters_are_one_oft_adapter_of_merged_coordinates(tmp_path):
    """The merged coordinates, written as an adapter, give what PEFT makes of them."""
    recipe = oft_recipe(tmp_path, OPTIONS["cayley"], OPTIONS["cayley"])
    merged = merged_tensors(open_merge(recipe))
    files = [tmp_path / f"task{i}" / "adapter_model.safetensors" for i in (1, 2)]
    one, other = map(load_file, files)
    mean = {}
    for key in one:
        total = one[key] + other[key]
        mean[key] = total / total.norm() * (one[key].norm() + other[key].norm()) / 2
    save_file(mean, files[0])
    alone = merged_tensors(open_merge(replace(recipe, tasks=recipe.tasks[:1])))
    for name, tensor in merged.items():
        torch.testing.assert_close(tensor, alone[name], rtol=0, atol=1e-6)


def test_a_task_without_the_module_counts_as_the_identity(tmp_path):
    only = {**OPTIONS["cayley"], "target_modules": ["value"]}
    recipe = oft_recipe(tmp_path, OPTIONS["cayley"], only)
    merged = merged_tensors(open_merge(recipe))[QUERY]
    half = replace(recipe, tasks=recipe.tasks[:1]).with_coefficients({"task1": 0.5})
    torch.testing.assert_close(merged, merged_tensors(open_merge(half))[QUERY], rtol=0, atol=1e-6)


def test_oft_adapters_of_two_block_sizes_are_refused_naming_both(tmp_path):
    other = {**OPTIONS["cayley"], "oft_block_size": 8}
    merge = open_merge(oft_recipe(tmp_path, OPTIONS["cayley"], other))
    with pytest.raises(
        BadRecipe, match=r"'task1' turns .* blocks of 4 inputs, 'task2' in blocks of 8"
    ):
        merge.prepare()


def test_oft_adapters_stay_oft_adapters_when_their_deltas_are_held_in_memory(tmp_path):
    held = open_merge(oft_recipe(tmp_path, OPTIONS["cayley"], OPTIONS["cayley"]))
    streamed = open_merge(held.recipe)
    assert keep_in_memory(held.deltas, 10**9)
    for name, tensor in merged_tensors(streamed).items():
        assert merged_tensors(held)[name].equal(tensor)
    assert isinstance(held.method, orthomerge.OrthoMerge)
    found, expected = (held.method.rotations(each.given) for each in (held, streamed))
    assert found == expected
    assert found
    assert all(each.residual_shares == (0.0, 0.0) for each in found)


def test_two_block_sizes_are_refused_when_the_deltas_are_held_in_memory_too(tmp_path):
    other = {**OPTIONS["cayley"], "oft_block_size": 8}
    merge = open_merge(oft_recipe(tmp_path, OPTIONS["cayley"], other))
    assert keep_in_memory(merge.deltas, 10**9)
    with pytest.raises(BadRecipe, match=r"blocks of 4 inputs, 'task2' in blocks of 8"):
        merge.prepare()


def test_an_oft_adapter_and_a_full_model_are_both_decoupled(tmp_path):
    recipe = oft_recipe(tmp_path, OPTIONS["cayley"], OPTIONS["cayley"])
    as_full = replace(recipe.tasks[1], checkpoint=str(tmp_path / "merged2"))
    mixed = merged_tensors(open_merge(replace(recipe, tasks=(recipe.tasks[0], as_full))))
    full = [replace(t, checkpoint=str(tmp_path / f"merged{t.name[-1]}")) for t in recipe.tasks]
    expected = merged_tensors(open_merge(replace(recipe, tasks=tuple(full))))
    torch.testing.assert_close(mixed[QUERY], expected[QUERY], rtol=0, atol=1e-6)


def test_oft_adapters_keep_singular_values_whatever_merges_residuals(tmp_path):
    for residuals in ("task_arithmetic", "ties", "tsv_m"):
        recipe = oft_recipe(tmp_path, OPTIONS["cayley"], OPTIONS["cayley"], residuals=residuals)
        merge = open_merge(recipe)
        before, after = merge.base.tensor(QUERY), merged_tensors(merge)[QUERY]
        values = torch.linalg.svdvals(before)
        torch.testing.assert_close(torch.linalg.svdvals(after), values, rtol=0, atol=1e-6)


def test_a_layer_too_wide_for_the_memory_is_refused_and_block_offered(tmp_path, monkeypatch):
    monkeypatch.setattr(orthomerge, "free_memory", lambda: 100_000)
    merge = open_merge(golden_recipe(tmp_path))
    with pytest.raises(BadRecipe) as error:
        merge.prepare()
    assert "bytes to rotate a.weight (48, 32), but only 100,000 are free" in refusal(error)
    assert "Give the option block, such as 8, which rotates so many inputs" in refusal(error)
    open_merge(golden_recipe(tmp_path, block=8)).prepare()


def test_damage_is_a_sentence(tmp_path):
    recipe = golden_recipe(tmp_path)
    file = tmp_path / "task1" / "model.safetensors"
    tensors = load_file(file)
    tensors["c.weight"][0, 0] = torch.inf
    save_file(tensors, file)
    with pytest.raises(NotFinite, match=r"c\.weight holds 1 values that are NaN or infinite"):
        merged_tensors(open_merge(recipe))


def test_a_task_taken_out_has_never_been_there(tmp_path):
    """Exact unmerging: the same bits as the recipe without the task."""
    with_all = golden_recipe(tmp_path, residuals="ties")
    without = replace(with_all, tasks=with_all.tasks[:1] + with_all.tasks[2:])
    fresh = golden_recipe(tmp_path, 0, 2, 3, residuals="ties")
    merged_tensors(open_merge(with_all))
    one, other = merged_tensors(open_merge(without)), merged_tensors(open_merge(fresh))
    assert all(one[name].equal(other[name]) for name in other)
    assert json.dumps(without.plain()) == json.dumps(fresh.plain())
