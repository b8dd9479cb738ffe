"""Pre-flight: headers alone, every checkpoint, memory in numbers."""

import json

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from studio import preflight as module
from studio.checkpoints.resident import bytes_in_memory, keep_in_memory
from studio.checkpoints.stored import Stored
from studio.errors import (
    BadCheckpoint,
    BadData,
    NotAllowed,
    SeveralProblems,
    ShapeMismatch,
    StudioError,
)
from studio.measure.bench import Bench
from studio.preflight import preflight
from studio.tasks import precision
from studio.zoo import load_zoo
from tests.tasks.kinds import choosers


def test_a_good_zoo_is_described_from_its_headers(tiny_zoo, monkeypatch):
    read = []
    original = Stored.read
    monkeypatch.setattr(
        Stored, "read", lambda self, *given: read.append(self.name) or original(self, *given)
    )
    found = preflight(load_zoo(tiny_zoo))
    own = ("position_ids", "classifier", "weight", "bias")  # the last two of a head file
    assert [name for name in read if not name.startswith(own)] == []
    assert found.problems == []
    base, color, animal = found.looks
    assert (base.name, color.kind, animal.kind, animal.rank) == ("base", "full", "LoRA", 4)
    bench = Bench(load_zoo(tiny_zoo), torch.device("cpu"))
    assert color.tensors == len(bench.deltas.joins[0].shared)
    held = load_file(tiny_zoo / "animal" / "adapter_model.safetensors").values()
    assert animal.size == sum(each.nbytes for each in held)
    assert color.notes == ("2 tensors of its own are never merged.",)
    keep_in_memory(bench.deltas, 10**9)
    assert found.held == found.deltas == bytes_in_memory(bench.deltas)
    assert found.needed == found.deltas + 4 * base.parameters


def test_what_is_wrong_is_listed_for_all_checkpoints_by_name(tiny_copy):
    file = tiny_copy / "color" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    (tiny_copy / "animal" / "adapter_config.json").write_text(json.dumps({"peft_type": "IA3"}))
    found = preflight(load_zoo(tiny_copy))
    color, animal = found.problems
    assert "'color'" in str(color)
    assert "cut off or damaged" in str(color)
    assert "'animal'" in str(animal)
    assert "IA3" in str(animal)
    with pytest.raises(StudioError, match="has 2 problems: \\(1\\) .*'color'.* \\(2\\) .*'animal'"):
        found.refuse()


def test_one_problem_is_refused_in_its_own_words(tiny_copy):
    file = tiny_copy / "color" / "model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if name.endswith("word_embeddings.weight"))
    save_file(tensors | {name: tensors[name][:-1].contiguous()}, file)
    with pytest.raises(ShapeMismatch, match="'color' .* 15 rows of vocabulary; the base has 16"):
        preflight(load_zoo(tiny_copy)).refuse()


def test_a_broken_base_does_not_hide_what_is_wrong_with_the_tasks(tiny_copy):
    (tiny_copy / "base" / "model.safetensors").write_bytes(b"")
    (tiny_copy / "color" / "model.safetensors").write_bytes(b"")
    found = preflight(load_zoo(tiny_copy))
    assert [look.name for look in found.looks if look.problem] == ["base", "color"]
    assert found.looks[2].size > 0


def test_a_base_that_is_an_adapter_is_a_problem_of_the_base(tiny_copy):
    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo | {"base": "animal"}))
    base = preflight(load_zoo(tiny_copy)).looks[0]
    assert "is an adapter; it must be a full model" in str(base.problem)


def test_a_forbidden_checkpoint_is_not_touched(tiny_copy, monkeypatch):
    opened = []
    monkeypatch.setattr(module, "open_checkpoint", lambda source: opened.append(source))

    def allow(source: str, name: str) -> None:
        raise NotAllowed(f"'{name}' is outside.")

    found = preflight(load_zoo(tiny_copy), allow)
    assert [str(each) for each in found.problems] == [
        "'base' is outside.", "'color' is outside.", "'animal' is outside.",
    ]  # fmt: skip
    assert opened == []


