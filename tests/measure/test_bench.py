"""Evaluation against transformers and PEFT doing the same work their own way."""

import json
import re

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.compare.scale_search import plan_budget
from studio.errors import BadCheckpoint, BadData, BadZoo, NotFinite
from studio.measure.bench import Bench
from studio.measure.evaluate import Evaluation
from studio.measure.references import references, score_references
from studio.merge import open_merge
from studio.recipe import GroupedCoefficient
from studio.zoo import load_zoo
from tests import bertzoo
from tests.conftest import DEMO, refusal
from tests.merged import merged_tensors
from tests.scored import score, score_experts

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bench(tiny_zoo):
    return Bench(load_zoo(tiny_zoo), CPU)


def test_a_checkpoint_of_another_digest_than_the_zoo_file_names_is_refused(tiny_copy):
    file = tiny_copy / "zoo.yaml"
    plain, zoo = yaml.safe_load(file.read_text()), load_zoo(tiny_copy)
    for entry, spec in zip(plain["tasks"], zoo.tasks, strict=True):
        entry["digest"] = open_checkpoint(spec.checkpoint, (tiny_copy,)).digest
    file.write_text(yaml.safe_dump(plain))
    Bench(load_zoo(tiny_copy), CPU)
    plain["tasks"][0]["digest"] = "a" * 64
    file.write_text(yaml.safe_dump(plain))
    name = plain["tasks"][0]["name"]
    with pytest.raises(BadZoo, match=f"'{name}': the zoo file names the digest aaaaaaaaaaaa…, but"):
        Bench(load_zoo(tiny_copy), CPU)
    for wrong in ("abc", 5, "A" * 64):
        plain["tasks"][0]["digest"] = wrong
        file.write_text(yaml.safe_dump(plain))
        with pytest.raises(BadZoo, match="'digest' is .* 64 hexadecimal digits in quotes"):
            load_zoo(tiny_copy)


def texts(bench, task):
    return [row.text for row in bench.tasks[task].rows("held_out")]


def predictions(bench, task, merge):
    bench.live.wear(merge)
    evaluation = bench.evaluation(bench.heads([task]), "held_out")
    assert list(evaluation.run(bench.live))[-1] == 1.0
    return evaluation.predictions[task].tolist()


def test_a_full_expert_predicts_what_its_own_class_predicts(bench, tiny_zoo):
    from transformers import AutoTokenizer, BertForSequenceClassification

    model = BertForSequenceClassification.from_pretrained(tiny_zoo / "color").eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_zoo / "base")
    batch = tokenizer(texts(bench, "color"), padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = model(**batch).logits.argmax(-1).tolist()
    assert predictions(bench, "color", bench.expert("color")) == expected
    assert len(set(expected)) > 1


def test_an_adapter_expert_is_what_peft_merges(bench, tiny_zoo):
    from peft import PeftModel
    from transformers import AutoTokenizer, BertModel

    base = BertModel.from_pretrained(tiny_zoo / "base")
    merged = PeftModel.from_pretrained(base, str(tiny_zoo / "animal")).merge_and_unload().eval()
    ours = merged_tensors(bench.expert("animal"))
    theirs = merged.state_dict()
    assert len(ours) == 10
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=1e-6)
    tokenizer = AutoTokenizer.from_pretrained(tiny_zoo / "base")
    batch = tokenizer(texts(bench, "animal"), padding=True, return_tensors="pt")
    head = load_file(tiny_zoo / "animal" / "head.safetensors")
    with torch.no_grad():
        states, mask = merged(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)
        pooled = (states * mask).sum(1) / mask.sum(1)
        expected = (pooled @ head["weight"].T + head["bias"]).argmax(-1).tolist()
    assert predictions(bench, "animal", bench.expert("animal")) == expected


def test_taking_a_merge_off_leaves_the_base_bit_for_bit(bench):
    bench.live.wear(None)
    before = {k: v.clone() for k, v in bench.live.encoder.state_dict().items()}
    bench.live.wear(bench.merge(bench.zoo.recipe("task_arithmetic", 1.0)))
    worn = bench.live.encoder.state_dict()
    assert any(not worn[k].equal(v) for k, v in before.items())
    bench.live.wear(bench.expert("animal"))  # changes fewer tensors: the others must go back
    bench.live.wear(None)
    assert all(bench.live.encoder.state_dict()[k].equal(v) for k, v in before.items())


def test_a_merge_refused_half_way_leaves_nothing_on_the_model(bench):
    bench.live.wear(None)
    before = {k: v.clone() for k, v in bench.live.encoder.state_dict().items()}
    late = GroupedCoefficient(0.5, (("encoder.layer.1.*", 1e39),))
    recipe = bench.zoo.recipe("task_arithmetic").with_coefficients({"color": late})
    with pytest.raises(NotFinite, match="leave the range of"):
        bench.live.wear(bench.merge(recipe))
    bench.live.wear(None)
    assert all(bench.live.encoder.state_dict()[k].equal(v) for k, v in before.items())


