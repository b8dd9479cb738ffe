"""An adapter of the merge and one of each task, as a server of many adapters reads them."""

import json
import shlex

import pytest
import torch
from peft import PeftModel
from transformers import LlamaForCausalLM

from studio.checkpoints.checkpoint import open_checkpoint
from studio.export.folder import write_export
from studio.export.served import FOLDER, ServedAdapters
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from tests.export.test_worn import merge as merge
from tests.merged import merged_tensors


@pytest.fixture(scope="module")
def served(merge, tmp_path_factory):
    target = tmp_path_factory.mktemp("served") / "all"
    return target, write_export(ServedAdapters(merge), target)


def test_each_folder_is_an_adapter_that_makes_its_own_model(merge, served):
    folder, _ = served
    for place, recipe in [
        (folder, merge.recipe),
        *(
            (folder / FOLDER / task.name, Recipe(merge.recipe.base, (TaskEntry(
                task.name, task.checkpoint, 1.0),), "task_arithmetic"))
            for task in merge.recipe.tasks
        ),
    ]:  # fmt: skip
        base = LlamaForCausalLM.from_pretrained(merge.recipe.base)
        found = PeftModel.from_pretrained(base, str(place)).merge_and_unload().state_dict()
        for name, tensor in merged_tensors(open_merge(recipe)).items():
            torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-6)


def test_every_adapter_is_compared_with_peft_and_stands_in_the_record(served):
    folder, made = served
    assert [words.partition(":")[0] for words in made.checked[-2:]] == [
        "'red' alone", "'blue' alone",
    ]  # fmt: skip
    record = json.loads((folder / "merge.json").read_text())
    for name, rank in (("red", 4), ("blue", 2)):
        assert record[FOLDER][name]["rank"] == rank
        root = open_checkpoint(folder / FOLDER / name).weights.root
        assert record[FOLDER][name]["weights_root"] == root


def test_the_card_says_how_to_serve_them_and_with_what_weight_each_enters(merge, served):
    text = (served[0] / "README.md").read_text()
    (line,) = [each for each in text.splitlines() if each.startswith("vllm serve ")]
    words = shlex.split(line)
    assert merge.recipe.base not in text
    assert f"base's path or hub id in place of `{words[2]}`" in text
    assert shlex.split(served[1].serve) == [*words[:2], merge.recipe.base, *words[3:]]
    assert words[3:] == [
        "--enable-lora", "--max-lora-rank", "8", "--max-loras", "3",
        "--lora-modules", "merged=.", "red=tasks/red", "blue=tasks/blue",
    ]  # fmt: skip
    assert '"adapter_source": "local", "adapter_id": "…/tasks/red"' in text
    assert "- `tasks/red` enters the merge times 0.7\n" in text
    assert "- `tasks/blue` enters the merge times -0.4\n" in text


def test_the_plan_of_its_bytes_covers_what_is_written(merge, served):
    written = sum(file.stat().st_size for file in served[0].rglob("*.safetensors"))
    assert ServedAdapters(merge).size <= written <= ServedAdapters(merge).size + 20_000
