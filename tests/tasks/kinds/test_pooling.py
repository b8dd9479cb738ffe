"""Pooling as the checkpoint has it: a classifier's own predictions are all right."""

import json
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCheckpoint, BadData, BadZoo
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.pooling import decided, padding_of, pool
from tests.tasks.kinds import classifiers

STATES = torch.tensor([[[1.0, 3.0], [3.0, 5.0], [9.0, 9.0]], [[2.0, 0.0], [4.0, 2.0], [6.0, 1.0]]])
MASK = torch.tensor([[1, 1, 0], [1, 1, 1]])
HEAD = LinearHead(torch.eye(2), torch.zeros(2))


def rows_of(model, folder, texts=classifiers.TEXTS):
    return [
        {"text": text, "label": label}
        for text, label in zip(texts, classifiers.predicted(model, folder, texts), strict=True)
    ]


def write_config(folder, **changes):
    file = folder / "config.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found | changes))


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


@pytest.mark.parametrize(
    ("family", "pooling"),
    [
        ("Bert", "pooler"), ("Albert", "pooler"), ("MegatronBert", "pooler"),
        ("Llama", "last"), ("GPT2", "last"), ("Qwen3", "last"), ("OPT", "last"),
    ],
)  # fmt: skip
def test_a_classifier_is_right_on_its_own_predictions_without_a_word_on_pooling(
    tmp_path, family, pooling
):
    model = classifiers.built(tmp_path, family)
    classifiers.write_zoo(tmp_path, rows_of(model, tmp_path))
    bench = classifiers.bench(tmp_path)
    assert bench.tasks["expert"].notes == (
        f"pooling: {pooling}, as {family}ForSequenceClassification has it.",
    )
    assert classifiers.expert_score(bench).value == 1


@pytest.mark.parametrize("family", ["Albert", "Bert"])
def test_a_pooler_that_the_base_lacks_is_the_task_s_own(tmp_path, family):
    model = classifiers.built(tmp_path, family)
    tensors = load_file(tmp_path / "base" / "model.safetensors")
    save_file(
        {name: x for name, x in tensors.items() if "pooler" not in name},
        tmp_path / "base" / "model.safetensors", metadata={"format": "pt"},
    )  # fmt: skip
    classifiers.write_zoo(tmp_path, rows_of(model, tmp_path))
    bench = classifiers.bench(tmp_path)
    head = bench.tasks["expert"].head
    assert isinstance(head, LinearHead)
    assert head.pooler is not None
    assert classifiers.expert_score(bench).value == 1


@pytest.mark.parametrize(
    ("family", "base", "targets"),
    [
        ("Bert", "Model", ["query", "value"]), ("Llama", "Model", ["q_proj", "down_proj"]),
        ("Llama", "ForCausalLM", ["q_proj"]), ("GPT2", "LMHeadModel", ["c_attn", "c_fc"]),
    ],
)  # fmt: skip
def test_a_classifier_s_adapter_on_a_base_of_another_class_is_read_as_its_family_s(
    tmp_path, family, base, targets
):
    turned = {"fan_in_fan_out": family == "GPT2"}
    model = classifiers.adapted(tmp_path, family, base, target_modules=targets, **turned)
    classifiers.write_zoo(tmp_path, rows_of(model, tmp_path))
    bench = classifiers.bench(tmp_path)
    assert f"as {family}ForSequenceClassification has it" in bench.tasks["expert"].notes[0]
    assert classifiers.expert_score(bench).value == 1


def test_the_last_token_is_the_last_that_the_config_does_not_call_padding(tmp_path):
    model = classifiers.built(tmp_path, "Llama")
    model.config.pad_token_id = 3  # [SEP], which ends every text
    model.save_pretrained(tmp_path / "expert")
    classifiers.write_zoo(tmp_path, rows_of(model, tmp_path))
    assert padding_of(tmp_path / "expert", open_checkpoint(tmp_path / "base")) == 3
    assert classifiers.expert_score(classifiers.bench(tmp_path)).value == 1


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    model = classifiers.built(folder, "Bert")
    classifiers.write_zoo(folder, rows_of(model, folder))
    return folder