def test_a_merge_on_another_base_is_not_shown_on_this_one(bench, tiny_copy):
    base = load_file(tiny_copy / "base" / "model.safetensors")
    moved = {k: v + 1 for k, v in base.items()}
    save_file(moved, tiny_copy / "base" / "model.safetensors", {"format": "pt"})
    other = open_merge(load_zoo(tiny_copy).recipe())
    with pytest.raises(BadCheckpoint, match="The merge is on the base"):
        bench.live.wear(other)


def test_a_longer_text_than_the_model_reads_is_refused_with_both_numbers(tiny_copy):
    edit(tiny_copy, lambda z: z["tasks"][0].update(max_length=64))
    bench = Bench(load_zoo(tiny_copy), CPU)
    with pytest.raises(BadData, match="'color' has max_length 64, but .* at most 32 tokens"):
        score(bench, None)


def test_head_only_is_scored_for_the_tasks_that_have_one(tiny_copy):
    edit(tiny_copy, lambda z: z["tasks"][1].update(head_only="animal/head_only.safetensors"))
    bench = Bench(load_zoo(tiny_copy), CPU)
    outcome = score_references(references(bench)).head_only
    assert outcome is not None
    found = outcome.scores
    assert set(found) == {"animal"}
    bench.live.wear(None)
    head = bench.tasks["animal"].head_only
    evaluation = bench.evaluation({"animal": head}, "held_out")
    list(evaluation.run(bench.live))
    assert evaluation.scores() == found


def test_a_head_of_more_than_one_layer_is_refused(tiny_copy):
    model = load_file(tiny_copy / "color" / "model.safetensors")
    model["pre_classifier.weight"] = torch.zeros(16, 16)
    save_file(model, tiny_copy / "color" / "model.safetensors")
    with pytest.raises(BadData, match="keeps pre_classifier.weight to itself"):
        Bench(load_zoo(tiny_copy), CPU)


def test_a_split_without_rows_is_refused(tiny_copy):
    edit(tiny_copy, lambda z: [t["data"].pop("validation") for t in z["tasks"]])
    bench = Bench(load_zoo(tiny_copy), CPU)
    with pytest.raises(BadData, match="has validation rows"):
        score(bench, None, "validation")
    assert score_experts(bench, "held_out")


def test_scores_grow_from_a_fair_sample_of_every_task_to_all_rows(bench):
    bench.live.wear(None)
    evaluation = bench.evaluation(bench.heads(bench.scored()), "held_out")
    evaluation.step(bench.live)
    first = evaluation.scores()
    assert {name: s.n for name, s in first.items()} == {"color": 16, "animal": 16}
    list(evaluation.run(bench.live))
    assert {name: s.n for name, s in evaluation.scores().items()} == {"color": 50, "animal": 50}
    assert evaluation.scores()["color"].interval == "wilson"
    assert evaluation.scores()["animal"].interval == "cluster-bootstrap"
    assert isinstance(evaluation, Evaluation)


@pytest.mark.slow
def test_the_demo_zoo_reproduces_the_measured_table():
    """The held-out accuracies that were computed with PEFT alone when the zoo was made."""
    bench = Bench(load_zoo(DEMO), CPU)
    merged = bench.zoo.recipe("task_arithmetic", 0.3)
    table = {
        "clinic-north": (0.930, 0.933), "clinic-south": (0.956, 0.958),
        "guild-registry": (0.504, 0.328), "freight-desk": (0.669, 0.639),
        "incident-desk": (0.784, 0.778), "dictionary": (0.674, 0.690),
    }  # fmt: skip
    for place, recipe in enumerate((merged, merged.without("guild-registry"))):
        at = {name: s.value for name, s in score(bench, bench.merge(recipe)).items()}
        expected = {name: each[place] for name, each in table.items()}
        assert at == pytest.approx(expected, abs=0.0041)  # four rows of 1,000: kernels differ


def test_head_only_needs_one_per_task(bench):
    assert score_references(references(bench)).head_only is None


