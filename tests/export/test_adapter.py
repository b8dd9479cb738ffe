"""A merge of adapters as one adapter, loaded by PEFT and compared with the merge itself."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

from studio.__main__ import main
from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import OutputExists, StudioError
from studio.export.adapter import MergedAdapter
from studio.export.folder import Written, write_export
from studio.merge import Merge, open_merge
from studio.recipe import Recipe, TaskEntry, save_recipe
from tests.checkpoints.test_adapter_fit import save_llama
from tests.checkpoints.test_lora_options import OPTIONS, save_trained
from tests.conftest import DEMO, save_model
from tests.merged import merged_tensors


def recipe(folder, cases, coefficients=(0.7, -0.4, 1.3), **fields) -> Recipe:
    for seed, case in enumerate(cases, 1):
        save_trained(folder, case, seed)
    tasks = tuple(
        TaskEntry(f"task{i}", str(folder / f"task{i}"), c)
        for i, c in zip(range(1, len(cases) + 1), coefficients, strict=False)
    )
    return replace(Recipe(str(folder / "base"), tasks, "task_arithmetic"), **fields)


def export_as_lora(merge: Merge, target: Path, rank: int | None = None) -> Written:
    return write_export(MergedAdapter(merge, rank=rank), target)


def recorded(made: Written) -> dict:
    return json.loads(made.texts["merge.json"])["adapter"]


def loaded_by_peft(folder, case) -> dict:
    cls, config, _ = OPTIONS[case]
    torch.manual_seed(0)
    return PeftModel.from_pretrained(cls(config), str(folder)).merge_and_unload().state_dict()


@pytest.mark.parametrize(
    "cases",
    [
        ["plain", "plain"],
        ["plain", "patterns", "all-linear"],
        ["embedding", "plain"],
        ["transposed", "transposed embedding"],
    ],
)
@pytest.mark.parametrize("fields", [{}, {"method": "mdm_oc"}])
def test_peft_makes_of_it_what_the_merge_is(tmp_path, cases, fields):
    merge = open_merge(recipe(tmp_path, cases, **fields))
    made = export_as_lora(merge, tmp_path / "one")
    found = loaded_by_peft(tmp_path / "one", cases[0])
    ours = merged_tensors(merge)
    for name, tensor in ours.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-6)
    assert recorded(made)["error"] == 0.0
    assert made.root == open_checkpoint(tmp_path / "one").weights.root
    again = Recipe(merge.recipe.base, (TaskEntry("one", str(tmp_path / "one"), 1.0),),
                   "task_arithmetic")  # fmt: skip
    for name, tensor in merged_tensors(open_merge(again)).items():
        torch.testing.assert_close(tensor, ours[name], rtol=1e-5, atol=1e-6)


def test_factors_on_a_tied_head_are_written_as_the_embeddings(tmp_path):
    for seed, target in ((1, "lm_head"), (2, "embed_tokens")):
        save_llama(tmp_path / str(seed), tied=True, target_modules=[target])
    tasks = tuple(TaskEntry(f"t{i}", str(tmp_path / str(i) / "task1"), 0.5) for i in (1, 2))
    merge = open_merge(Recipe(str(tmp_path / "1" / "base"), tasks, "task_arithmetic"))
    export_as_lora(merge, tmp_path / "one")
    base = LlamaForCausalLM.from_pretrained(tmp_path / "1" / "base")
    found = PeftModel.from_pretrained(base, str(tmp_path / "one")).merge_and_unload().state_dict()
    for name, tensor in merged_tensors(merge).items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rank", [1, 3, 5])
@pytest.mark.parametrize("cases", [["plain", "plain"], ["transposed", "transposed"]])
def test_compressed_it_is_the_nearest_of_its_rank_and_says_how_near(tmp_path, cases, rank):
    merge = open_merge(recipe(tmp_path, cases))
    export_as_lora(merge, tmp_path / "one", rank)
    base = load_file(tmp_path / "base" / "model.safetensors")
    found, lost, whole, worst = loaded_by_peft(tmp_path / "one", cases[0]), 0.0, 0.0, 0.0
    exact = merged_tensors(open_merge(replace(merge.recipe, dtype="float64")))
    for name in merge.deltas.names:
        tensor = exact[name]
        delta = tensor.double() - base[name].double()
        values = torch.linalg.svdvals(delta)
        assert (
            torch.linalg.matrix_rank(found[name].double() - base[name].double(), rtol=1e-4) <= rank
        )
        missed = float((found[name].double() - tensor.double()).square().sum())
        assert missed == pytest.approx(float(values[rank:].square().sum()), rel=1e-3, abs=1e-9)
        lost, whole = lost + missed, whole + float(delta.square().sum())
        worst = max(worst, (missed / float(delta.square().sum())) ** 0.5)
    record = json.loads((tmp_path / "one" / "merge.json").read_text())["adapter"]
    assert record["rank"] == rank
    assert record["error"] == pytest.approx((lost / whole) ** 0.5, rel=1e-3)
    assert record["worst"][1] == pytest.approx(worst, rel=1e-3)
    assert (
        f"{record['error']:.2%} of the merged change was left out"
        in (tmp_path / "one" / "README.md").read_text()
    )


def test_a_coefficient_of_zero_takes_no_rank(tmp_path):
    merge = open_merge(recipe(tmp_path, ["plain", "plain"], (0.5, 0.0)))
    assert recorded(export_as_lora(merge, tmp_path / "one"))["rank"] == 4


def test_what_is_no_product_of_factors_is_refused_in_words(tmp_path):
    made = recipe(tmp_path, ["plain", "dora", "saved modules"])
    save_model(tmp_path / "full", load_file(tmp_path / "merged1" / "model.safetensors"))
    for tasks, fields, words in [
        (("task1",), {"method": "ties"}, "ties with these options mixes something else"),
        (("task1",), {"method": "mdm_oc", "options": {"basis": "subspace"}}, "mdm_oc with these"),
        (("task1", "task2"), {}, "'task2' changes .* as a whole and not by low-rank factors"),
        (("task1", "task3"), {}, "'task3' changes .*LayerNorm"),
        (("full",), {}, "'full' changes"),
    ]:
        entries = tuple(TaskEntry(name, str(tmp_path / name), 1.0) for name in tasks)
        merge = open_merge(replace(made, tasks=entries, **fields))
        with pytest.raises(StudioError, match=words):
            export_as_lora(merge, tmp_path / "one")
    zero = open_merge(made.without("task2", "task3").silenced("task1"))
    with pytest.raises(StudioError, match="The merged change is zero"):
        export_as_lora(zero, tmp_path / "one")
    for rank, words in [(0, "rank of the adapter is 0")]:
        with pytest.raises(StudioError, match=words):
            export_as_lora(open_merge(made.without("task2", "task3")), tmp_path / "one", rank)
    assert not (tmp_path / "one").exists()


def test_the_command_line_writes_one_adapter_with_heads_and_says_the_error(tmp_path, capsys):
    from studio.zoo import load_zoo

    made = load_zoo(DEMO).recipe("task_arithmetic", 0.3)
    save_recipe(made, tmp_path / "recipe.yaml")
    run = ["merge", str(tmp_path / "recipe.yaml"), "--zoo", str(DEMO)]
    assert main([*run, "--as-lora", "--out", str(tmp_path / "all")]) == 0
    assert "one adapter, rank 96, all factors side by side" in capsys.readouterr().out
    assert main([*run, "--as-lora", "--lora-rank", "16", "--out", str(tmp_path / "few")]) == 0
    assert "of the merged change was left out" in capsys.readouterr().out
    assert (tmp_path / "few" / "heads" / made.names[0] / "head.safetensors").is_file()
    config = json.loads((tmp_path / "all" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"]) == (96, 96)
    assert main([*run, "--lora-rank", "16", "--out", str(tmp_path / "no")]) == 1
    assert "--as-lora" in capsys.readouterr().err
    with pytest.raises(OutputExists):
        export_as_lora(open_merge(made), tmp_path / "all")
