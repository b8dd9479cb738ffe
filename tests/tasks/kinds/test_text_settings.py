"""What a zoo says of a text classification: labels, lengths, heads that cannot be used."""

import json
from pathlib import Path

import pytest
import yaml

from studio.checkpoints.checkpoint import open_base
from studio.errors import BadData, BadZoo
from studio.preflight import preflight
from studio.tasks.kinds import USUAL_KIND
from studio.tasks.kinds.text_settings import TextSettings, read_settings, text_length
from studio.tasks.spec import TaskSpec
from studio.zoo import load_zoo
from tests.tasks.kinds import classifiers


def spec_of(**settings) -> TaskSpec:
    return TaskSpec("a", "a", USUAL_KIND.name, TextSettings(**settings), {"held_out": Path("rows")})


def without_data(folder):
    (folder / "zoo.yaml").write_text(
        yaml.safe_dump({"base": "base", "tasks": [{"name": "expert", "checkpoint": "expert"}]})
    )
    return preflight(load_zoo(folder))


def test_labels_are_a_list_of_names_or_a_file_of_one(tmp_path):
    (tmp_path / "labels.json").write_text('["no", "yes"]')
    for given in (["no", "yes"], "labels.json"):
        assert read_settings({"labels": given}, tmp_path, "a").labels == ("no", "yes")
    for wrong in ({"no": 0}, 3, ""):
        with pytest.raises(BadZoo, match="a list of names, or a path to a JSON list"):
            read_settings({"labels": wrong}, tmp_path, "a")
    with pytest.raises(BadZoo, match="a: labels must be a list of label names"):
        read_settings({"labels": [1, 2]}, tmp_path, "a")
    with pytest.raises(BadZoo, match="a: labels names a label twice"):
        read_settings({"labels": ["x", "x"]}, tmp_path, "a")
    for blank in ("", " "):
        with pytest.raises(BadZoo, match=r"a: labels: name 2 of 2 is empty\. Give each label"):
            read_settings({"labels": ["x", blank]}, tmp_path, "a")


def test_a_length_left_out_is_what_the_model_has_positions_for(tiny_zoo, tmp_path):
    base = open_base(tiny_zoo / "base")  # of 32 positions
    assert text_length(spec_of(), base) == (
        32, ("max_length: 32, the tokens that the base has positions for.",),
    )  # fmt: skip
    assert text_length(spec_of(max_length=40), base) == (40, ())
    classifiers.built(tmp_path, "GPT2")  # of 136
    assert text_length(spec_of(), open_base(tmp_path / "base")) == (128, ())


def test_a_length_beyond_the_positions_is_told_in_pre_flight(tiny_copy):
    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    zoo["tasks"][0]["max_length"] = 33
    del zoo["tasks"][1]["max_length"]
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    found = preflight(load_zoo(tiny_copy))
    (problem,) = found.problems
    assert "'color' has max_length 33, but the model reads at most 32" in str(problem)
    assert any(note.startswith("max_length: 32") for note in found.looks[2].notes)


def test_without_rows_a_head_that_cannot_be_used_is_a_note(tmp_path):
    model = classifiers.built(tmp_path, "Roberta")
    model.config.problem_type = "regression"
    model.save_pretrained(tmp_path / "expert")
    found = without_data(tmp_path)
    assert found.problems == []
    words = "its head is not used: RobertaForSequenceClassification answers with regression"
    assert found.looks[1].notes[-1].startswith(words)


def test_an_image_classifier_without_rows_is_told_no_pooling(tmp_path):
    from transformers import ViTConfig, ViTForImageClassification, ViTModel

    config = ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                       intermediate_size=16, image_size=16, patch_size=8)  # fmt: skip
    ViTModel(config).save_pretrained(tmp_path / "base")
    model = ViTForImageClassification.from_pretrained(tmp_path / "base")
    classifiers.noisy(model).save_pretrained(tmp_path / "expert")
    found = without_data(tmp_path)
    assert found.problems == []
    assert found.looks[1].notes[-1] == (
        "its head is not used: ViTForImageClassification does not answer as text-classification "
        "asks. Its type is image-classification."
    )


def test_an_adapter_whose_pooler_was_not_saved_is_told_what_to_do(tmp_path):
    classifiers.adapted(tmp_path, "Bert", "ForMaskedLM", target_modules=["query"])
    classifiers.write_zoo(tmp_path, [{"text": "w1", "label": 0}])
    with pytest.raises(BadData, match="drawn at random for the training .*modules_to_save"):
        classifiers.bench(tmp_path)
    (tmp_path / "expert" / "config.json").write_bytes((tmp_path / "base/config.json").read_bytes())
    weights = (tmp_path / "base" / "model.safetensors").read_bytes()
    (tmp_path / "expert" / "model.safetensors").write_bytes(weights)
    with pytest.raises(BadData, match=r"merged into \(.*expert/model.safetensors lies beside it\)"):
        classifiers.bench(tmp_path)


def test_a_name_among_labels_without_names_says_how_to_name_them(tmp_path):
    classifiers.built(tmp_path, "Bert")
    folder = classifiers.write_zoo(tmp_path, [{"text": "w1", "label": "good"}])
    with pytest.raises(BadData, match="'good' is a name, but the checkpoint names none of its 3"):
        classifiers.bench(folder).tasks["expert"].rows("held_out")
    rows = [{"text": "w1", "label": "good"}]
    task = classifiers.bench(
        classifiers.write_zoo(tmp_path, rows, labels=["bad", "good", "none"])
    ).tasks["expert"]
    assert [row.answers for row in task.rows("held_out")] == [(1,)]
    assert json.dumps(task.labels) == '["bad", "good", "none"]'
