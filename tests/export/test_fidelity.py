"""What an export compares: checkpoints with transformers and PEFT, written bytes with computed."""

import json
from dataclasses import replace

import pytest
from safetensors.torch import load_file, save_file

from studio.errors import BadCheckpoint
from studio.evidence.logged_export import export_merge
from studio.export import companions
from studio.export.fidelity import check_fidelity
from studio.export.plan import ExportPlan
from studio.export.readback import read_back
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from tests.architectures import examples, save

EXAMPLES = examples()


def of(folder, *names, coefficient=0.5):
    tasks = tuple(TaskEntry(name, str(folder / name), coefficient) for name in names)
    return open_merge(Recipe(str(folder / "base"), tasks, "task_arithmetic"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_full_models_and_adapters_are_what_transformers_and_peft_open(name, tmp_path):
    save(EXAMPLES[name], tmp_path)
    words, warnings = check_fidelity(of(tmp_path, "first", "second", "lora"))
    assert words.startswith("3 of 3 checkpoints alone are what transformers and PEFT open")
    assert warnings == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_export_answers_random_input_as_was_computed(name, tmp_path, monkeypatch):
    kept: dict[str, bytes] = {}
    monkeypatch.setattr("studio.export.readback.recall", kept.get)
    monkeypatch.setattr("studio.export.readback.keep", kept.__setitem__)
    save(EXAMPLES[name], tmp_path)
    plan = ExportPlan(tmp_path / "out", check="full")
    made = export_merge(of(tmp_path, "first", "lora"), plan)
    assert "reopened, answers random input as was computed, to 0.0e+00" in made.checked[-1]
    again = export_merge(of(tmp_path, "second"), replace(plan, folder=tmp_path / "again"))
    assert "reopened" not in again.checked[-1]  # compared once


def test_an_export_that_answers_otherwise_is_refused(tmp_path, monkeypatch):
    save(EXAMPLES["BERT"], tmp_path)
    monkeypatch.setattr("studio.export.readback.recall", lambda key: None)
    copy = companions.copy_companions

    def another_activation(base, work, *rest):
        notes = copy(base, work, *rest)
        file = work / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"hidden_act": "relu"}))
        return notes

    monkeypatch.setattr("studio.export.model.copy_companions", another_activation)
    with pytest.raises(BadCheckpoint, match="answers otherwise than what was computed: by"):
        export_merge(of(tmp_path, "first"), ExportPlan(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_settings_that_move_the_answers_are_a_warning(tmp_path):
    save(EXAMPLES["Llama"], tmp_path)
    file = tmp_path / "first" / "config.json"
    changed = {"rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    words, (warning,) = check_fidelity(of(tmp_path, "first", "second"))
    assert words.startswith("2 of 2 checkpoints alone")
    assert warning.startswith("'first' was trained with settings that differ from the base's")
    made = export_merge(of(tmp_path, "first"), ExportPlan(tmp_path / "out"))
    assert made.warnings == (warning,)
    assert warning in (tmp_path / "out" / "README.md").read_text()


def test_a_wrong_join_is_refused_by_tensor_and_difference(tmp_path, monkeypatch):
    monkeypatch.setattr("studio.export.fidelity.recall", lambda key: None)
    save(EXAMPLES["BERT"], tmp_path)
    merge = of(tmp_path, "first")
    join = merge.deltas.joins[0]
    a, b = "bert.encoder.layer.0.output.dense.bias", "bert.encoder.layer.1.output.dense.bias"
    wrong = replace(join, shared=join.shared | {a: join.shared[b], b: join.shared[a]})
    merge.deltas._given = merge.deltas._given[0], (wrong,)
    with pytest.raises(
        BadCheckpoint, match="'first': bert.encoder.layer.*differs by .* merged wrongly"
    ):
        check_fidelity(merge)


def test_a_pair_is_opened_once(tmp_path, monkeypatch):
    save(EXAMPLES["BERT"], tmp_path)
    first = check_fidelity(of(tmp_path, "second"))
    monkeypatch.setattr("studio.export.fidelity._opened", None)
    assert check_fidelity(of(tmp_path, "second")) == first


def test_what_cannot_be_opened_is_said(zoo_folder):
    words, _ = check_fidelity(of(zoo_folder, "red", "blue"))
    assert words.count("was not checked: no config.json names a class") == 2


@pytest.mark.parametrize(("check", "sentences"), [("none", 0), ("header", 1), ("full", 3)])
def test_as_much_is_checked_as_was_asked_for(tmp_path, monkeypatch, check, sentences):
    monkeypatch.setattr("studio.export.readback.recall", lambda key: None)
    save(EXAMPLES["BERT"], tmp_path)
    plan = ExportPlan(tmp_path / "out", check=check)
    assert len(export_merge(of(tmp_path, "first"), plan).checked) == sentences


def test_other_bytes_on_the_disk_are_found(tmp_path):
    save(EXAMPLES["BERT"], tmp_path)
    merge = of(tmp_path, "first")
    made = export_merge(merge, ExportPlan(tmp_path / "out"))
    count, total = read_back(tmp_path / "out", merge, made.root)
    assert 0 < count < total
    file = tmp_path / "out" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(BadCheckpoint, match="gave back other bytes"):
        read_back(tmp_path / "out", merge, made.root)
    tensors = load_file(file)
    save_file(dict(list(tensors.items())[1:]), file)
    with pytest.raises(BadCheckpoint, match="headers differ from the plan in 1 tensors"):
        read_back(tmp_path / "out", merge, made.root)


def test_a_merge_that_changes_nothing_is_told(tmp_path):
    save(EXAMPLES["BERT"], tmp_path)
    made = export_merge(of(tmp_path, "first", coefficient=0.0), ExportPlan(tmp_path / "out"))
    assert "No tensor of the written model differs from the base" in made.warnings[0]
    assert made.warnings[0] in (tmp_path / "out" / "README.md").read_text()


def test_names_that_its_class_does_not_read_by_itself_are_not_compared(tmp_path):
    save(EXAMPLES["BERT"], tmp_path)
    file = tmp_path / "first" / "model.safetensors"
    save_file({f"module.{n}": t for n, t in load_file(file).items()}, file, {"format": "pt"})
    words, _ = check_fidelity(of(tmp_path, "first"))
    assert (
        words == "'first' was not checked: its names are not those that its class reads by itself"
    )


def test_an_adapter_of_a_body_is_compared_by_the_body(tmp_path):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel

    save(EXAMPLES["BERT"], tmp_path)
    body = AutoModel.from_pretrained(tmp_path / "base")
    config = LoraConfig(r=2, target_modules=["query"], init_lora_weights=False)
    get_peft_model(body, config).save_pretrained(str(tmp_path / "body"))
    assert check_fidelity(of(tmp_path, "body"))[0].startswith("1 of 1 checkpoints alone")
