"""Heads fitted on the spot: a logistic regression on states as they are, chosen on validation."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadData, Cancelled
from studio.new_zoo.fitting import Fit, _regression, fitted
from studio.tasks.kinds import KINDS
from studio.tasks.spec import TaskSpec
from tests.own_models import ANIMALS, save_lora, sentences

KIND = KINDS["text-classification"]


def spec(runs: Path, folder: Path, checkpoint: str = "animals-lora", labels=ANIMALS) -> TaskSpec:
    rows = sentences(ANIMALS, 90)
    data = {}
    for split, found in (("train", rows[:60]), ("validation", rows[60:])):
        data[split] = folder / f"{split}.jsonl"
        data[split].write_text("\n".join(map(json.dumps, found)))
    settings = KIND.settings({"labels": list(labels)}, folder, "animals")
    return TaskSpec("animals", str(runs / checkpoint), KIND.name, settings, data)


def fit(runs: Path, made: TaskSpec, expert: bool, **options) -> Fit:
    base = open_checkpoint(runs / "base")
    return fitted(base, made, KIND, ANIMALS, expert, torch.device("cpu"), **options)


@pytest.mark.parametrize("count", [2, 3])
def test_a_head_says_what_the_regression_on_standardized_states_says(count):
    draw = torch.Generator().manual_seed(count)
    states = 3 + 5 * torch.randn(60, 4, generator=draw)
    answers = np.arange(60) % count
    mean, spread = states.mean(0), states.std(0)
    own = LogisticRegression(C=0.5, max_iter=2000).fit(((states - mean) / spread).numpy(), answers)
    shares = torch.softmax(_regression(states, answers, 0.5, count)(states), 1)
    expected = own.predict_proba(((states - mean) / spread).numpy())
    np.testing.assert_allclose(shares.numpy(), expected, atol=1e-4)


def test_a_state_that_never_changes_does_not_decide():
    states = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    states[:, 1] = 7.0
    head = _regression(states, np.arange(20) % 2, 1.0, 2)
    assert head(states).isfinite().all()
    assert float((head(states).argmax(1).numpy() == np.arange(20) % 2).mean()) > 0.4


@pytest.mark.slow
def test_heads_are_fitted_on_the_expert_and_on_the_base(runs, tmp_path):
    made = spec(runs, tmp_path)
    expert, base = fit(runs, made, True), fit(runs, made, False)
    assert expert.rows == base.rows == 60
    assert expert.head.weight.shape == (3, 16)
    assert not torch.equal(expert.head.weight, base.head.weight)
    for each in (expert, base):  # one of three labels by chance: 0.33 ± 0.17
        assert each.accuracy > 0.5
    again = fit(runs, made, True)
    assert torch.equal(again.head.weight, expert.head.weight)
    assert (again.strength, again.accuracy) == (expert.strength, expert.accuracy)


@pytest.mark.slow
def test_an_expert_that_changes_nothing_gets_the_head_of_the_base(runs, tmp_path):
    folder = save_lora(tmp_path / "same", runs / "base", str(runs / "base"))
    file = folder / "adapter_model.safetensors"
    save_file({name: 0 * tensor for name, tensor in load_file(file).items()}, file)
    made = spec(tmp_path, tmp_path, "same")
    assert torch.equal(fit(runs, made, True).head.weight, fit(runs, made, False).head.weight)


def test_a_label_without_a_training_row_is_refused(runs, tmp_path):
    made = spec(runs, tmp_path, labels=(*ANIMALS, "fish"))
    base = open_checkpoint(runs / "base")
    with pytest.raises(BadData, match="'animals': no training row has the label 'fish'. Add rows"):
        fitted(base, made, KIND, (*ANIMALS, "fish"), False, torch.device("cpu"))


def test_states_that_are_not_finite_are_refused(runs, tmp_path):
    shutil.copytree(runs / "base", tmp_path / "base")
    shutil.copytree(runs / "animals-lora", tmp_path / "animals-lora")
    file = tmp_path / "base" / "model.safetensors"
    weights = load_file(file)
    weights["encoder.layer.1.output.LayerNorm.bias"][0] = float("inf")
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(BadData, match="for 60 of 60 rows the model gives no finite numbers"):
        fit(tmp_path, spec(tmp_path, tmp_path), False)


def test_fitting_reports_and_can_be_stopped(runs, tmp_path):
    told = []

    def report(share: float, words: str) -> None:
        told.append((share, words))
        if words == "fitting the head":
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        fit(runs, spec(runs, tmp_path), False, progress=report)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert "32 of 60 rows read" in [words for _, words in told]
