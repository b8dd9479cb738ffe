"""Multiple choice: every option's likelihood is transformers' own, and every head's number."""

import json
from typing import Any

import pytest
import torch

from studio.errors import BadData, BadZoo
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.measure.bench import score_folder
from studio.measure.information import fisher
from studio.search.plan import SearchPlan
from studio.search.run import optimize
from studio.tasks.kinds import language_head
from studio.tasks.kinds.multiple_choice import MultipleChoice
from studio.tasks.kinds.option_scores import NEVER
from studio.tasks.live_model import LiveModel
from studio.zoo import load_zoo
from tests.conftest import refusal
from tests.scored import score, score_experts
from tests.tasks.kinds import choosers, classifiers, speakers


@pytest.fixture(scope="module", params=sorted(choosers.SPEAKERS))
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("choosers") / "zoo"
    models = choosers.experts(folder, request.param)
    reader = models["base"], speakers_reader(folder)
    rows = {
        name: choosers.answered(
            choosers.ROWS, lambda *row, m=models[name]: choosers.spoken(m, reader[1], *row)
        )
        for name in ("full", "lora")
    }
    choosers.write_zoo(folder, rows, "multiple-choice")
    return folder, models, speakers.bench(folder)


def rows_of(bench, task) -> Any:
    return bench.tasks[task].rows("held_out")


def speakers_reader(folder) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder / "base")


@pytest.fixture(scope="module", params=["Bert", "Roberta", "DebertaV2"])
def headed(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("headed")
    model = choosers.headed(folder, request.param)
    rows = [
        {"question": text, "options": classifiers.TEXTS[at + 1 : at + 3 + at % 3]}
        for at, text in enumerate(classifiers.TEXTS[:20])
    ]
    rows = choosers.answered(rows, lambda *row: own_logits(model, folder, *row), False)
    choosers.write_zoo(folder, {"expert": rows}, "multiple-choice")
    return folder, model, speakers.bench(folder)


def own_logits(model, folder, question, options) -> list[float]:
    """By the class itself, one option at a time, so that nothing is padded."""
    reader = speakers_reader(folder)
    found = []
    for option in options:
        given = reader(question, option, return_tensors="pt")
        with torch.no_grad():
            logits = model(**{name: x.unsqueeze(0) for name, x in given.items()}).logits
        found.append(float(logits))
    return found


def test_log_likelihoods_are_those_of_transformers_own_class(made):
    folder, models, _ = made
    bench, reader = choosers.rewrite(folder, norm="sum"), speakers_reader(folder)
    for name in ("base", "full", "lora"):
        merge = None if name == "base" else bench.expert(name)
        found = choosers.scores(bench, merge, "full")
        assert found.shape == (24, 5)
        for row, own in zip(choosers.ROWS, found, strict=True):
            expected = choosers.spoken(models[name], reader, row["question"], row["options"])
            torch.testing.assert_close(
                own[: len(expected)], torch.tensor(expected), rtol=1e-4, atol=1e-4
            )
            assert own[len(expected) :].tolist() == [NEVER] * (5 - len(expected))
    choosers.rewrite(folder, norm="bytes")


def test_the_usual_norm_is_per_byte_of_the_option(made):
    folder, models, bench = made
    found = choosers.scores(bench, bench.expert("full"), "full")
    row = choosers.ROWS[3]
    own = choosers.spoken(models["full"], speakers_reader(folder), row["question"], row["options"])
    for value, nats, option in zip(found[3], own, row["options"], strict=True):
        assert float(value) == pytest.approx(nats / len(option.encode()), rel=1e-4)


def test_every_expert_chooses_as_its_own_class_does(made):
    bench = made[2]
    found = score_experts(bench)
    assert {name: each.value for name, each in found.items()} == {"full": 1.0, "lora": 1.0}
    assert score(bench, None)["full"].n == 24


def test_the_other_norm_s_accuracy_stands_beside(made):
    folder, models, bench = made
    reader, right = speakers_reader(folder), 0
    for row in rows_of(bench, "full"):
        sums = choosers.spoken(models["full"], reader, row.text, row.options)
        right += int(torch.tensor(sums).argmax()) == row.right
    (share,) = score_experts(bench)["full"].besides
    assert (share.name, share.interval) == ("accuracy by sum", "wilson")
    assert share.value == pytest.approx(right / 24)
    bench = choosers.rewrite(folder, norm="sum")
    found = score_experts(bench)["full"]
    assert found.value == pytest.approx(right / 24)
    assert [(each.name, each.value) for each in found.besides] == [("accuracy per byte", 1.0)]
    choosers.rewrite(folder, norm="bytes")


def test_an_export_chooses_alike_and_its_card_says_how(made, tmp_path, monkeypatch):
    bench = made[2]
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.6))
    found = choosers.scores(bench, merge, "lora")
    names = merge.recipe.names
    write_export(MergedModel(merge, [bench.tasks[name] for name in names]), tmp_path / "out")
    again = score_folder(bench, tmp_path / "out")
    assert again["lora"].value == score(bench, merge)["lora"].value
    monkeypatch.chdir(tmp_path / "out")
    code = (tmp_path / "out" / "README.md").read_text().split("```python\n")
    snippet = next(each.split("```")[0] for each in code if "def choose(" in each)
    known: dict[str, Any] = {}
    exec(snippet, known)
    for row, own in zip(choosers.ROWS, found, strict=True):
        assert known["choose"](row["question"], row["options"]) == row["options"][int(own.argmax())]