def test_too_little_memory_is_a_problem_in_numbers(tiny_zoo, monkeypatch):
    monkeypatch.setattr(module, "free_memory", lambda: 1000)
    found = preflight(load_zoo(tiny_zoo))
    with pytest.raises(
        StudioError, match=f"needs about {found.needed:,} bytes of memory, but only 1,000 are free"
    ):
        found.refuse()


def test_a_zoo_without_rows_needs_no_live_model(tiny_copy):
    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    for task in zoo["tasks"]:
        task.pop("data")
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    found = preflight(load_zoo(tiny_copy))
    assert (found.model, found.held, found.needed) == (0, 0, 0)
    assert found.deltas > 0


def test_a_problem_keeps_its_kind(tiny_copy):
    (tiny_copy / "color" / "model.safetensors").unlink()
    with pytest.raises(BadCheckpoint, match="'color': .* holds no safetensors file"):
        preflight(load_zoo(tiny_copy)).refuse()


def test_heads_labels_and_first_rows_are_opened_and_every_finding_is_listed(tiny_copy):
    for name in ("held_out", "validation"):
        file = tiny_copy / "color" / f"{name}.jsonl"
        file.write_text(file.read_text().replace('"text"', '"sentence"', 1))
    (tiny_copy / "animal" / "labels.json").write_text('["cat", "dog"]')
    found = preflight(load_zoo(tiny_copy))
    assert [str(each)[:7] for each in found.problems] == ["'color'", "'color'", "'animal"]
    words = [str(each) for each in found.problems]
    assert "held_out.jsonl, line 1 has the unknown key 'sentence'" in words[0] + words[1]
    assert "validation.jsonl, line 1 has the unknown key" in words[0] + words[1]
    assert "but there are 2 labels" in words[2]
    with pytest.raises(StudioError, match="has 3 problems"):
        found.refuse()


def test_a_choice_that_the_zoo_leaves_open_is_a_note(tiny_copy):
    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    del zoo["tasks"][0]["pooling"]
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    color, animal = preflight(load_zoo(tiny_copy)).looks[1:]
    assert "answered by BertForSequenceClassification, the class of its checkpoint." in color.notes
    assert "pooling: mean, as neither the zoo nor the checkpoint says another." in animal.notes


def test_a_head_of_another_width_is_a_problem_before_anything_is_opened(tiny_copy):
    save_file(
        {"weight": torch.zeros(3, 5), "bias": torch.zeros(3)}, tiny_copy / "animal/head.safetensors"
    )
    with pytest.raises(BadData, match="'animal': the head takes 5 numbers, the base gives 16"):
        preflight(load_zoo(tiny_copy)).refuse()


def test_every_mistake_of_a_zoo_file_is_listed(tiny_copy):
    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    zoo["colour"] = 1
    zoo["tasks"][0] |= {"pooling": "max", "max_length": 0, "labels": "none.json"}
    zoo["tasks"][1] |= {"checkpoint": 3, "data": {"held_out": "none.jsonl", "test": "x"}}
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    with pytest.raises(SeveralProblems) as error:
        load_zoo(tiny_copy)
    words = [str(each) for each in error.value.found]
    assert len(words) == 7
    expected = (
        "unknown key 'colour'", "task 1 has pooling 'max'", "task 1 has max_length 0",
        "task 1: labels", "task 2: 'checkpoint' is 3", "unknown key 'test'", "data held_out",
    )  # fmt: skip
    assert all(part in each for part, each in zip(expected, words, strict=True))


def test_what_is_wrong_with_the_base_is_told_once_and_of_the_base(tiny_copy):
    file = tiny_copy / "base" / "model.safetensors"
    save_file(load_file(file) | {"encoder.layer.0.dense.SCB": torch.ones(2)}, file)
    found = preflight(load_zoo(tiny_copy))
    (problem,) = found.problems
    assert found.looks[0].problem is problem
    assert "base holds quantized weights" in str(problem)
    assert [look.kind for look in found.looks] == ["full", "full", "LoRA"]


