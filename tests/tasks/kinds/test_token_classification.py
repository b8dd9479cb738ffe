"""Token classification: a tagger's own predictions are all right, live, searched and exported."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from studio.errors import BadData
from studio.export.classifier import own_tasks
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.measure.bench import score_folder
from studio.measure.change import changes
from studio.measure.outcomes import Measuring
from studio.measure.showcase import readings_of, shown_rows
from studio.progress import silent
from studio.search.plan import SearchPlan
from studio.search.run import optimize
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.token_classification import TokenClassification
from studio.tasks.kinds.token_items import Sentence
from studio.tasks.kinds.token_snippets import OF_CLASS, OF_STATES
from studio.tasks.own_class import OwnHead
from tests.tasks.kinds import classifiers, taggers
from tests.tasks.kinds.taggers import SENTENCES, TAGS, rows_of

FAMILIES = [
    "Bert", "Roberta", "DistilBert", "DebertaV2", "ModernBert", "Electra", "Llama", "Qwen3", "GPT2",
]  # fmt: skip


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    """Nothing is known from another test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))


def logits_of(bench) -> Tensor:
    """Of all words, by the live model that wears the expert."""
    task, live = bench.tasks["expert"], bench.live
    live.wear(bench.expert("expert"))
    batch = live.batch(task.kind, live.encode(task, task.rows("held_out")))
    places = torch.arange(len(batch.items))
    output = live.states(batch.inputs)
    found = task.kind.scores(task.spec, task.head, output, batch, places)
    assert (found[:, -1] == -1e4).all()  # no word is without an answer
    return found[:, :-1]


def opened(folder, model, **entry):
    return classifiers.bench(taggers.write_zoo(folder, rows_of(model, folder), **entry))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tagger_answers_as_transformers_has_it(tmp_path, family):
    model = taggers.built(tmp_path, family)
    bench = opened(tmp_path, model)
    task = bench.tasks["expert"]
    assert isinstance(task.head, OwnHead)
    assert task.labels == TAGS
    assert task.notes[0] == (
        f"answered by {family}ForTokenClassification, the class of its checkpoint."
    )
    expected = torch.cat(taggers.logits(model, tmp_path))
    assert torch.allclose(logits_of(bench), expected, atol=1e-4, rtol=1e-4)
    score = classifiers.expert_score(bench)
    assert (score.value, score.n) == (1, sum(map(len, SENTENCES)))
    assert score.low > 0.85  # 40 sentences, and not all of their words
    assert [(share.name, share.value) for share in score.besides] == [("entity F1", 1)]


@pytest.mark.parametrize(
    ("family", "base", "targets"),
    [
        ("Bert", "Model", ["query", "value"]), ("Roberta", "ForMaskedLM", ["query"]),
        ("Llama", "ForCausalLM", ["q_proj", "down_proj"]), ("DistilBert", "Model", ["q_lin"]),
    ],
)  # fmt: skip
def test_an_adapter_trained_for_tokens_is_read_as_its_family_s_tagger(
    tmp_path, family, base, targets
):
    model = taggers.adapted(tmp_path, family, base, target_modules=targets)
    bench = opened(tmp_path, model, labels=list(TAGS))
    assert f"answered by {family}ForTokenClassification" in bench.tasks["expert"].notes[0]
    expected = torch.cat(taggers.logits(model, tmp_path))
    assert torch.allclose(logits_of(bench), expected, atol=1e-4, rtol=1e-4)
    assert classifiers.expert_score(bench).value == 1


def test_an_adapter_for_tokens_is_no_classifier_of_texts_and_needs_no_zoo(tmp_path):
    taggers.adapted(tmp_path, "Bert", "Model", target_modules=["query"])
    classifiers.write_zoo(tmp_path, [{"text": "w1", "label": 0}])
    with pytest.raises(BadData, match="trained ForTokenClassification does not answer as text"):
        classifiers.bench(tmp_path)
    taggers.write_zoo(tmp_path, [{"words": ["w1"], "tags": [0]}])
    (task,) = own_tasks(classifiers.bench(tmp_path).expert("expert"))
    assert task.kind.name == "token-classification"


def test_tags_in_another_order_are_joined_by_name(tmp_path):
    model = taggers.built(tmp_path, "Bert")
    bench = opened(tmp_path, model, labels=sorted(TAGS))
    assert bench.tasks["expert"].labels == tuple(sorted(TAGS))
    assert classifiers.expert_score(bench).value == 1
    with pytest.raises(BadData, match="Give the labels by the names that the checkpoint has"):
        opened(tmp_path, model, labels=["O", "B-X", "I-X", "B-Y", "I-Y"])