def test_a_search_and_fisher_take_a_step(made):
    bench = made[2]
    plan = SearchPlan(rows=12, batch=4, at_once=3, budget=2)
    run = list(optimize(bench, bench.zoo.recipe("task_arithmetic", 0.4), plan))[-1]
    assert run.best.value <= run.steps[0].value
    task = bench.tasks["full"]
    bench.live.wear(bench.expert("full"))
    part = bench.evaluation(bench.heads(["full"]), "held_out").parts["full"]
    found = fisher(bench.live, part, task.head, [0, 1])
    assert all(bool(each.isfinite().all()) for each in found.values())
    assert sum(float(each.sum()) > 0 for each in found.values()) > len(found) // 2


def test_logits_of_the_whole_vocabulary_are_never_all_held(made, monkeypatch):
    bench = made[2]
    before, seen = choosers.scores(bench, None, "full"), []
    own = torch.nn.functional.cross_entropy

    def watched(logits, *rest, **options):
        seen.append(logits.numel())
        return own(logits, *rest, **options)

    monkeypatch.setattr(language_head, "_FLOATS", 259 * 7)
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", watched)
    torch.testing.assert_close(choosers.scores(bench, None, "full"), before)
    assert max(seen) <= 259 * 7
    assert len(seen) > 20


def test_heads_give_transformers_own_numbers(headed):
    folder, model, bench = headed
    found = choosers.scores(bench, bench.expert("expert"), "expert")
    for row, own in zip(rows_of(bench, "expert"), found, strict=True):
        expected = own_logits(model, folder, row.text, row.options)
        torch.testing.assert_close(own[: len(expected)], torch.tensor(expected), atol=1e-4, rtol=0)
        assert own[len(expected) :].tolist() == [NEVER] * (4 - len(expected))
    own_score = score_experts(bench)["expert"]
    assert (own_score.value, own_score.besides) == (1.0, ())
    assert "answered by" in bench.tasks["expert"].notes[0]
    assert "ForMultipleChoice, the class of its checkpoint." in bench.tasks["expert"].notes[0]


def test_an_exported_head_answers_alike_and_its_card_says_how(headed, tmp_path, monkeypatch):
    folder, model, bench = headed
    merge = bench.expert("expert")
    content = MergedModel(merge, [bench.tasks["expert"]], classifiers=True)
    write_export(content, tmp_path / "out")
    assert score_folder(bench, tmp_path / "out")["expert"].value == 1.0
    monkeypatch.chdir(tmp_path / "out")
    code = (tmp_path / "out" / "README.md").read_text().split("```python\n")
    known: dict[str, Any] = {}
    exec(next(each.split("```")[0] for each in code if "def choose(" in each), known)
    rows = rows_of(bench, "expert")
    for row in rows[:6]:
        assert known["choose"](row.text, row.options) == row.options[row.right]
    whole = type(model).from_pretrained(tmp_path / "out" / "classifiers" / "expert").eval()
    expected = own_logits(model, folder, rows[0].text, rows[0].options)
    found = own_logits(whole, folder, rows[0].text, rows[0].options)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_head_has_no_norm(headed):
    with pytest.raises(BadData, match="'expert' has norm sum, which says how a language model's"):
        choosers.rewrite(headed[0], norm="sum")
    data = json.loads((headed[0] / "zoo.yaml").read_text())
    for task in data["tasks"]:
        del task["norm"]
    (headed[0] / "zoo.yaml").write_text(json.dumps(data))


