"""A zoo is written whole or not at all, and opens as what was planned."""

import errno
import json
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from transformers import ViTConfig, ViTImageProcessor, ViTModel

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadZoo, Cancelled, OutputExists, Remedy, StudioError
from studio.measure.bench import Bench
from studio.new_zoo.finding import find
from studio.new_zoo.grouping import propose
from studio.new_zoo.plan import Plan, planned
from studio.new_zoo.saving import Saved, save_zoo
from studio.preflight import preflight
from studio.zoo import load_zoo
from tests.own_models import ANIMALS, save_csv, save_lora, sentences
from tests.scored import score_experts

CPU = torch.device("cpu")
pytestmark = pytest.mark.slow  # heads are fitted


def plan(folder: Path, **fields) -> Plan:
    found = find([folder])
    proposal = propose(found)[0]
    assert proposal.base is not None
    fitting = [member for member in proposal.members if member.problem is None]
    tasks = planned(proposal.base, fitting, found, fields.pop("data", {}))
    return Plan("Mine", proposal.base, proposal.source, tasks, **fields)


@pytest.fixture(scope="module")
def saved(runs, tmp_path_factory) -> Saved:
    return save_zoo(plan(runs), tmp_path_factory.mktemp("saved") / "zoo", CPU)


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_the_file_has_relative_paths_and_a_comment_and_opens(saved, runs):
    text = saved.file.read_text()
    assert text.startswith("# Written by the studio's")
    found = yaml.safe_load(text)
    assert found["base"] == os.path.relpath(runs / "base", saved.file.parent)
    animals, colors = found["tasks"]
    assert not any(Path(each).is_absolute() for each in (animals["head"], colors["checkpoint"]))
    assert animals["data"] == {
        split: f"rows/animals-lora/{split}.jsonl" for split in ("held_out", "validation", "train")
    }
    assert (animals["pooling"], "head" in colors, "pooling" in colors) == ("mean", False, False)
    zoo = load_zoo(saved.file)
    assert (zoo.name, [task.name for task in zoo.tasks]) == ("Mine", ["animals-lora", "colors"])
    assert preflight(zoo).misfits == []
    assert saved.found.zoo == zoo


def test_it_is_scored_with_the_heads_that_were_fitted(saved):
    scores = score_experts(Bench(load_zoo(saved.file), CPU))
    assert scores["animals-lora"].n == 60
    assert scores["animals-lora"].value > 0.45  # one of three labels by chance: 0.33


def test_where_rows_and_heads_come_from_is_written_down(saved, runs):
    record = json.loads((saved.file.parent / "made.json").read_text())
    animals = record["tasks"]["animals-lora"]
    assert animals["rows"] == {"held_out": 60, "validation": 24, "train": 36}
    assert animals["files"]["all"]["path"] == os.path.relpath(
        runs / "animals.csv", saved.file.parent
    )
    assert {key: fit["rows"] for key, fit in animals["heads"].items()} == {
        "head": 36, "head_only": 36,
    }  # fmt: skip
    assert record["tasks"]["colors"]["heads"] == {}
    assert any("a head was fitted on the expert with 36 training rows" in x for x in saved.notes)
    lines = (saved.file.parent / "rows/animals-lora/train.jsonl").read_text().splitlines()
    assert len(lines) == 36


def test_without_rows_there_is_geometry_and_no_head(runs, tmp_path):
    made = plan(runs)
    bare = replace(made, tasks=tuple(replace(task, files={}) for task in made.tasks))
    zoo = load_zoo(save_zoo(bare, tmp_path / "zoo", CPU).file)
    assert [task.data for task in zoo.tasks] == [{}, {}]
    assert left(tmp_path / "zoo") == ["made.json", "zoo.yaml"]


def test_text_of_every_script_and_every_line_end_comes_back(runs, tmp_path):
    rows = sentences(ANIMALS, 60)
    for row, mark in zip(
        rows, ("\u2028", "\x85", "\x0b", "é", "😀", '"', "\\", "\n"), strict=False
    ):
        row["text"] += f" {mark} red"
    made = plan(runs, data={"animals-lora": {"all": save_csv(tmp_path / "rows.csv", rows)}})
    zoo = load_zoo(save_zoo(replace(made, tasks=made.tasks[:1]), tmp_path / "zoo", CPU).file)
    found = [
        json.loads(line)["text"] for file in zoo.tasks[0].data.values()
        for line in file.read_text(encoding="utf-8").split("\n") if line
    ]  # fmt: skip
    assert sorted(found) == sorted(row["text"] for row in rows)
    assert preflight(zoo).misfits == []


