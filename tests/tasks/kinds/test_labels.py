"""Labels by name: id2label of the checkpoint joined with the zoo's list."""

import json

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadData
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.labels import (
    beside_file,
    joined,
    matched,
    named_labels,
    of_checkpoint,
    unusable_names,
    whose_labels,
)
from tests.tasks.kinds import classifiers

NAMES = ("no", "maybe", "yes")
HEAD = LinearHead(torch.arange(6.0).view(3, 2), torch.tensor([0.0, 1.0, 2.0]))


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    names = dict(enumerate(NAMES))
    model = classifiers.built(
        folder, "Bert", id2label=names, label2id={n: i for i, n in names.items()}
    )
    said = classifiers.predicted(model, folder)
    rows = [{"text": t, "label": NAMES[i]} for t, i in zip(classifiers.TEXTS, said, strict=True)]
    return classifiers.write_zoo(folder, rows), rows


def test_names_are_those_of_the_config_unless_transformers_filled_them_in():
    assert named_labels({"id2label": {"1": "b", "0": "a"}}) == ("a", "b")
    assert named_labels({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}) is None
    assert named_labels({}) is None
    assert named_labels({"id2label": {"0": "a", "2": "b"}}) is None
    assert named_labels({"id2label": {"0": "a", "1": "a"}}) is None
    assert named_labels({"id2label": [1]}) is None


def test_names_that_cannot_be_used_are_told(zoo):
    for found in ({"0": "a", "2": "b"}, {"0": "a", "1": "a"}, {"0": "a", "1": ""}, ["a"]):
        assert "a different name for each index from 0 on" in unusable_names({"id2label": found})
    for found in (None, {}, {"0": "a", "1": "b"}, {"0": "LABEL_0", "1": "LABEL_1"}):
        assert unusable_names({"id2label": found}) == ""
    folder, rows = zoo
    file = folder / "expert/config.json"
    before = file.read_text()
    wrong = json.loads(before) | {"id2label": {"0": "no", "1": "no", "2": "yes"}}
    file.write_text(json.dumps(wrong))
    try:
        indices = [row | {"label": NAMES.index(row["label"])} for row in rows]
        task = classifiers.bench(classifiers.write_zoo(folder, indices)).tasks["expert"]
    finally:
        file.write_text(before)
    assert task.labels == ("0", "1", "2")
    assert any(
        "id2label of its checkpoint (no, no, yes) does not give a different name" in note
        for note in task.notes
    )


def test_names_that_transformers_filled_in_count_where_the_zoo_has_them():
    filled = {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}
    assert named_labels(filled, ("LABEL_1", "LABEL_0")) == ("LABEL_0", "LABEL_1")
    assert named_labels(filled, ("no", "yes")) is None


def test_labels_left_out_are_the_checkpoint_s(zoo):
    folder, rows = zoo
    bench = classifiers.bench(classifiers.write_zoo(folder, rows))
    task = bench.tasks["expert"]
    assert task.labels == NAMES
    assert "labels: no, maybe, yes, as id2label of its checkpoint has them." in task.notes
    assert classifiers.expert_score(bench).value == 1


def test_a_list_in_another_order_is_joined_by_name(zoo):
    folder, rows = zoo
    (folder / "labels.json").write_text(json.dumps(["yes", "no", "maybe"]))
    bench = classifiers.bench(classifiers.write_zoo(folder, rows, labels="labels.json"))
    task = bench.tasks["expert"]
    assert task.labels == ("yes", "no", "maybe")
    assert any("labels: joined by name" in note for note in task.notes)
    assert classifiers.expert_score(bench).value == 1
    by_index = [row | {"label": task.labels.index(row["label"])} for row in rows]
    bench = classifiers.bench(classifiers.write_zoo(folder, by_index, labels="labels.json"))
    assert classifiers.expert_score(bench).value == 1


def test_names_that_differ_are_refused_with_both_lists(zoo):
    folder, rows = zoo
    (folder / "labels.json").write_text(json.dumps(["good", "bad", "ugly"]))
    with pytest.raises(BadData, match="labels are good, bad, ugly, but .* has no, maybe, yes"):
        classifiers.bench(classifiers.write_zoo(folder, rows, labels="labels.json"))


def test_the_head_s_rows_move_with_their_names_and_only_then():
    labels, head, notes = joined("a", ("yes", "no", "maybe"), NAMES, HEAD)
    assert labels == ("yes", "no", "maybe")
    assert head.weight.tolist() == [[4, 5], [0, 1], [2, 3]]
    assert head.bias.tolist() == [2, 0, 1]
    assert notes == (
        "labels: joined by name; the zoo has yes, no, maybe, id2label of its checkpoint has no, "
        "maybe, yes.",
    )
    assert joined("a", NAMES, NAMES, HEAD) == (NAMES, HEAD, ())


def test_more_names_than_the_head_has_rows_are_refused():
    with pytest.raises(BadData, match=r"names 2 labels \(a, b\), but its head has 3"):
        joined("a", None, ("a", "b"), HEAD)


def test_names_fit_without_regard_to_case_only_if_they_stay_different():
    assert matched(("negative", "Positive"), ("POSITIVE", "NEGATIVE")) == [1, 0]
    assert matched(("a", "A"), ("A", "a")) == [1, 0]
    assert matched(("a", "A"), ("a", "b")) is None
    assert matched(("a",), ("a", "b")) is None


def test_a_head_file_keeps_the_zoo_s_order_and_the_other_one_is_told():
    zoo, (note,) = beside_file(("yes", "no", "maybe"), NAMES, 3)
    assert zoo == ("yes", "no", "maybe")
    assert "the order of the head file by the zoo; id2label of its checkpoint has no," in note
    assert beside_file(None, NAMES, 3)[0] == NAMES
    assert beside_file(None, NAMES, 2) == (None, ())
    assert beside_file(("a", "b", "c"), NAMES, 3) == (("a", "b", "c"), ())


def test_a_classifier_s_adapter_has_the_names_of_its_base_if_they_fit(tmp_path):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_config.json").write_text(json.dumps({"task_type": "SEQ_CLS"}))
    classifiers.built(tmp_path, "Bert", id2label=dict(enumerate(NAMES)))
    base = open_checkpoint(tmp_path / "expert")
    assert of_checkpoint(tmp_path / "adapter", base, 3, None) == NAMES
    assert of_checkpoint(tmp_path / "adapter", base, 3, ("yes", "no", "maybe")) == NAMES
    assert of_checkpoint(tmp_path / "adapter", base, 3, ("a", "b", "c")) is None
    assert of_checkpoint(tmp_path / "adapter", base, 2, None) is None
    assert whose_labels(tmp_path / "adapter") == "its base"
    assert whose_labels(tmp_path / "expert") == "its checkpoint"
    said = joined("a", None, NAMES, HEAD, "its base")[2]
    assert said == ("labels: no, maybe, yes, as id2label of its base has them.",)
