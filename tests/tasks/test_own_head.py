"""A checkpoint's own tensors fit the class that they are of, or it is said why not."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadData
from studio.tasks.heads import LinearHead
from studio.tasks.own_head import as_own, own_head
from tests.tasks.kinds import classifiers


def write_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_an_adapter_s_labels_are_as_many_as_its_last_layer_has_rows(tmp_path):
    """Its base's configuration knows of none, and a head of two layers has two first sizes."""
    classifiers.built(tmp_path, "Roberta")
    base = open_checkpoint(tmp_path / "base")
    own = {
        name: tensor
        for name, tensor in load_file(tmp_path / "expert" / "model.safetensors").items()
        if name.startswith("classifier.")
    }
    config = {k: v for k, v in base.config.items() if k not in ("id2label", "label2id")}
    assert own_head("a", "RobertaForSequenceClassification", config, own, base).options == 3


def test_a_linear_head_is_named_as_its_class_names_it_and_no_other_fits(tmp_path):
    classifiers.built(tmp_path, "Bert")
    config = open_checkpoint(tmp_path / "base").config
    head = LinearHead(torch.ones(3, 32), torch.ones(3))
    found = as_own("BertForSequenceClassification", config, head)
    assert found is not None
    assert {*found} == {"classifier.weight", "classifier.bias"}
    assert as_own("RobertaForSequenceClassification", config, head) is None
    assert as_own("LlamaForSequenceClassification", {"num_hidden_layers": 1}, head) is None
    assert as_own("NoClassOfTransformers", config, head) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"problem_type": "multi_label_classification"}, "answers with multi_label_classification"),
        ({"id2label": {"0": "only"}, "label2id": {"only": 0}}, "answers with one number"),
        ({"hidden_size": 64}, "of shape"),
    ],
)
def test_a_head_that_does_not_choose_or_does_not_fit_is_refused(tmp_path, change, words):
    classifiers.built(tmp_path, "Bert")
    write_config(tmp_path / "expert", **change)
    classifiers.write_zoo(tmp_path, [{"text": "w1", "label": 0}])
    with pytest.raises(BadData, match=words):
        classifiers.bench(tmp_path)


def test_more_than_the_class_has_is_refused_by_name(tmp_path):
    classifiers.built(tmp_path, "Bert")
    file = tmp_path / "expert" / "model.safetensors"
    save_file(load_file(file) | {"extra.weight": torch.ones(2)}, file, metadata={"format": "pt"})
    classifiers.write_zoo(tmp_path, [{"text": "w1", "label": 0}])
    with pytest.raises(BadData, match="has no extra.weight, which the checkpoint keeps to itself"):
        classifiers.bench(tmp_path)