def test_a_checkpoint_without_a_head_of_multiple_choice_is_refused(tmp_path):
    classifiers.built(tmp_path, "Bert")
    choosers.write_zoo(tmp_path, {"expert": choosers.ROWS}, "multiple-choice")
    with pytest.raises(BadData) as error:
        speakers.bench(tmp_path)
    assert "BertForSequenceClassification does not answer as multiple-choice asks" in refusal(error)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy") / "zoo"
    choosers.experts(folder, "GPT2")
    rows = [row | {"answer": 0} for row in choosers.ROWS]
    return choosers.write_zoo(folder, {"full": rows}, "multiple-choice")


def test_long_questions_lose_their_beginning_and_are_counted(copy):
    bench = choosers.rewrite(copy, max_length=24)
    found = bench.evaluation(bench.heads(["full"]), "held_out").parts["full"].items
    rows = rows_of(bench, "full")
    longer = [
        (row, item) for row, item in zip(rows, found, strict=True)
        if len(row.text.encode()) + 1 + max(item.sizes) > 24
    ]  # fmt: skip
    assert bench.notes["full"][0].startswith(
        f"held-out rows: {len(longer)} of 24 rows are longer than max_length 24 and are cut;"
    )
    reader = bench.live.readers["multiple-choice"].tokenizer
    for row, item in longer:
        for option, document in zip(row.options, item.options, strict=True):
            assert len(document) <= 24
            assert f"{row.text} {option}".endswith(reader.decode(document.ids))
            assert reader.decode(document.ids[document.start :]) == f" {option}"


def test_an_option_that_does_not_fit_is_refused_and_never_cut(copy):
    with pytest.raises(BadData) as error:
        choosers.rewrite(copy, max_length=8).notes  # noqa: B018
    assert "'full': 'the cat' has 8 tokens, and 8 have room" in refusal(error)
    assert "An option is never cut" in refusal(error)


def test_settings_are_refused_that_mean_nothing(copy):
    with pytest.raises(BadZoo, match="has norm 'words'; it must be one of bytes, sum"):
        choosers.rewrite(copy, norm="words")
    with pytest.raises(BadZoo, match="max_length 1; it must be a whole number from 2"):
        choosers.rewrite(copy, norm="sum", max_length=1)


def test_what_is_kept_and_shown_of_a_row(copy):
    bench = choosers.rewrite(copy, norm="sum", max_length=64)
    task = bench.tasks["full"]
    row = rows_of(bench, "full")[1]
    assert task.kind.plain(row) == [row.text, list(row.options), 0]
    assert task.kind.shown(row) == f"{row.text}\n(0) naïve\n(1) the cat\n(2) sings quietly"
    assert task.kind.says((), row, [2]) == "(2) sings quietly"
    assert task.kind.says((), row, [-1]) == ""
    assert task.kind.own_row("a text") is None
    assert (task.kind.reads(task.spec), task.kind.asks(task.spec)) == ([64], ["sum"])
    assert bench.options("full") == 0


def test_kinds_that_ask_other_classes_of_one_base_are_refused(tmp_path):
    folder = tmp_path / "zoo"
    choosers.experts(folder, "BART")
    rows = [row | {"answer": 0} for row in choosers.ROWS]
    choosers.write_zoo(folder, {"full": rows}, "multiple-choice")
    base = speakers.bench(folder).base
    from studio.tasks.kinds.causal_lm import CausalLM

    with pytest.raises(Exception, match="AutoModelForSeq2SeqLM, those of type causal-lm of Auto"):
        LiveModel(base, torch.device("cpu"), (MultipleChoice(), CausalLM()))
    assert load_zoo(folder).tasks[0].type == "multiple-choice"
