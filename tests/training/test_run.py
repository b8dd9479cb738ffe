"""A zoo of trained experts: whole or not at all, resumable, and every refusal in a sentence."""

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadData, BadState, BadZoo, Cancelled, OutputExists, StudioError
from studio.measure.bench import Bench
from studio.training.run import checked_rows, run_folder, train_zoo
from studio.training.tasks import new_task
from studio.zoo import load_zoo
from tests.own_models import ANIMALS, save_csv, sentences
from tests.scored import score_experts, score_head_only
from tests.training.rooms import SHORT, plan, room

CPU = torch.device("cpu")
slow = pytest.mark.slow  # trains


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return room(tmp_path_factory.mktemp("room"))


@pytest.fixture(scope="module")
def made(place):
    return train_zoo(plan(place, names=("animals", "colors")), place / "made", "cpu")


def weights(zoo: Path, name: str = "animals") -> dict:
    folder = zoo / "experts" / name
    return {
        f"{file.name}: {key}": each
        for file in sorted(folder.glob("*.safetensors")) for key, each in load_file(file).items()
    }  # fmt: skip


@slow
def test_the_zoo_opens_and_its_experts_score_what_was_compared(made):
    zoo = load_zoo(made.saved.file)
    bench = Bench(zoo, CPU)
    experts, alone = score_experts(bench), score_head_only(bench)
    for name, each in made.compared.items():
        assert each.expert == experts[name]
        assert each.other == alone[name]
        assert each.change.mean == pytest.approx(experts[name].value - alone[name].value)
    assert {task.name for task in zoo.tasks} == {"animals", "colors"}
    assert all(Path(task.checkpoint).is_relative_to(zoo.folder) for task in zoo.tasks)