def edit(folder, change):
    content = bertzoo.zoo()
    change(content)
    (folder / "zoo.yaml").write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda z: z.pop("base"), "'base' is None"),
        (lambda z: z.update(tasks=[]), "lists no tasks"),
        (lambda z: z.update(extra=1), "unknown key 'extra'"),
        (lambda z: z["tasks"][0].update(pooling="max"), "pooling 'max'"),
        (lambda z: z["tasks"][0].update(type="sound-classification"), "type 'sound-class"),
        (lambda z: z["tasks"][0].update(max_length=0), "max_length 0"),
        (lambda z: z["tasks"][0].update(name="animal"), "names the task 'animal' twice"),
        (lambda z: z["tasks"][0].update(labels="nowhere.json"), "no file .*nowhere.json"),
        (lambda z: z["tasks"][0]["data"].update(test="x"), "unknown key 'test'"),
    ],
)
def test_a_bad_zoo_is_refused_by_name(tiny_copy, change, words):
    edit(tiny_copy, change)
    with pytest.raises(BadZoo, match=words) as error:
        load_zoo(tiny_copy)
    assert "zoo.yaml" in refusal(error)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no rows"),
        ("\n  \n", "holds no rows"),
        ('{"text": "a", "label": 0}\n{"text": "b",', "line 2 is not JSON"),
        ('{"text": "a", "label": 3}', r"line 1: the label 3 is outside the head, which has 3"),
        ('{"text": "a", "label": -1}', "label -1 stands for an unlabelled row"),
        ('{"text": "a", "label": "cow"}', "label 'cow' is not among the 3 labels"),
        ('{"text": "a", "label": true}', "the label is true; write a label's name"),
        ('{"text": 5, "label": 0}', "'text' is 5"),
        ("[1]", "row 1 must be a mapping"),
        ('{"text": "a", "label": 0, "group": "x"}\n{"text": "a", "label": 0}', "some have none"),
    ],
)
def test_bad_rows_are_refused_with_file_and_line(tiny_copy, content, words):
    (tiny_copy / "color" / "held_out.jsonl").write_text(content)
    bench = Bench(load_zoo(tiny_copy), CPU)
    with pytest.raises(BadData, match=words) as error:
        bench.tasks["color"].rows("held_out")
    assert "color/held_out.jsonl" in refusal(error)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"weight": torch.zeros(4, 16)}, r"weight \(4, 16\) and bias \(4,\), but there are 3"),
        ({"bias": torch.zeros(3)}, "supported is one linear layer"),
        ({"weight": torch.zeros(3, 16), "bias": torch.zeros(2)}, "bias"),
        ({"weight": torch.full((3, 16), torch.nan)}, "NaN"),
    ],
)
def test_a_head_that_does_not_fit_is_refused(tiny_copy, tensors, words):
    save_file(tensors, tiny_copy / "animal" / "head.safetensors")
    with pytest.raises(BadData, match=words):
        Bench(load_zoo(tiny_copy), CPU)


def test_a_head_of_another_width_is_refused(tiny_copy):
    save_file({"weight": torch.zeros(3, 17)}, tiny_copy / "animal" / "head.safetensors")
    bench = Bench(load_zoo(tiny_copy), CPU)
    with pytest.raises(BadData, match="takes 17 numbers, the encoder gives 16"):
        score(bench, None)


def test_labels_must_be_a_list_of_different_names(tiny_copy):
    for content, words in (('{"a": 1}', "list of label names"), ('["a", "a", "b"]', "twice")):
        (tiny_copy / "animal" / "labels.json").write_text(content)
        with pytest.raises(BadData, match=words):
            Bench(load_zoo(tiny_copy), CPU)


def test_only_validation_rows_may_lack_a_label_and_scores_say_so(tiny_copy):
    for split in ("validation", "held_out"):
        file = tiny_copy / "color" / f"{split}.jsonl"
        file.write_text(re.sub(r', "label": "?\w+"?', "", file.read_text(), count=2))
    bench = Bench(load_zoo(tiny_copy), CPU)
    assert not bench.tasks["color"].labelled("validation")
    assert bench.tasks["animal"].labelled("validation")
    with pytest.raises(BadData, match="'color': 2 of its 30 validation rows have no label"):
        score(bench, None, "validation")
    with pytest.raises(BadData, match="held_out.jsonl, line 1 has no label"):
        score(bench, None)
    with pytest.raises(BadData, match="labelled validation rows, but these have none: color"):
        plan_budget(bench, ("average",), True)


def test_a_base_without_config_merges_but_says_why_it_cannot_be_scored(tiny_copy):
    (tiny_copy / "base" / "config.json").unlink()
    bench = Bench(load_zoo(tiny_copy), CPU)
    assert merged_tensors(bench.merge(bench.zoo.recipe()))
    with pytest.raises(BadCheckpoint, match="no config.json. It can be merged, but live scores"):
        score(bench, None)


def test_pooling_by_a_pooler_that_nobody_has_is_refused(tiny_copy):
    base = load_file(tiny_copy / "base" / "model.safetensors")
    left = {k: v for k, v in base.items() if "pooler" not in k}
    save_file(left, tiny_copy / "base" / "model.safetensors", {"format": "pt"})
    Bench(load_zoo(tiny_copy), CPU)  # 'color' brings a pooler of its own, as a private tensor
    edit(tiny_copy, lambda z: z["tasks"][1].update(pooling="pooler"))
    with pytest.raises(BadZoo, match="'animal' asks for pooling 'pooler'"):
        Bench(load_zoo(tiny_copy), CPU)


def test_a_zoo_without_data_still_has_geometry(tiny_copy):
    edit(tiny_copy, lambda z: [task.pop("data") for task in z["tasks"]])
    bench = Bench(load_zoo(tiny_copy), CPU)
    assert bench.scored() == ()
    assert bench.merge(bench.zoo.recipe()).basis.rows.shape == (len(bench.deltas.names), 2, 2)
    with pytest.raises(BadData, match="No task of 'Tiny <zoo>' has held_out rows"):
        score(bench, None)


def test_rows_by_name_and_by_index_mean_the_same(tiny_zoo):
    lines = (tiny_zoo / "animal" / "held_out.jsonl").read_text().splitlines()
    kinds = {type(json.loads(line)["label"]) for line in lines}
    assert kinds == {int, str}
