"""Rows without labels get their own expert's answers, and are scored by agreement with it."""

import json
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from studio.__main__ import main
from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadData, BadZoo
from studio.measure.bench import Bench
from studio.measure.change import mean_change, paired_change
from studio.measure.metrics import scores_json
from studio.measure.references import references, score_references
from studio.new_zoo.answering import answered, expert_answers
from studio.new_zoo.finding import find
from studio.new_zoo.plan import ALL
from studio.new_zoo.saving import save_zoo
from studio.preflight import preflight
from studio.tasks.metric import ACCURACY, AGREEMENT, BOTH, LOSS, SHARES, joint
from studio.zoo import load_zoo
from tests.new_zoo.test_saving import CPU, plan
from tests.own_models import COLORS, save_csv, sentences

pytestmark = pytest.mark.slow  # an expert is asked


@pytest.fixture(scope="module")
def saved(runs, tmp_path_factory):
    """The classifier's zoo, of texts that nobody has labelled."""
    folder = tmp_path_factory.mktemp("unlabelled")
    texts = [{"text": row["text"]} for row in sentences(COLORS, 60)]
    table = save_csv(folder / "rows.csv", texts)
    made = plan(runs, data={"colors": {ALL: table}})
    kept = tuple(task for task in made.tasks if task.name == "colors")
    return save_zoo(type(made)("Mine", made.base, made.source, kept, 3), folder / "zoo", CPU)


def test_the_answers_are_those_of_transformers_own_model(saved, runs):
    (task,) = load_zoo(saved.file).tasks
    rows = [json.loads(x) for x in task.data["held_out"].read_text().splitlines()]
    model = AutoModelForSequenceClassification.from_pretrained(runs / "colors").eval()
    reader = AutoTokenizer.from_pretrained(runs / "base")
    with torch.inference_mode():
        logits = model(**reader([row["text"] for row in rows], return_tensors="pt", padding=True))
    said = [model.config.id2label[each] for each in logits.logits.argmax(-1).tolist()]
    assert [row["label"] for row in rows] == said
    assert any("agreement with it, and no accuracy" in note for note in saved.notes)


def test_a_task_is_scored_by_agreement_and_never_by_accuracy(saved, capsys):
    bench = Bench(load_zoo(saved.file), CPU)
    assert bench.tasks["colors"].metric is AGREEMENT
    found = score_references(references(bench))
    for _ in range(2):  # measured, and recalled
        own = found.experts.scores["colors"]
        assert (own.value, own.metric) == (1.0, AGREEMENT)
        assert "accuracy" not in scores_json(found.experts.scores)["tasks"]["colors"]
        found = score_references(references(Bench(load_zoo(saved.file), CPU)))
    assert found.base.scores["colors"].value < 1
    main(["evaluate", str(saved.file)])
    said = capsys.readouterr().out
    assert "mean agreement" in said
    assert "on rows without labels: no accuracy" in said
    assert "accuracy " not in said


def test_answers_are_given_in_each_kind_s_own_words(saved):
    answers = {"held_out": [[1, 0]]}
    tagged = answered("token-classification", {"held_out": [{"words": ["a", "b"]}]}, "OB", answers)
    assert tagged == {"held_out": [{"words": ["a", "b"], "tags": ["B", "O"]}]}
    chosen = answered("multiple-choice", {"held_out": [{"question": "q"}]}, (), {"held_out": [[2]]})
    assert chosen == {"held_out": [{"question": "q", "answer": 2}]}
    with pytest.raises(KeyError):
        expert_answers(saved.file.parent, ["another"], CPU)


def test_rows_of_which_only_some_files_have_labels_are_refused(runs, tmp_path):
    every = sentences(COLORS, 40)
    bare = save_csv(tmp_path / "test.csv", [{"text": row["text"]} for row in every[:20]])
    full = save_csv(tmp_path / "val.csv", every[20:])
    made = plan(runs, data={"colors": {"held_out": bare, "validation": full}})
    with pytest.raises(BadData, match=r"test.csv has no column for 'label', but .*val.csv has "):
        save_zoo(made, tmp_path / "zoo", CPU)


def test_a_task_without_labels_and_without_a_head_is_refused(runs, tmp_path):
    bare = [{"text": row["text"]} for row in sentences(COLORS, 40)]
    made = plan(runs, data={"animals-lora": {ALL: save_csv(tmp_path / "rows.csv", bare)}})
    with pytest.raises(BadData, match="its checkpoint has no head, so nothing can answer"):
        save_zoo(made, tmp_path / "zoo", CPU)