def test_pictures_get_a_head_and_lie_in_a_table(tmp_path):
    torch.manual_seed(0)
    config = ViTConfig(hidden_size=16, intermediate_size=24, num_hidden_layers=1,
                       num_attention_heads=2, image_size=8, patch_size=4)  # fmt: skip
    base = tmp_path / "runs" / "base"
    ViTModel(config).save_pretrained(base)
    ViTImageProcessor(size={"height": 8, "width": 8}).save_pretrained(base)
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(r=2, target_modules=["query", "value", "q_proj", "v_proj"],
                      init_lora_weights=False)  # fmt: skip
    get_peft_model(ViTModel.from_pretrained(base), lora).save_pretrained(
        str(tmp_path / "runs" / "shades")
    )
    for at in range(40):
        file = tmp_path / "runs" / "shades-images" / ("dark", "light")[at % 2] / f"{at}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (at + 200 * (at % 2),) * 3).save(file)
    saved = save_zoo(plan(tmp_path / "runs"), tmp_path / "zoo", CPU)
    (task,) = load_zoo(saved.file).tasks
    assert (task.type, task.data["held_out"].suffix) == ("image-classification", ".parquet")
    assert score_experts(Bench(load_zoo(saved.file), CPU))["shades"].value == 1.0


@pytest.mark.parametrize(("mode", "pooling"), [("cls_token", "cls"), ("lasttoken", "last")])
def test_a_sentence_transformers_pooling_is_taken(runs, tmp_path, mode, pooling):
    folder = tmp_path / "runs"
    shutil.copytree(runs / "base", folder / "base")
    modules = [{"idx": 1, "name": "1", "path": "1_Pooling",
                "type": "sentence_transformers.models.Pooling"}]  # fmt: skip
    (folder / "base" / "modules.json").write_text(json.dumps(modules))
    (folder / "base" / "1_Pooling").mkdir()
    settings = json.dumps({f"pooling_mode_{mode}": True, "pooling_mode_mean_tokens": False})
    (folder / "base" / "1_Pooling" / "config.json").write_text(settings)
    save_lora(folder / "animals", runs / "base", "../base")
    save_csv(folder / "animals.csv", sentences(ANIMALS, 60))
    saved = save_zoo(plan(folder), tmp_path / "zoo", CPU)
    assert yaml.safe_load(saved.file.read_text())["tasks"][0]["pooling"] == pooling


def test_a_pooling_that_is_not_known_is_refused_and_nothing_is_written(runs, tmp_path):
    folder = tmp_path / "runs"
    shutil.copytree(runs, folder)
    modules = [{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
    (folder / "base" / "modules.json").write_text(json.dumps(modules))
    (folder / "base" / "1_Pooling").mkdir()
    config = folder / "base" / "1_Pooling" / "config.json"
    config.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    (folder / "animals-lora" / "adapter_config.json").write_text(
        (folder / "animals-lora" / "adapter_config.json")
        .read_text()
        .replace(str(runs), str(folder))
    )
    with pytest.raises(StudioError, match="the pooling 'max'"):
        save_zoo(plan(folder), tmp_path / "zoo", CPU)
    assert left(tmp_path) == ["runs"]


@pytest.mark.parametrize("place", ["Path.write_text", "Path.write_bytes"])
def test_a_full_disk_leaves_what_was_there(runs, tmp_path, monkeypatch, place):
    really = getattr(Path, place.partition(".")[2])

    def full(self, *given, **options):
        if ".zoo." in str(self):
            really(self, *given, **options)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))
        return really(self, *given, **options)

    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.setattr(f"pathlib.{place}", full)
    with pytest.raises(StudioError, match=r"could not be written: No space left.*nothing was kept"):
        save_zoo(plan(runs), tmp_path / "deep" / "zoo", CPU)
    assert left(tmp_path) == ["notes.txt"]


