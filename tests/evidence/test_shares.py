"""The same change in other clothes is seen by what it changes, whatever its digest."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.evidence.ledger.fingerprint import (
    UNSALTED,
    alike,
    fingerprint,
    made_of,
    salted,
    sketch,
)
from studio.evidence.shares import MOSTLY, SAME_CHANGE, shares_left
from studio.evidence.unmerge import unmerging
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from tests.conftest import draw, save_model
from tests.evidence.clothes import dressed


def left(unmerged):
    return shares_left(unmerged, open_merge(unmerged.full), open_merge(unmerged.never))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("equal", lambda red, green: red),
        ("scaled", lambda red, green: 1.1 * red),
        ("turned round", lambda red, green: -0.5 * red),
        ("with another task", lambda red, green: red + green),
    ],
)
def test_a_removed_change_that_is_kept_in_another_form_is_seen(
    make_recipe, zoo_folder, name, change
):
    """With green kept beside it, what is red plus green still holds red."""
    full = make_recipe()
    full = replace(full, tasks=(*full.tasks, dressed(zoo_folder, "copy", change)))
    (share,) = left(unmerging(full, ("red",)))
    assert share.left >= SAME_CHANGE
    assert share.names[0] == "copy"
    (share,) = left(unmerging(make_recipe(), ("red",)))
    assert share.left < MOSTLY


def test_a_lora_with_its_factors_times_two_and_a_half_is_the_same_change(
    make_recipe, zoo_folder, tmp_path
):
    again = shutil.copytree(zoo_folder / "blue", tmp_path / "again")
    factors = load_file(again / "adapter_model.safetensors")
    made = {n: x * (2.0 if "lora_A" in n else 0.5) for n, x in factors.items()}
    save_file(made, again / "adapter_model.safetensors", {"format": "pt"})
    blue, other = open_checkpoint(zoo_folder / "blue"), open_checkpoint(again)
    assert blue.digest != other.digest
    new = TaskEntry("blue", str(again))
    (share,) = left(unmerging(make_recipe("red", "blue"), ("blue",), "exact", new))
    assert share.left >= SAME_CHANGE
    deltas = Deltas(open_checkpoint(zoo_folder / "base"), [("blue", blue), ("other", other)])
    for scheme in (UNSALTED, salted(b"1" * 32)):
        first, second = (fingerprint(deltas, name, scheme) for name in ("blue", "other"))
        assert alike(first, second) > 0.99999
        assert made_of(first, {"other": sketch(deltas, "other", scheme)}) == ["other"]


def wide(folder, name, change):
    """A model of four layers large enough that no task spans one by chance."""
    shapes = {f"layer.{i}.weight": (32, 32) for i in range(4)}
    base, moved = draw(1, shapes), change(shapes)
    save_model(folder / name, {k: v + 0.1 * moved.get(k, 0) for k, v in base.items()})
    return TaskEntry(name, str(folder / name))


@pytest.mark.parametrize("scales", [(1, 1, 1, 0), (1, 0, 0, 0), (0.5, 1, 3, -1)])
def test_a_copy_of_some_layers_or_of_layers_scaled_apart_does_not_pass(tmp_path, scales):
    own = lambda shapes: draw(2, shapes)  # noqa: E731
    part = lambda shapes: {  # noqa: E731
        k: s * v for s, (k, v) in zip(scales, draw(2, shapes).items(), strict=True)
    }
    wide(tmp_path, "base", lambda shapes: {})
    tasks = (
        wide(tmp_path, "red", own), wide(tmp_path, "part", part),
        wide(tmp_path, "green", lambda shapes: draw(3, shapes)),
    )  # fmt: skip
    recipe = Recipe(str(tmp_path / "base"), tasks, "task_arithmetic")
    (share,) = left(unmerging(recipe, ("red",)))
    assert share.left < SAME_CHANGE
    assert share.alike == pytest.approx(sum(s != 0 for s in scales) / 4, abs=0.05)
    assert not share.passes
    (share,) = left(unmerging(replace(recipe, tasks=(tasks[0], tasks[2])), ("red",)))
    assert (share.alike, share.passes) == (0.0, True)


def test_the_mean_of_two_removed_tasks_does_not_pass(tmp_path):
    mean = lambda shapes: {  # noqa: E731
        k: (v + draw(3, shapes)[k]) / 2 for k, v in draw(2, shapes).items()
    }
    wide(tmp_path, "base", lambda shapes: {})
    tasks = (
        wide(tmp_path, "red", lambda shapes: draw(2, shapes)),
        wide(tmp_path, "blue", lambda shapes: draw(3, shapes)),
        wide(tmp_path, "mean", mean),
        wide(tmp_path, "green", lambda shapes: draw(4, shapes)),
    )
    recipe = Recipe(str(tmp_path / "base"), tasks, "task_arithmetic")
    one, two, made = left(unmerging(recipe, ("red", "blue")))
    assert one.passes
    assert two.passes
    assert (made.of_kept, made.names, made.task) == (True, ("mean",), "red and blue")
    assert made.left >= SAME_CHANGE
    assert len(left(unmerging(recipe, ("red",)))) == 1


@pytest.mark.parametrize("small", [1e-3, 8e-6])
def test_a_removed_change_that_coefficients_bring_out_of_two_kept_ones_is_seen(
    make_recipe, zoo_folder, small
):
    """The second is too small a difference for inner products, and the merge makes it large."""
    full = make_recipe("red", "green", method="task_arithmetic")
    with_it = dressed(zoo_folder, "one", lambda red, green: green.abs() + small * red)
    without = dressed(zoo_folder, "two", lambda red, green: green.abs())
    pair = (
        replace(with_it, coefficient=0.5 / small, set_by="person"),
        replace(without, coefficient=-0.5 / small, set_by="person"),
    )
    (share,) = left(unmerging(replace(full, tasks=(*full.tasks, *pair)), ("red",)))
    assert share.left > 0.99
    assert not share.passes
    harmless = tuple(replace(task, coefficient=0.5) for task in pair)
    (share,) = left(unmerging(replace(full, tasks=(*full.tasks, *harmless)), ("red",)))
    assert share.in_result is False


def test_a_change_too_small_for_its_own_length_is_seen_in_the_result(make_recipe, zoo_folder):
    """Its squared length underflows, and a coefficient of 1e170 makes it whole again."""
    full = make_recipe("red", "green", method="task_arithmetic")
    base = load_file(zoo_folder / "base" / "model.safetensors")
    red = load_file(zoo_folder / "red" / "model.safetensors")
    factors = {}
    for name, tensor in base.items():
        if tensor.ndim == 2 and name.endswith("dense.weight"):
            change = (red[f"bert.{name}"] - tensor).double()
            u, s, v = torch.linalg.svd(change, full_matrices=False)
            path = f"base_model.model.{name.removesuffix('.weight')}"
            factors[f"{path}.lora_A.weight"] = (v * 1e-85).contiguous()
            factors[f"{path}.lora_B.weight"] = (u * s * 1e-85).contiguous()
    rank = next(iter(factors.values())).shape[0]
    folder = shutil.copytree(zoo_folder / "blue", zoo_folder / "tiny")
    config = json.loads((folder / "adapter_config.json").read_text())
    targets = sorted({n.split(".")[-3] for n in factors})
    config |= {"r": rank, "lora_alpha": rank, "target_modules": targets}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file(factors, folder / "adapter_model.safetensors", {"format": "pt"})
    tiny = TaskEntry("tiny", str(folder), 1e170, set_by="person")
    (share,) = left(unmerging(replace(full, tasks=(*full.tasks, tiny)), ("red",)))
    assert share.left > 0.5
    assert share.alike == 0.0