def linear_zoo(folder, model):
    """The tagger as a bare body, with its last layer in a head file."""
    tensors = load_file(folder / "expert" / "model.safetensors")
    names = ("weight", "bias")
    save_file({n: tensors[f"classifier.{n}"] for n in names}, folder / "head.safetensors")
    rest = {n: x for n, x in tensors.items() if not n.startswith("classifier.")}
    save_file(rest, folder / "expert" / "model.safetensors", metadata={"format": "pt"})
    classifiers.write_config(folder / "expert", architectures=["BertModel"], id2label={"0": "a"})
    rows = rows_of(model, folder)
    return taggers.write_zoo(folder, rows, head="head.safetensors", labels=list(TAGS))


def test_a_linear_head_of_a_file_reads_the_states_of_first_tokens(tmp_path):
    model = taggers.built(tmp_path, "Bert")
    bench = classifiers.bench(linear_zoo(tmp_path, model))
    assert isinstance(bench.tasks["expert"].head, LinearHead)
    expected = torch.cat(taggers.logits(model, tmp_path))
    assert torch.allclose(logits_of(bench), expected, atol=1e-4, rtol=1e-4)
    assert classifiers.expert_score(bench).value == 1


def exported(bench, folder):
    content = MergedModel(bench.expert("expert"), [bench.tasks["expert"]], classifiers=True)
    write_export(content, folder, silent)


def program(folder, code, monkeypatch) -> dict:
    """What the card's program defines, run in the exported folder."""
    assert code in (folder / "README.md").read_text()
    monkeypatch.chdir(folder)
    space: dict = {}
    exec("\n".join(code.splitlines()[1:-1]), space)
    return space


@pytest.mark.parametrize("family", ["Roberta", "DistilBert", "ModernBert", "Llama"])
def test_an_export_tags_by_the_card_s_program_and_as_a_complete_classifier(
    tmp_path, family, monkeypatch
):
    """By another way than the live model: transformers loads what was written."""
    import transformers

    model = taggers.built(tmp_path, family)
    bench = opened(tmp_path, model)
    exported(bench, tmp_path / "out")
    space = program(tmp_path / "out", OF_CLASS.format(task="expert"), monkeypatch)
    said = taggers.tags_of(model, tmp_path)
    assert [space["tag"](words) for words in SENTENCES] == said
    complete = getattr(transformers, f"{family}ForTokenClassification").from_pretrained(
        tmp_path / "out" / "classifiers" / "expert"
    )
    assert complete.config.id2label == dict(enumerate(TAGS))
    again = torch.cat(taggers.logits(complete.eval(), tmp_path))
    assert torch.allclose(again, torch.cat(taggers.logits(model, tmp_path)), atol=1e-5)
    assert score_folder(bench, tmp_path / "out")["expert"].value == 1


def test_an_export_of_a_linear_head_tags_by_its_program_and_as_a_complete_classifier(
    tmp_path, monkeypatch
):
    import transformers

    model = taggers.built(tmp_path, "Bert")
    bench = classifiers.bench(linear_zoo(tmp_path, model))
    exported(bench, tmp_path / "out")
    space = program(tmp_path / "out", OF_STATES.format(task="expert"), monkeypatch)
    said = taggers.tags_of(model, tmp_path)
    assert [space["tag"](words) for words in SENTENCES] == said
    complete = transformers.AutoModelForTokenClassification.from_pretrained(
        tmp_path / "out" / "classifiers" / "expert"
    )
    assert taggers.tags_of(complete.eval(), tmp_path) == said


def test_words_without_a_token_are_wrong_whatever_the_right_tag_is_and_that_is_said(tmp_path):
    model = taggers.built(tmp_path, "Bert")
    rows = [
        {"words": ["w1", "w2", "w3", "w4", "w5"], "tags": ["O"] * 5},  # room for three
        {"words": ["w1", "\t", "w2"], "tags": ["O", "O", None]},
    ]
    taggers.write_zoo(tmp_path, rows, max_length=5)
    bench = classifiers.bench(tmp_path)
    assert bench.notes["expert"][-1] == (
        "held-out rows: 3 of 7 words have no answer, which counts as wrong: 2 in rows that are cut "
        "after max_length 5 tokens and 1 of which the tokenizer makes nothing. The tag null leaves "
        "a word out."
    )
    bench.live.wear(bench.expert("expert"))
    found = bench.evaluation(bench.heads(["expert"]), "held_out")
    list(found.run(bench.live))
    none = [False, False, False, True, True, False, True]
    assert (found.predictions["expert"] == len(TAGS)).tolist() == none
    assert not found.correct("expert")[none].any()
    shown, _ = shown_rows(found, None, only_changed=False)
    assert shown[0].now.endswith("w4/no answer w5/no answer")
    assert model is not None