def test_what_is_there_stays(runs, tmp_path):
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "mine.txt").write_text("mine")
    for name in ("zoo", "zoo/mine.txt"):
        with pytest.raises(OutputExists, match="exists already"):
            save_zoo(plan(runs), tmp_path / name, CPU)
    assert left(tmp_path / "zoo") == ["mine.txt"]
    with pytest.raises(BadZoo, match="A zoo needs at least one task"):
        save_zoo(replace(plan(runs), tasks=()), tmp_path / "other", CPU)


@pytest.mark.parametrize("at", [1, 4, -1])
def test_a_save_that_is_stopped_leaves_nothing(runs, tmp_path, at):
    words: list[str] = []

    def report(share: float, told: str) -> None:
        words.append(told)
        if len(words) == at or (at < 0 and told.startswith("looking at")):
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        save_zoo(plan(runs), tmp_path / "zoo", CPU, report)
    assert left(tmp_path) == []


def test_of_two_saves_into_one_folder_one_wins_whole(runs, tmp_path):
    ends: list[object] = []
    start = threading.Barrier(2)

    def save(name: str) -> None:
        made = plan(runs)
        bare = tuple(replace(task, files={}) for task in made.tasks)
        start.wait()
        try:
            ends.append(save_zoo(replace(made, name=name, tasks=bare), tmp_path / "zoo", CPU))
        except StudioError as problem:
            ends.append(problem)

    threads = [threading.Thread(target=save, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(end).__name__ for end in ends) == ["OutputExists", "Saved"]
    assert left(tmp_path) == ["zoo"]
    assert load_zoo(tmp_path / "zoo").name in ("one", "two")


def test_a_problem_of_the_new_zoo_names_its_place_and_leaves_nothing(runs, tmp_path):
    made = plan(runs)
    wrong = replace(made.tasks[1], labels=("blue", "green"), files={})
    with pytest.raises(StudioError) as refusal:
        save_zoo(replace(made, tasks=(wrong, wrong)), tmp_path / "zoo", CPU)
    assert str(tmp_path / "zoo") in str(refusal.value)
    assert ".part" not in str(refusal.value)
    assert left(tmp_path) == []


def test_what_may_not_be_read_is_not_opened(runs, tmp_path):
    def allow(source: str, name: str) -> None:
        raise StudioError(f"{name} is not allowed.")

    with pytest.raises(StudioError, match="base is not allowed"):
        save_zoo(plan(runs), tmp_path / "zoo", CPU, allow=allow)
    assert left(tmp_path) == []


def test_tasks_that_do_not_fit_can_be_left_out(runs, tmp_path):
    def allow(source: str, name: str) -> None:
        if name in refused:
            raise StudioError(f"'{name}' is not allowed.")

    made = plan(runs)
    bare = replace(made, tasks=tuple(replace(task, files={}) for task in made.tasks))
    for refused in (("colors",), ("animals-lora", "colors")):
        with pytest.raises(StudioError) as refusal:
            save_zoo(bare, tmp_path / "zoo", CPU, allow=allow)
        helping = [(each.remedy, each.about) for each in refusal.value.each()]
        assert helping == [(Remedy.LEAVE_TASK_OUT, name) for name in refused]


def test_a_zoo_in_a_linked_folder_finds_its_models(runs, tmp_path):
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b" / "c", target_is_directory=True)
    made = plan(runs)
    bare = replace(made, tasks=tuple(replace(task, files={}) for task in made.tasks))
    saved = save_zoo(bare, tmp_path / "link" / "zoo", CPU)
    assert saved.file == tmp_path / "a" / "b" / "c" / "zoo" / "zoo.yaml"
    assert open_checkpoint(load_zoo(saved.file).base).names


def test_a_zoo_that_could_not_be_opened_is_not_written(runs, tmp_path):
    folder = tmp_path / "runs"
    for copy in ("colors", "copy"):
        shutil.copytree(runs / "colors", folder / copy)
    shutil.copytree(runs / "base", folder / "base")
    shutil.copytree(runs / "base", folder / "untrained")
    made = plan(folder)
    with pytest.raises(
        BadZoo, match=r"'colors' and 'copy' are the same .* Leave it out of the new"
    ):
        save_zoo(replace(made, tasks=made.tasks[:2]), tmp_path / "zoo", CPU)
    with pytest.raises(BadZoo, match="'untrained' is equal to the base in every shared tensor"):
        save_zoo(replace(made, tasks=made.tasks[2:]), tmp_path / "zoo", CPU)
    assert left(tmp_path) == ["runs"]
