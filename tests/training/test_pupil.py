"""A pupil gives the loss that its task is measured by, and is written as PEFT has it."""

import json

import pytest
import torch
from peft import PeftModel
from torch.nn import functional as F
from transformers import AutoTokenizer, BertModel

from studio.checkpoints.checkpoint import open_base
from studio.errors import BadCheckpoint
from studio.measure.evaluate import examples
from studio.tasks.heads import LinearHead
from studio.tasks.kinds import KINDS
from studio.tasks.live_model import LiveModel
from studio.tasks.spec import TaskSpec
from studio.tasks.task import Task
from studio.training.course import Course
from studio.training.pupil import Pupil
from tests.bertzoo import nudge
from tests.own_models import ANIMALS, save_base, sentences

KIND = KINDS["text-classification"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pupil")
    save_base(folder / "base")
    for split, count in (("train", 12), ("validation", 9)):
        rows = [json.dumps(row) for row in sentences(ANIMALS, count, count)]
        (folder / f"{split}.jsonl").write_text("\n".join(rows))
    return folder


def pupil(place, course: Course) -> Pupil:
    base = open_base(str(place / "base"))
    entry = {"labels": list(ANIMALS), "pooling": "mean", "max_length": 16}
    data = {split: place / f"{split}.jsonl" for split in ("train", "validation")}
    settings = KIND.settings(entry, place, "animals")
    spec = TaskSpec("animals", str(base.folder), KIND.name, settings, data)
    live = LiveModel(base, torch.device("cpu"), [KIND], torch.float32)
    torch.manual_seed(3)
    head = LinearHead(torch.randn(3, 16), torch.randn(3))
    task = Task(spec, ANIMALS, head, None)
    parts = [examples(live, task, split) for split in data]
    return Pupil(live, *parts, head, course, "../base")


def plain_loss(model, head: LinearHead, place) -> float:
    """The mean cross-entropy of the training rows, by transformers alone."""
    reader = AutoTokenizer.from_pretrained(place / "base")
    rows = [json.loads(line) for line in (place / "train.jsonl").read_text().splitlines()]
    read = reader([row["text"] for row in rows], padding=True, return_tensors="pt")
    states = model(**read).last_hidden_state
    mask = read["attention_mask"].unsqueeze(-1)
    pooled = (states * mask).sum(1) / mask.sum(1)
    right = torch.tensor([ANIMALS.index(row["label"]) for row in rows])
    return float(F.cross_entropy(head(pooled), right))


def test_a_written_adapter_and_head_are_the_pupil_by_peft_and_transformers(place, tmp_path):
    made = pupil(place, Course(rank=2)).eval()
    nudge(made.model)
    made.write(tmp_path)
    told = sorted(file.name for file in tmp_path.iterdir())
    assert told == ["adapter_config.json", "adapter_model.safetensors", "head.safetensors"]
    theirs = PeftModel.from_pretrained(BertModel.from_pretrained(place / "base"), str(tmp_path))
    assert isinstance(made.head, LinearHead)
    with torch.no_grad():
        ours = float(made(torch.arange(12)))
        assert ours == pytest.approx(plain_loss(theirs.eval(), made.head, place), abs=1e-5)


def test_a_written_model_is_the_pupil_by_transformers(place, tmp_path):
    made = pupil(place, Course(whole=True)).eval()
    nudge(made.model)
    made.write(tmp_path)
    theirs = BertModel.from_pretrained(tmp_path).eval()
    assert isinstance(made.head, LinearHead)
    with torch.no_grad():
        ours = float(made(torch.arange(12)))
        assert ours == pytest.approx(plain_loss(theirs, made.head, place), abs=1e-5)


def test_only_the_adapter_and_the_head_are_trained_or_all_that_the_base_holds(place):
    small, whole = pupil(place, Course(rank=2)), pupil(place, Course(whole=True))
    assert all("lora_" in name or name in ("weight", "bias") for name in small.trained())
    assert {"weight", "bias"} < {*small.trained()}
    names = {name.removeprefix("model.") for name in whole.trained()} - {"weight", "bias"}
    assert names == {*open_base(str(place / "base")).names}


def test_a_check_is_the_mean_over_all_validation_rows(place):
    made = pupil(place, Course(rank=2)).eval()
    *_, (share, loss, accuracy) = made.checked()
    assert share == 1.0
    made.rows["train"] = made.rows["validation"]
    with torch.no_grad():
        assert loss == pytest.approx(float(made(torch.arange(9))), abs=1e-6)
    assert accuracy is not None
    assert accuracy * 9 == pytest.approx(round(accuracy * 9))


def test_what_was_kept_comes_back_and_that_of_another_training_is_refused(place):
    one, other = pupil(place, Course(rank=2)), pupil(place, Course(rank=2))
    nudge(one.model)
    other.put({name: each.clone() for name, each in one.trained().items()})
    assert all(torch.equal(each, other.trained()[name]) for name, each in one.trained().items())
    with pytest.raises(BadCheckpoint, match="What was kept of the training is of another model"):
        pupil(place, Course(rank=4)).put(one.trained())
