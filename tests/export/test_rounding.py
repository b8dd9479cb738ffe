"""What the cast to the output dtype loses of the merged change."""

import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from studio.__main__ import main
from studio.errors import Cancelled
from studio.export.model import MergedModel, export
from studio.export.rounding import Rounding, measure_rounding
from studio.merge import open_merge
from studio.recipe import save_recipe
from tests.conftest import save_model
from tests.merged import merged_tensors


def test_a_change_below_half_a_step_of_bfloat16_rounds_back_to_the_base(tmp_path, make_recipe):
    base = torch.tensor([1.0, 1.0, 1.0, 2.0])
    change = torch.tensor([0.001, 0.5, 0.0, 0.004])  # a step is 2^-7 at 1 and 2^-6 at 2
    save_model(tmp_path / "base", {"layer.weight": base.bfloat16()})
    save_model(tmp_path / "red", {"layer.weight": base + change})
    recipe = make_recipe("red", method="task_arithmetic", options={"scale": 1.0})
    found = measure_rounding(open_merge(recipe.with_coefficients({"red": 1.0})))
    lost = math.hypot(0.001, 0.004) / math.hypot(0.001, 0.5, 0.004)
    assert found.lost == pytest.approx(lost, rel=1e-4)
    assert (found.changed, found.back, found.dtypes) == (3, 2, "bfloat16")
    assert found.worst == ("layer.weight", found.lost)
    assert found.words == (
        "bfloat16 loses 0.82 % of the merged change (worst tensor: layer.weight, 0.82 %); "
        "66.7 % of changed weights round back to the base"
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_loss_is_that_of_dense_tensors_in_float64(make_recipe, zoo_folder, tmp_path, dtype):
    merge = open_merge(make_recipe(dtype=dtype, method="task_arithmetic"))
    found = measure_rounding(merge)
    whole = merged_tensors(open_merge(replace(merge.recipe, dtype="float32")))
    base = load_file(zoo_folder / "base" / "model.safetensors")
    target, shares = getattr(torch, dtype), {}
    for name in merge.deltas.names:
        exact, before = whole[name].double(), base[name].double()
        lost = (exact - whole[name].to(target).double()).norm() ** 2
        shares[name] = (float(lost), float((exact - before).norm() ** 2))
    lost, change = (sum(column) for column in zip(*shares.values(), strict=True))
    assert found.lost == pytest.approx(math.sqrt(lost / change), rel=1e-4)
    worst = max(shares, key=lambda name: shares[name][0] / shares[name][1])
    assert found.worst[0] == worst
    assert found.changed == sum(int((whole[n] != base[n]).sum()) for n in whole)


def test_a_tiny_change_is_swallowed_whole(tmp_path, make_recipe):
    base = torch.linspace(1, 2, 100).bfloat16().float()
    save_model(tmp_path / "base", {"layer.weight": base})
    save_model(tmp_path / "red", {"layer.weight": base + 1e-4})
    recipe = replace(make_recipe("red", method="average"), dtype="bfloat16")
    found = measure_rounding(open_merge(recipe))
    assert (found.lost, found.back) == (1.0, 100)
    assert "loses 100.0 % of the merged change" in found.words


@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
def test_the_compute_dtype_and_wider_ones_lose_nothing(make_recipe, dtype):
    found = measure_rounding(open_merge(make_recipe(dtype=dtype)))
    assert found.lost == 0
    assert found.words == f"the cast to {dtype or 'float32'} loses nothing of the merged change"


def test_a_base_without_tasks_has_no_change_to_lose(make_recipe):
    found = measure_rounding(open_merge(make_recipe("red", dtype="float16").without("red")))
    assert found.words == "nothing is merged, so the cast loses nothing"


def test_shares_close_to_nothing_and_to_all_are_not_rounded_to_them():
    words = Rounding("bfloat16", 0.00001, ("a", 0.9999), 3_000, 2_999).words
    assert "loses less than 0.01 % of" in words
    assert "(worst tensor: a, more than 99.9 %)" in words
    assert "more than 99.9 % of changed weights" in words


def test_an_export_records_what_it_lost_and_the_command_line_prints_it(
    make_recipe, tmp_path, capsys
):
    recipe = make_recipe(dtype="bfloat16")
    expected = measure_rounding(open_merge(recipe))
    assert 0.001 < expected.lost < 1
    export(open_merge(recipe), tmp_path / "out")
    record = json.loads((tmp_path / "out" / "merge.json").read_text())
    assert record["rounding"] == expected.plain()
    assert f"Rounding: {expected.words}." in (tmp_path / "out" / "README.md").read_text()
    save_recipe(recipe, tmp_path / "r.yaml")
    assert main(["merge", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "again")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"Rounding: {expected.words}."


@pytest.mark.parametrize("dtype", [None, "float16", "float64"])
def test_the_predicted_size_is_that_of_the_written_tensors(make_recipe, tmp_path, dtype):
    merge = open_merge(make_recipe(dtype=dtype))
    export(merge, tmp_path / "out")
    file = tmp_path / "out" / "model.safetensors"
    header = 8 + int.from_bytes(file.read_bytes()[:8], "little")
    assert file.stat().st_size - header == MergedModel(merge).size


def test_measuring_stops_when_it_is_told_to(make_recipe):
    def stop(share: float, words: str) -> None:
        if share > 0:
            raise Cancelled("enough.")

    with pytest.raises(Cancelled):
        measure_rounding(open_merge(make_recipe(dtype="float16")), stop)
