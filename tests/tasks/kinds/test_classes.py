"""Heads in the architecture's own class: a classifier's own predictions are all right."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadData
from studio.export.classifier import own_tasks
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.progress import silent
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.classes import class_of
from studio.tasks.kinds.classifier_heads import head_beside
from studio.tasks.kinds.text_snippets import OF_CLASS
from studio.tasks.own_class import OwnHead
from tests.tasks.kinds import classifiers
from tests.tasks.kinds.classifiers import rows_of, write_config

AUTO = "AutoModelForSequenceClassification"
FAMILIES = [
    "Bert", "Roberta", "XLMRoberta", "DistilBert", "Electra", "Albert", "DebertaV2", "ModernBert",
    "MegatronBert", "MPNet", "Camembert", "Llama", "GPT2", "Qwen3", "OPT", "Mistral",
    "Bart",
]  # fmt: skip


def logits_of(bench) -> Tensor:
    """Of all rows, by the live model that wears the expert."""
    task, live = bench.tasks["expert"], bench.live
    live.wear(bench.expert("expert"))
    items = live.encode(task, task.rows("held_out"))
    batch = live.batch(task.kind, items)
    output = live.states(batch.inputs)
    return task.kind.scores(task.spec, task.head, output, batch, torch.arange(len(items)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_answers_as_transformers_has_it(tmp_path, family):
    model = classifiers.built(tmp_path, family)
    rows = rows_of(model, tmp_path)
    bench = classifiers.bench(classifiers.write_zoo(tmp_path, rows))
    task = bench.tasks["expert"]
    assert isinstance(task.head, OwnHead)
    assert class_of(tmp_path / "expert", bench.base, AUTO, True) == task.head.model_class
    assert task.notes[0] == (
        f"answered by {family}ForSequenceClassification, the class of its checkpoint."
    )
    texts = [row["text"] for row in rows]
    expected = torch.cat(classifiers.logits(model, tmp_path, texts))
    assert torch.allclose(logits_of(bench), expected, atol=1e-4, rtol=1e-4)
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
    assert isinstance(head, OwnHead)
    assert any("pooler" in name for name in head.tensors)
    assert classifiers.expert_score(bench).value == 1


def test_a_pooler_that_nobody_holds_is_refused_by_name(tmp_path):
    classifiers.built(tmp_path, "Bert")
    for folder in ("base", "expert"):
        file = tmp_path / folder / "model.safetensors"
        kept = {n: x for n, x in load_file(file).items() if "pooler" not in n}
        save_file(kept, file, metadata={"format": "pt"})
    classifiers.write_zoo(tmp_path, [{"text": "w1", "label": 0}])
    with pytest.raises(
        BadData, match="needs pooler.dense.bias, pooler.dense.weight, which neither"
    ):
        classifiers.bench(tmp_path)


@pytest.mark.parametrize(
    ("family", "base", "targets"),
    [
        ("Bert", "Model", ["query", "value"]), ("Llama", "Model", ["q_proj", "down_proj"]),
        ("Llama", "ForCausalLM", ["q_proj"]), ("GPT2", "LMHeadModel", ["c_attn", "c_fc"]),
        ("Roberta", "ForMaskedLM", ["query"]), ("DistilBert", "Model", ["q_lin"]),
    ],
)  # fmt: skip
def test_a_classifier_s_adapter_on_a_base_of_another_class_is_read_as_its_family_s(
    tmp_path, family, base, targets
):
    turned = {"fan_in_fan_out": family == "GPT2"}
    model = classifiers.adapted(tmp_path, family, base, target_modules=targets, **turned)
    classifiers.write_zoo(tmp_path, rows_of(model, tmp_path))
    bench = classifiers.bench(tmp_path)
    assert f"answered by {family}ForSequenceClassification" in bench.tasks["expert"].notes[0]
    assert classifiers.expert_score(bench).value == 1


def test_the_last_token_is_the_last_that_the_config_does_not_call_padding(tmp_path):
    model = classifiers.built(tmp_path, "Llama")
    model.config.pad_token_id = 3  # [SEP], which ends every text
    model.save_pretrained(tmp_path / "expert")
    classifiers.write_zoo(tmp_path, rows_of(model, tmp_path))
    assert classifiers.expert_score(classifiers.bench(tmp_path)).value == 1


def test_without_a_padding_token_the_last_token_is_the_last_of_the_text(tmp_path):
    model = classifiers.built(tmp_path, "GPT2")
    model.config.pad_token_id = None
    model.save_pretrained(tmp_path / "expert")
    rows = rows_of(model, tmp_path)
    bench = classifiers.bench(classifiers.write_zoo(tmp_path, rows))
    assert classifiers.expert_score(bench).value == 1


def test_a_head_file_beside_a_classifier_is_put_into_its_class(tmp_path):
    model = classifiers.built(tmp_path, "Bert")
    rows = rows_of(model, tmp_path)
    named = {"weight": model.classifier.weight.detach(), "bias": model.classifier.bias.detach()}
    save_file({n: x.clone() for n, x in named.items()}, tmp_path / "head.safetensors")
    bench = classifiers.bench(classifiers.write_zoo(tmp_path, rows, head="head.safetensors"))
    assert isinstance(bench.tasks["expert"].head, OwnHead)
    assert classifiers.expert_score(bench).value == 1


def test_a_pooling_that_the_zoo_says_is_followed_and_that_is_told(tmp_path):
    model = classifiers.built(tmp_path, "Bert")
    classifiers.write_zoo(tmp_path, rows_of(model, tmp_path), pooling="mean")
    task = classifiers.bench(tmp_path).tasks["expert"]
    assert isinstance(task.head, LinearHead)
    words = "pooling: mean, as the zoo says, in place of BertForSequenceClassification's own."
    assert words in task.notes


def test_labels_in_another_order_are_joined_by_name_in_a_head_of_two_layers(tmp_path):
    names = ("no", "maybe", "yes")
    model = classifiers.built(
        tmp_path, "Roberta", id2label=dict(enumerate(names)),
        label2id={name: place for place, name in enumerate(names)},
    )  # fmt: skip
    said = classifiers.predicted(model, tmp_path)
    rows = [{"text": t, "label": names[i]} for t, i in zip(classifiers.TEXTS, said, strict=True)]
    bench = classifiers.bench(classifiers.write_zoo(tmp_path, rows, labels=["yes", "no", "maybe"]))
    assert bench.tasks["expert"].labels == ("yes", "no", "maybe")
    assert classifiers.expert_score(bench).value == 1


@pytest.mark.parametrize("family", ["Roberta", "Llama"])
def test_what_answers_is_written_and_read_again_and_is_a_classifier_of_transformers(
    tmp_path, family
):
    import transformers

    names = ("no", "maybe", "yes")
    model = classifiers.built(tmp_path, family, id2label=dict(enumerate(names)))
    rows = rows_of(model, tmp_path)
    zoo = classifiers.write_zoo(tmp_path, rows, labels=["yes", "no", "maybe"])
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps(r | {"label": names[r["label"]]}) + "\n" for r in rows)
    )
    bench = classifiers.bench(zoo)
    task = bench.tasks["expert"]
    written = tmp_path / "written"
    written.mkdir()
    task.kind.write(written, task.spec, task.opened)
    again = task.kind.open(task.spec, {}, bench.base, written)
    assert again.labels == task.labels
    expected = logits_of(bench)
    bench.tasks["expert"] = type(task)(task.spec, again.labels, again.head, None)
    assert torch.equal(logits_of(bench), expected)
    config = transformers.AutoConfig.from_pretrained(written)
    assert config.id2label == dict(enumerate(names))
    assert config.architectures == [f"{family}ForSequenceClassification"]


@pytest.mark.parametrize("family", ["Roberta", "DistilBert", "GPT2"])
def test_an_export_answers_by_the_card_s_program_and_as_a_complete_classifier(
    tmp_path, family, monkeypatch
):
    """By another way than the live model: transformers loads what was written."""
    import transformers

    names = ("no", "maybe", "yes")
    model = classifiers.built(tmp_path, family, id2label=dict(enumerate(names)))
    rows = rows_of(model, tmp_path)
    bench = classifiers.bench(classifiers.write_zoo(tmp_path, rows))
    content = MergedModel(bench.expert("expert"), [bench.tasks["expert"]], classifiers=True)
    write_export(content, tmp_path / "out", silent)
    monkeypatch.chdir(tmp_path / "out")
    code = OF_CLASS.format(task="expert")
    assert code in (tmp_path / "out" / "README.md").read_text()
    space: dict = {}
    exec("\n".join(code.splitlines()[1:-1]), space)
    expected = [names[row["label"]] for row in rows]
    assert [space["classify"](row["text"]) for row in rows] == expected
    complete = transformers.AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "out" / "classifiers" / "expert"
    )
    assert classifiers.predicted(complete.eval(), tmp_path) == [row["label"] for row in rows]
    assert complete.config.id2label == dict(enumerate(names))


def test_a_head_beside_a_checkpoint_is_found_and_a_folder_of_its_name_is_none(tmp_path):
    assert head_beside(str(tmp_path)) is None
    (tmp_path / "head.safetensors").mkdir()
    assert head_beside(str(tmp_path)) is None
    (tmp_path / "head.safetensors").rmdir()
    (tmp_path / "head.safetensors").write_bytes(b"")
    assert head_beside(str(tmp_path)) == tmp_path / "head.safetensors"


def test_a_class_that_answers_per_token_is_no_classifier_of_texts(tmp_path):
    classifiers.built(tmp_path, "Bert")
    write_config(tmp_path / "expert", architectures=["BertForTokenClassification"])
    classifiers.write_zoo(tmp_path, [{"text": "w1", "label": 0}])
    with pytest.raises(BadData, match="BertForTokenClassification does not answer as text"):
        classifiers.bench(tmp_path)


def test_a_class_that_transformers_does_not_know_is_refused_and_never_run(tmp_path):
    model = classifiers.built(tmp_path, "Bert")
    write_config(
        tmp_path / "expert", architectures=["MyOwnBert"], auto_map={"AutoModel": "evil.MyOwnBert"}
    )
    (tmp_path / "expert" / "evil.py").write_text("raise SystemExit('it was run')")
    zoo = classifiers.write_zoo(tmp_path, rows_of(model, tmp_path))
    with pytest.raises(BadData, match="names MyOwnBert, which is no class of transformers"):
        classifiers.bench(zoo)


def test_a_class_that_tells_its_body_more_than_the_text_is_refused(tmp_path):
    """Longformer's marks the first token as one that all others see."""
    import transformers

    config = transformers.LongformerConfig(**classifiers.SIZES, attention_window=[8, 8])
    torch.manual_seed(0)
    model = transformers.LongformerForSequenceClassification(config)
    model.longformer.save_pretrained(tmp_path / "base")
    classifiers.noisy(model).save_pretrained(tmp_path / "expert")
    classifiers.tokenizer(tmp_path / "base")
    rows = [{"text": text, "label": 0} for text in classifiers.TEXTS[:4]]
    bench = classifiers.bench(classifiers.write_zoo(tmp_path, rows))
    with pytest.raises(BadData, match="LongformerForSequenceClassification .* with global_attent"):
        classifiers.expert_score(bench)


def test_a_checkpoint_without_a_zoo_answers_by_its_class(tmp_path):
    classifiers.built(tmp_path, "Roberta")
    classifiers.write_zoo(tmp_path, [{"text": "w1", "label": 0}])
    bench = classifiers.bench(tmp_path)
    (task,) = own_tasks(bench.expert("expert"))
    assert isinstance(task.head, OwnHead)
    assert open_checkpoint(tmp_path / "expert").digest
