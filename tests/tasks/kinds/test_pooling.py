"""How states become the vector that a linear head of a file of its own reads."""

import json
from types import SimpleNamespace

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCheckpoint, BadData, BadZoo
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.pooling import decided, pool
from tests.tasks.kinds import classifiers
from tests.tasks.kinds.classifiers import rows_of, write_config

STATES = torch.tensor([[[1.0, 3.0], [3.0, 5.0], [9.0, 9.0]], [[2.0, 0.0], [4.0, 2.0], [6.0, 1.0]]])
MASK = torch.tensor([[1, 1, 0], [1, 1, 1]])
HEAD = LinearHead(torch.eye(2), torch.zeros(2))


@pytest.mark.parametrize(
    ("pooling", "expected"), [("mean", [2.0, 4.0]), ("cls", [1.0, 3.0]), ("last", [3.0, 5.0])]
)
def test_pooling_leaves_padding_out(pooling, expected):
    output = SimpleNamespace(last_hidden_state=STATES)
    assert pool(output, MASK, pooling, HEAD, torch.tensor([0])).tolist() == [expected]


def test_a_task_s_own_pooler_comes_before_the_base_s():
    output = SimpleNamespace(last_hidden_state=STATES, pooler_output=torch.zeros(2, 2))
    own = LinearHead(torch.eye(2), torch.zeros(2), (2 * torch.eye(2), torch.ones(2)))
    found = pool(output, MASK, "pooler", own, torch.tensor([1]))
    assert found.tolist() == [torch.tensor([5.0, 1.0]).tanh().tolist()]
    assert pool(output, MASK, "pooler", HEAD, torch.tensor([1])).tolist() == [[0.0, 0.0]]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    model = classifiers.built(folder, "Bert")
    classifiers.write_zoo(folder, rows_of(model, folder))
    return folder


@pytest.fixture
def base(bert):
    return open_checkpoint(bert / "base")


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "mean"}, "mean"),
    ],
)
def test_a_folder_of_sentence_transformers_says_its_pooling(tmp_path, base, config, pooling):
    modules = [{"type": "sentence_transformers.models.Transformer", "path": ""},
               {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]  # fmt: skip
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    write_config(tmp_path / "1_Pooling", **config)
    assert decided(None, "a", tmp_path, base) == (
        pooling, (f"pooling: {pooling}, as 1_Pooling/config.json has it.",),
    )  # fmt: skip
    modules[1]["path"] = "../elsewhere"
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(BadCheckpoint, match="'../elsewhere', which is not inside its folder"):
        decided(None, "a", tmp_path, base)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode": "weightedmean"}, "weightedmean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "cls and mean"),
    ],
)
def test_a_pooling_of_sentence_transformers_that_is_not_known_is_refused(
    tmp_path, base, config, name
):
    modules = [{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    write_config(tmp_path / "1_Pooling", **config)
    with pytest.raises(BadData, match=f"the pooling '{name}' of 1_Pooling/config.json is not"):
        decided(None, "a", tmp_path, base)
    assert decided("mean", "a", tmp_path, base) == ("mean", ())


def test_a_head_file_alone_is_read_on_the_mean_and_that_is_said(tmp_path, base):
    found = decided(None, "a", tmp_path, base)
    assert found == (
        "mean", ("pooling: mean, as neither the zoo nor the checkpoint says another.",),
    )  # fmt: skip


def test_a_pooling_that_is_null_or_unknown_is_refused(bert):
    text = (bert / "zoo.yaml").read_text()
    for value in ("null", "max"):
        (bert / "zoo.yaml").write_text(
            text.replace("checkpoint:", f"pooling: {value}\n  checkpoint:")
        )
        with pytest.raises(BadZoo, match="it must be one of mean, cls, pooler, last"):
            classifiers.bench(bert)
    (bert / "zoo.yaml").write_text(text)