@pytest.fixture
def base(bert):
    return open_checkpoint(bert / "base")


def test_what_the_zoo_says_is_kept_and_the_difference_is_told(bert, base):
    assert decided("pooler", "a", bert / "expert", base, True) == ("pooler", ())
    assert decided("mean", "a", bert / "expert", base, True) == (
        "mean",
        ("pooling: mean, as the zoo says; BertForSequenceClassification has pooler.",),
    )


def test_an_architecture_that_is_not_known_is_refused_until_the_zoo_says_a_pooling(tmp_path, base):
    write_config(tmp_path, architectures=["ElectraForSequenceClassification"])
    words = "'a' says no pooling, and that of ElectraForSequenceClassification is not known here"
    with pytest.raises(BadData, match=words):
        decided(None, "a", tmp_path, base, True)
    found, (note,) = decided("cls", "a", tmp_path, base, True)
    assert (found, note) == (
        "cls", "pooling: cls, as the zoo says; ElectraForSequenceClassification may have another.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("named", "pooling"),
    [(["BertModel"], "pooler"), (["BertForMaskedLM"], "pooler"), (None, "pooler"),
     (["GPT2LMHeadModel"], "last"), (["OPTForCausalLM"], "last")],
)  # fmt: skip
def test_a_head_of_its_own_without_a_classifier_s_class_is_its_family_s(
    tmp_path, base, named, pooling
):
    if named:
        write_config(tmp_path, architectures=named)
    assert decided(None, "a", tmp_path, base, True)[0] == pooling


def test_a_class_that_answers_per_token_is_no_classifier_of_texts(tmp_path, base):
    write_config(tmp_path, architectures=["BertForTokenClassification"], model_type="bert")
    with pytest.raises(BadData, match="that of BertForTokenClassification is not known"):
        decided(None, "a", tmp_path, base, True)


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
    assert decided(None, "a", tmp_path, base, False) == (
        pooling, (f"pooling: {pooling}, as 1_Pooling/config.json has it.",),
    )  # fmt: skip
    modules[1]["path"] = "../elsewhere"
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(BadCheckpoint, match="'../elsewhere', which is not inside its folder"):
        decided(None, "a", tmp_path, base, False)


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
        decided(None, "a", tmp_path, base, False)
    assert decided("mean", "a", tmp_path, base, False) == ("mean", ())


def test_a_head_file_alone_is_read_on_the_mean_and_that_is_said(tmp_path, base):
    found = decided(None, "a", tmp_path, base, False)
    assert found == (
        "mean", ("pooling: mean, as neither the zoo nor the checkpoint says another.",),
    )  # fmt: skip


def test_a_pooler_with_another_activation_is_refused_by_name(tmp_path):
    model = classifiers.built(tmp_path, "DebertaV2")
    classifiers.write_zoo(tmp_path, [{"text": "w1", "label": 0}], pooling="pooler")
    assert model.config.pooler_hidden_act == "gelu"
    with pytest.raises(BadData, match="the pooler of DebertaV2ForSequenceClassification is no"):
        classifiers.bench(tmp_path)


def test_two_layer_heads_are_refused_by_name(tmp_path):
    classifiers.built(tmp_path, "Roberta")
    classifiers.write_zoo(tmp_path, [{"text": "w1", "label": 0}])
    with pytest.raises(BadData, match="classifier holds dense.bias, .*; supported is one linear"):
        classifiers.bench(tmp_path)


def test_a_pooling_that_is_null_or_unknown_is_refused(bert):
    text = (bert / "zoo.yaml").read_text()
    for value in ("null", "max"):
        (bert / "zoo.yaml").write_text(
            text.replace("checkpoint:", f"pooling: {value}\n  checkpoint:")
        )
        with pytest.raises(BadZoo, match="it must be one of mean, cls, pooler, last"):
            classifiers.bench(bert)
    (bert / "zoo.yaml").write_text(text)