def test_a_word_that_nobody_answers_moves_no_loss_and_has_a_finite_one(tmp_path):
    taggers.built(tmp_path, "Bert")
    taggers.write_zoo(tmp_path, [{"words": ["w1", "\t"], "tags": ["O", "O"]}])
    bench = classifiers.bench(tmp_path)
    task, live = bench.tasks["expert"], bench.live
    assert task.head is not None
    live.wear(bench.expert("expert"))
    batch = live.batch(task.kind, live.encode(task, task.rows("held_out")))
    scores = task.kind.scores(
        task.spec, task.head, live.states(batch.inputs), batch, torch.tensor([0])
    )
    right, expert = torch.tensor([0, 0]), scores.double().log_softmax(-1)
    plain = scores[:1, :-1].double().log_softmax(-1)
    losses = task.kind.losses
    assert losses("labels", scores, right)[0] == pytest.approx(-float(plain[0, 0]))
    entropy = float(-(plain.exp() * plain).sum())
    assert losses("entropy", scores, right)[0] == pytest.approx(entropy)
    assert losses("expert", scores, right, expert).tolist() == [0, 0]
    assert torch.isfinite(losses("labels", scores, right)).all()


@pytest.fixture
def bench(tmp_path):
    return classifiers.bench(taggers.two_experts(tmp_path / "zoo"))


@pytest.mark.parametrize("loss", ["labels", "entropy", "expert"])
def test_a_search_takes_steps_by_every_loss(bench, loss):
    plan = SearchPlan(rows=24, batch=8, at_once=5, budget=8, loss=loss)
    run = list(optimize(bench, bench.zoo.recipe("task_arithmetic", 0.4), plan))[-1]
    assert run.ended
    assert run.spent > 0
    assert all(torch.tensor(step.losses).isfinite().all() for step in run.steps)


def test_fisher_and_the_inputs_of_layers_are_measured_on_sentences(bench):
    for method in ("fisher", "regmean"):
        scores = Measuring(bench).scores(bench.merge(bench.zoo.recipe(method)))
        assert all(0 < score.value <= 1 for score in scores.values())


def test_a_sentence_is_a_group_in_scores_and_in_paired_changes(bench):
    found = []
    for name in ("first", "second"):
        bench.live.wear(bench.expert(name))
        evaluation = bench.evaluation(bench.heads(["first"]), "held_out")
        list(evaluation.run(bench.live))
        found.append(evaluation)
    part = found[0].parts["first"]
    lengths = [len(words) for words in SENTENCES]
    assert np.unique(part.groups, return_counts=True)[1].tolist() == lengths
    score = found[1].scores()["first"]
    assert (score.n, score.interval) == (sum(lengths), "cluster-bootstrap")
    assert score.besides[0].interval == "cluster-bootstrap"
    assert changes(found[1], found[0])["first"].n == sum(lengths)


def test_a_row_shows_its_words_with_the_tags_that_are_not_outside(bench):
    bench.live.wear(bench.expert("first"))
    found = bench.evaluation(bench.heads(["first"]), "held_out")
    list(found.run(bench.live))
    rows, _ = shown_rows(found, None, only_changed=False)
    sentence = rows[0].shown.split()
    assert rows[0].noun == "sentence"
    place = SENTENCES.index(sentence)
    tags = json.loads((bench.zoo.folder / "first/held_out.jsonl").read_text().splitlines()[place])
    pairs = zip(sentence, tags["tags"], strict=True)
    expected = " ".join(f"{word}/{tag}" for word, tag in pairs if tag != "O") or "all O"
    assert (rows[0].label, rows[0].now) == (expected, expected)
    reading = readings_of(bench.live, bench.tasks, bench.heads(["first"]), "  w1  w2 ")["first"]
    assert reading.label
    assert readings_of(bench.live, bench.tasks, bench.heads(["first"]), "  ") == {}


def test_tags_that_mark_no_entities_have_accuracy_alone():
    kind, right = TokenClassification(), torch.tensor([0, 1])
    items = [Sentence([2, 5, 6, 3], None, (1, 2))]
    scores = torch.eye(3)[:2]  # the last option is that there is no answer
    assert kind.besides(("NOUN", "VERB"), items, scores, right) == {}
    found = kind.besides(("O", "B-X"), items, scores, right)
    assert found["entity F1"].tolist() == [[0, 0], [2, 2]]
    none = kind.besides(("O", "B-X"), items, torch.eye(3)[[0, 2]], right)
    assert none["entity F1"].tolist() == [[0, 0], [0, 1]]