def test_a_base_without_a_tokenizer_is_a_problem_where_there_are_rows(tiny_copy):
    for file in (tiny_copy / "base").glob("tokenizer*"):
        file.unlink()
    (problem,) = preflight(load_zoo(tiny_copy)).problems
    assert "base holds no tokenizer" in str(problem)
    zoo = yaml.safe_load((tiny_copy / "zoo.yaml").read_text())
    for task in zoo["tasks"]:
        task.pop("data")
    (tiny_copy / "zoo.yaml").write_text(yaml.safe_dump(zoo))
    assert preflight(load_zoo(tiny_copy)).problems == []


def test_first_rows_of_unknown_words_are_a_problem_of_their_split(tiny_copy):
    rows = [{"text": "pourpre safran ocre", "label": 0}] * 3 + [{"text": "red", "label": 0}]
    text = "\n".join(json.dumps(row) for row in rows[:3] * 4 + rows[3:])
    (tiny_copy / "color" / "held_out.jsonl").write_text(text)
    found = preflight(load_zoo(tiny_copy))
    (problem,) = found.problems
    assert "'color', held_out rows: The tokenizer in" in str(problem)
    assert "first 13 texts: 36 of their 37 tokens are [UNK]." in str(problem)
    bench = Bench(load_zoo(tiny_copy), torch.device("cpu"))
    with pytest.raises(BadData, match="knows almost none of the first 13 texts"):
        bench.evaluation(bench.heads(["color"]), "held_out")


def test_a_base_in_half_precision_fits_where_it_would_be_worn_in_its_own_dtype(
    tiny_copy, monkeypatch
):
    file = tiny_copy / "base" / "model.safetensors"
    save_file({name: x.half() for name, x in load_file(file).items()}, file)
    roomy = preflight(load_zoo(tiny_copy))
    numbers = roomy.looks[0].parameters
    assert roomy.model == 4 * numbers
    monkeypatch.setattr(precision, "free_on", lambda device: 3 * numbers)
    assert preflight(load_zoo(tiny_copy)).model == 2 * numbers


@pytest.mark.parametrize(
    ("family", "kind", "row"),
    [
        ("Llama", "multiple-choice", {"question": "a", "options": ["b", "c" * 400], "answer": 0}),
        ("BART", "seq2seq", {"text": "a", "target": "c" * 400}),
    ],
)
def test_rows_that_no_model_of_the_base_reads_are_found_before_it_is_opened(
    tmp_path, family, kind, row
):
    choosers.experts(tmp_path, family)
    also = {"generate": True} if kind == "seq2seq" else {}
    choosers.write_zoo(tmp_path, {"full": [row]}, kind, **also)
    found = list(map(str, preflight(load_zoo(tmp_path)).problems))
    assert len(found) == 2, found
    for split, words in zip(("validation", "held_out"), found, strict=True):
        assert words.startswith(f"'full', {split} rows: ")
        assert "tokens" in words


def test_kinds_that_no_one_model_answers_are_found_before_it_is_opened(tmp_path):
    choosers.experts(tmp_path, "BART")
    choosers.write_zoo(tmp_path, {"full": [{"text": "a", "target": "b"}]}, "seq2seq")
    data = json.loads((tmp_path / "zoo.yaml").read_text())
    other = data["tasks"][0] | {"name": "lora", "checkpoint": "lora", "type": "causal-lm"}
    (tmp_path / "full_held_out.jsonl").write_text(json.dumps({"text": "a b"}))
    data["tasks"].append(other)
    (tmp_path / "zoo.yaml").write_text(json.dumps(data))
    found = preflight(load_zoo(tmp_path)).problems
    assert any("Put them into two zoo files" in str(each) for each in found), found