def test_answers_are_never_taken_for_labels(saved, runs, tmp_path):
    """Neither by a zoo file that is silent on them, nor by a search that comes upon them."""
    (saved.file.parent / "silent.yaml").write_text(
        saved.file.read_text().replace("labelled_by: expert", "")
    )
    with pytest.raises(BadZoo, match=r"held_out\.answered-by-expert\.jsonl holds the answers of"):
        load_zoo(saved.file.parent / "silent.yaml")
    found = find([saved.file.parent, runs / "base", runs / "colors"])
    assert [table.name for table in found.tables] == ["test.csv"]
    assert found.notes == [
        f"{saved.file.parent}/rows was passed over: rows that a zoo was made of."
    ]
    answers = load_zoo(saved.file).tasks[0].data["held_out"]
    found = find([answers.parent, runs / "base", runs / "colors"])
    assert [table.name for table in found.tables] == ["test.csv"]
    assert any("passed over: it holds an expert's answers" in note for note in found.notes)
    made = plan(runs, data={"colors": {ALL: answers}})
    with pytest.raises(BadData, match="that expert would always be right"):
        save_zoo(made, tmp_path / "zoo", CPU)


def test_a_zoo_file_says_expert_or_nothing(saved, tmp_path):
    text = saved.file.read_text().replace("labelled_by: expert", "labelled_by: me")
    (saved.file.parent / "other.yaml").write_text(text)
    with pytest.raises(BadZoo, match="'labelled_by' is 'me'; it is 'expert' where the rows hold"):
        load_zoo(saved.file.parent / "other.yaml")


def test_accuracy_and_agreement_are_joined_by_their_points():
    assert joint([ACCURACY, AGREEMENT]) is SHARES
    assert joint([AGREEMENT, LOSS]) is BOTH
    import numpy as np

    one = paired_change(np.ones(4), None)
    other = type(one)(0.0, one.half, 4, AGREEMENT)
    assert mean_change({"a": one, "b": other}).mean == 0.5


def test_the_expert_that_answered_is_recorded_and_is_no_reason_for_doubt(saved, runs):
    (task,) = load_zoo(saved.file).tasks
    record = json.loads((saved.file.parent / "made.json").read_text())
    whose = record["tasks"]["colors"]["answered_by"]
    assert whose["digest"] == task.answered_by == open_checkpoint(str(runs / "colors")).digest
    assert {saved.file.parent / name for name in whose["rows"].values()} == {*task.data.values()}
    assert not [n for look in preflight(load_zoo(saved.file)).looks for n in look.notes
                if "expert" in n]  # fmt: skip
    assert score_references(references(Bench(load_zoo(saved.file), CPU))).doubts == ()


def test_a_checkpoint_that_was_replaced_since_is_doubted_in_preflight_and_where_scores_stand(
    saved, runs, tmp_path, capsys
):
    zoo = shutil.copytree(saved.file.parent, tmp_path / "zoo")
    data = yaml.safe_load((zoo / "zoo.yaml").read_text())
    for each, key, name in ((data, "base", "base"), (data["tasks"][0], "checkpoint", "colors")):
        each[key] = str(shutil.copytree(runs / name, tmp_path / name))
    data["tasks"][0]["name"] = "shades"  # the record goes with the rows
    (zoo / "zoo.yaml").write_text(yaml.safe_dump(data))
    weights = tmp_path / "colors" / "model.safetensors"
    tensors = load_file(weights)
    turned = {n: x.roll(1, 0).contiguous() if "classifier" in n else x for n, x in tensors.items()}
    save_file(turned, weights, {"format": "pt"})
    words = "The rows of 'shades' hold the answers of another checkpoint"
    notes = [note for look in preflight(load_zoo(zoo)).looks for note in look.notes]
    assert any(note.startswith(words) for note in notes)
    bench = Bench(load_zoo(zoo), CPU)
    found = score_references(references(bench))
    (doubt,) = found.doubts
    own = found.experts.scores["shades"]
    assert own.high < 0.99
    assert f"'shades' alone agrees with only {own.shown} of its own answers" in doubt
    assert words in doubt
    main(["evaluate", str(zoo)])
    said = capsys.readouterr().out
    assert "  shades (agreement)" in said
    assert f"warning: {doubt}" in said