@slow
def test_everything_is_in_the_zoos_own_folder_and_nothing_is_a_pickle(made):
    folder = made.saved.file.parent
    assert not run_folder(folder).exists()
    own = {file.name for file in (folder / "experts" / "animals").iterdir()}
    assert own == {
        "adapter_config.json", "adapter_model.safetensors", "head.safetensors",
        "head_only.safetensors", "labels.json", "train_results.json",
    }  # fmt: skip
    entry = yaml.safe_load(made.saved.file.read_text())["tasks"][0]
    assert (entry["checkpoint"], entry["pooling"]) == ("experts/animals", "mean")
    config = json.loads((folder / "experts" / "animals" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "../../../base"
    assert config["target_modules"] == sorted(config["target_modules"])
    record = json.loads((folder / "made.json").read_text())["tasks"]["animals"]
    assert record["rows"] == {"held_out": 12, "validation": 6, "train": 42}
    assert record["trained"]["expert"]["n"] == 12


@slow
def test_a_zoo_of_whole_models_holds_the_bases_own_names(place, tmp_path):
    course = replace(SHORT, whole=True, epochs=1, steps=2)
    found = train_zoo(plan(place, course), tmp_path / "zoo", "cpu")
    expert = open_checkpoint(tmp_path / "zoo" / "experts" / "animals")
    base = open_checkpoint(place / "base")
    assert expert.shapes == base.shapes
    assert expert.adapter is None
    moved = [name for name in base.names if not torch.equal(expert.tensor(name), base.tensor(name))]
    assert any("attention" in name for name in moved)
    assert found.trained["animals"].steps == 2


@slow
def test_cancelled_and_started_again_it_is_what_it_would_have_been(place, tmp_path):
    whole = train_zoo(plan(place), tmp_path / "whole", "cpu")
    stops = iter([4, 9])  # within the first epoch, and within the second
    for _ in range(2):
        wish = next(stops)

        def stop(share: float, words: str, wish: int = wish) -> None:
            if f"step {wish} of" in words:
                raise Cancelled("enough")

        with pytest.raises(Cancelled, match=f"step {wish} of 12 of 'animals' was kept"):
            train_zoo(plan(place), tmp_path / "again", "cpu", stop)
        assert not (tmp_path / "again").exists()
    found = train_zoo(plan(place), tmp_path / "again", "cpu")
    ours, theirs = weights(tmp_path / "again"), weights(tmp_path / "whole")
    assert {*ours} == {*theirs}
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert found.trained["animals"].checks == whole.trained["animals"].checks


@contextmanager
def broken_after(step: int) -> Iterator[Callable[[float, str], None]]:
    """Losses are no numbers from the step behind that one on."""

    def broken(accelerator: object, loss: torch.Tensor, **_: object) -> None:
        loss.data.fill_(float("nan"))

    def tell(share: float, words: str) -> None:
        if f"step {step} of" in words:
            patch.setattr("accelerate.Accelerator.backward", broken)

    with pytest.MonkeyPatch.context() as patch:
        yield tell


@slow
def test_a_training_that_diverges_keeps_its_best_and_says_so(place, tmp_path):
    with broken_after(7) as tell:  # the first check is at step 6
        found = train_zoo(plan(place), tmp_path / "zoo", "cpu", tell)
    trained = found.trained["animals"]
    assert (trained.ended, trained.best.step) == ("diverged", 6)
    assert trained.words == (
        "'animals' diverged: the loss was nan at step 8. Its best state before that is kept; a "
        f"lower learning rate may help. Kept is step 6: validation loss {trained.best.loss:.3f}, "
        f"accuracy {trained.best.accuracy:.3f}."
    )
    assert all(bool(each.isfinite().all()) for each in weights(tmp_path / "zoo").values())


@slow
def test_one_that_diverges_at_once_is_refused_and_no_zoo_is_written(place, tmp_path):
    told = "'animals': the training diverged before anything could be kept: the loss was nan at st"
    with broken_after(2) as tell, pytest.raises(BadData, match=told) as refused:
        train_zoo(plan(place), tmp_path / "zoo", "cpu", tell)
    assert "Choose a lower learning rate (it was 0.005)" in str(refused.value)
    assert not (tmp_path / "zoo").exists()


@slow
def test_a_disk_that_is_full_in_the_middle_loses_nothing_that_was_kept(
    place, tmp_path, monkeypatch
):
    from studio.training import trainer

    written, write = [], trainer.write_optimizer

    def full(folder: Path, *rest: object) -> None:
        written.append(folder)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(folder, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "write_optimizer", full)
    told = "Step 12 could not be kept in .*: No space left on device. Make room there, then start"
    with pytest.raises(StudioError, match=told) as refused:
        train_zoo(plan(place), tmp_path / "zoo", "cpu")
    assert "it goes on from step 6." in str(refused.value)
    assert not (tmp_path / "zoo").exists()
    found = train_zoo(plan(place), tmp_path / "zoo", "cpu")
    assert [each.step for each in found.trained["animals"].checks] == [0, 6, 12]


@slow
def test_another_plan_does_not_go_on_in_the_folder_of_a_training(place, tmp_path):
    def stop(share: float, words: str) -> None:
        if "step 2 of" in words:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        train_zoo(plan(place), tmp_path / "zoo", "cpu", stop)
    told = r"zoo\.training holds a training that was begun with another rate \(0\.005, and not 0\.1"
    with pytest.raises(BadState, match=told):
        train_zoo(plan(place, replace(SHORT, rate=0.1)), tmp_path / "zoo", "cpu")
    save_csv(place / "colors.csv.new", sentences(ANIMALS, 60, 5))
    changed = shutil.copytree(place, tmp_path / "changed")
    save_csv(changed / "animals.csv", sentences(ANIMALS, 66, 7))
    with pytest.raises(BadState, match="begun with another tasks"):
        train_zoo(plan(changed), tmp_path / "zoo", "cpu")


def test_all_rows_are_looked_at_before_anything_is_trained(place, tmp_path):
    rows = [row for row in sentences(ANIMALS, 60) if row["label"] != "cat"]
    rows += [{"text": "cat cat cat", "label": "cat"}]  # one row, which is held out
    save_csv(tmp_path / "animals.csv", rows)
    save_csv(tmp_path / "colors.csv", [{"a": at % 3} for at in range(20)])
    shutil.copytree(place / "base", tmp_path / "base")
    with pytest.raises(StudioError) as refused:
        train_zoo(plan(tmp_path, names=("animals", "colors")), tmp_path / "zoo", "cpu")
    told = str(refused.value)
    assert "'animals': an expert is trained, but no training row has the label 'cat'. Add" in told
    assert "'colors': " in told
    assert "no column was found for 'text' among 'a'" in told
    assert sorted(each.name for each in tmp_path.iterdir()) == ["animals.csv", "base", "colors.csv"]


def test_a_column_that_is_not_there_is_refused_with_those_that_are(place):
    task = new_task(
        "animals", "text-classification", {"all": place / "animals.csv"},
        {"text": "body", "label": "label"},
    )  # fmt: skip
    with pytest.raises(StudioError, match=r"has no column 'body' for 'text'; it has 'text', 'lab"):
        checked_rows(replace(plan(place), tasks=(task,)))


def test_unlabelled_rows_are_refused(place):
    task = new_task(
        "animals", "text-classification", {"all": place / "animals.csv"},
        {"text": "text", "label": ""},
    )  # fmt: skip
    with pytest.raises(StudioError, match="so there is nothing to learn"):
        checked_rows(replace(plan(place), tasks=(task,)))


def test_a_place_that_is_taken_and_a_training_without_tasks_are_refused(place, tmp_path):
    (tmp_path / "zoo").mkdir()
    with pytest.raises(OutputExists):
        train_zoo(plan(place), tmp_path / "zoo", "cpu")
    with pytest.raises(BadZoo, match="A zoo needs at least one task. Name its rows."):
        train_zoo(plan(place, names=()), tmp_path / "other", "cpu")


def test_without_peft_or_accelerate_it_says_what_to_install(place, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StudioError, match="Training needs accelerate and peft: pip install acc"):
        train_zoo(plan(place), tmp_path / "zoo", "cpu")
