"""Zero-shot: pictures by sentences, equal to transformers' own logits per image."""

import json
import shutil

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from studio.errors import BadCheckpoint, BadData, BadZoo
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.measure.bench import score_folder
from studio.progress import silent
from studio.search.gradient import gradients
from studio.tasks.kinds.image_snippets import OF_TEXTS
from studio.tasks.kinds.zero_shot import USUAL_TEMPLATES, ZeroShotHead
from tests.scored import score, score_experts
from tests.tasks.kinds import classifiers, pictures, towers

FAMILIES = ["CLIP", "Siglip", "Siglip2"]


@pytest.fixture(scope="module", params=FAMILIES)
def zoo(request, tmp_path_factory):
    folder = towers.built(tmp_path_factory.mktemp(request.param), request.param)
    own = {
        n: towers.logits(folder, towers.expert(folder, request.param, n)) for n in towers.EXPERTS
    }
    said = {name: found.argmax(-1).tolist() for name, found in own.items()}
    assert all(len(set(each)) > 1 for each in said.values())
    towers.write_zoo(folder, said, "zoo.yaml")
    return folder, request.param, own


def logits_of(bench, name, merge):
    task, live = bench.tasks[name], bench.live
    live.wear(merge)
    items = live.encode(task, task.rows("held_out"))
    batch = live.batch(task.kind, items)
    output = live.states(batch.inputs)
    return task.kind.scores(task.spec, task.head, output, batch, torch.arange(len(items)))


def test_every_expert_answers_as_transformers_has_it_and_scores_all(zoo):
    folder, _, own = zoo
    bench = classifiers.bench(folder)
    for name, expected in own.items():
        assert isinstance(bench.tasks[name].head, ZeroShotHead)
        found = logits_of(bench, name, bench.expert(name))
        assert (found - expected).abs().max() < 1e-4
    assert {n: s.value for n, s in score_experts(bench).items()} == dict.fromkeys(own, 1.0)


def test_a_class_is_the_mean_of_its_sentences_as_clip_has_it(zoo):
    folder, family, own = zoo
    model, given = towers.expert(folder, family, "whole"), list(towers.TEMPLATES)
    said = {"whole": own["whole"].argmax(-1).tolist()}
    bench = classifiers.bench(towers.write_zoo(folder, said, "two.yaml", templates=given))
    every = [towers.outputs(folder, model, template) for template in given]
    mean = torch.stack([each.text_embeds for each in every]).mean(0)
    mean = mean / mean.norm(dim=-1, keepdim=True)
    expected = every[0].image_embeds @ mean.T * model.logit_scale.exp()
    expected = expected + getattr(model, "logit_bias", torch.zeros(()))
    found = logits_of(bench, "whole", bench.expert("whole"))
    assert (found - expected).abs().max() < 1e-4


def test_sentences_are_read_again_where_the_text_tower_moves_and_only_there(zoo, monkeypatch):
    folder, _, _ = zoo
    bench, read, kept = classifiers.bench(folder), [], ZeroShotHead._read
    monkeypatch.setattr(ZeroShotHead, "_read", lambda head, m: read.append(1) or kept(head, m))
    recipe = bench.zoo.recipe("task_arithmetic", 0.5)
    frozen = recipe.without("whole")
    for coefficient in (0.5, 0.2, 0.9):
        moved = frozen.with_coefficients({"vision": coefficient})
        logits_of(bench, "vision", bench.merge(moved))
    assert len(read) == 1
    for coefficient in (0.5, 0.2):
        moved = recipe.with_coefficients({"whole": coefficient})
        logits_of(bench, "vision", bench.merge(moved))
    assert len(read) == 3
    logits_of(bench, "vision", bench.merge(moved.without("whole")))
    assert len(read) == 4


def test_what_is_worn_again_and_slid_is_what_a_fresh_model_says(zoo):
    folder, _, _ = zoo
    bench, fresh = classifiers.bench(folder), classifiers.bench(folder)
    recipe = bench.zoo.recipe("task_arithmetic", 0.5)
    last = bench.merge(recipe.with_coefficients({"whole": 0.1}))
    before = logits_of(bench, "vision", bench.merge(recipe))
    expected = logits_of(fresh, "vision", fresh.merge(last.recipe))
    assert torch.equal(logits_of(bench, "vision", last), expected)
    live, task = bench.live, bench.tasks["vision"]
    assert live.slide(bench.merge(recipe), "whole", 10**9)
    assert live.slide(last, "whole", 10**9)
    batch = live.batch(task.kind, live.encode(task, task.rows("held_out")))
    output, every = live.states(batch.inputs), torch.arange(len(batch.items))
    assert task.head
    slid = task.kind.scores(task.spec, task.head, output, batch, every)
    assert (slid - expected).abs().max() < 1e-4
    assert (slid - before).abs().max() > 1e-2


def test_a_gradient_passes_both_towers(zoo):
    folder, _, _ = zoo
    bench = classifiers.bench(folder)
    live, task, merge = bench.live, bench.tasks["whole"], bench.expert("whole")
    logits_of(bench, "whole", merge)  # sentences are known without gradients
    batch = live.batch(task.kind, live.encode(task, task.rows("held_out"))[:2])
    with gradients(live, merge) as parameters:
        output = live.encoder(**batch.inputs)
        right = torch.tensor([row.answers[0] for row in task.rows("held_out")[:2]])
        assert task.head
        about = task.spec, task.head, output, batch, torch.arange(2), right
        task.kind.nats(*about).sum().backward()
        parts = {name.split(".")[0] for name, x in parameters.items() if x.grad is not None}
    assert {"text_model", "vision_model", "logit_scale"} <= parts


def test_an_export_answers_by_the_card_s_program(zoo, tmp_path, monkeypatch):
    folder, _, own = zoo
    given = list(towers.TEMPLATES)
    said = {name: own[name].argmax(-1).tolist() for name in ("whole", "vision")}
    bench = classifiers.bench(towers.write_zoo(folder, said, "card.yaml", templates=given))
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.4))
    write_export(MergedModel(merge, [*bench.tasks.values()]), tmp_path / "out", silent)
    expected = logits_of(bench, "vision", merge)
    reopened = bench.folder_model(tmp_path / "out")
    scores = score_folder(bench, tmp_path / "out", live=reopened)
    assert scores == score(bench, merge)
    monkeypatch.chdir(tmp_path / "out")
    text = OF_TEXTS.format(task="vision")
    card = (tmp_path / "out" / "README.md").read_text()
    assert OF_TEXTS.format(task="whole") in card or text in card
    space: dict = {}
    exec("\n".join(text.splitlines()[1:-1]), space)
    shown = [Image.fromarray(each) for each in pictures.images()]
    found = torch.cat([space["scores"](each) for each in shown])
    assert (found - expected).abs().max() < 1e-4
    names = [towers.LABELS[place] for place in expected.argmax(-1)]
    assert [space["classify"](each) for each in shown] == names


def test_labels_alone_are_enough_and_what_is_chosen_is_said(zoo):
    folder, _, _ = zoo
    bench = classifiers.bench(
        towers.write_zoo(folder, {"whole": [0] * 40}, "a.yaml", templates=None)
    )
    head = bench.tasks["whole"].head
    assert isinstance(head, ZeroShotHead)
    assert head.templates == USUAL_TEMPLATES == ("a photo of a {}.",)
    notes = " ".join(bench.notes["whole"])
    assert "zero-shot: 3 labels by the base's text tower, in 'a photo of a {}.'." in notes


def test_sentences_that_the_tower_cannot_hold_are_cut_and_counted(zoo):
    folder, _, _ = zoo
    long = ["{} " + "w1 " * 20]
    bench = classifiers.bench(
        towers.write_zoo(folder, {"whole": [0] * 40}, "b.yaml", templates=long)
    )
    assert "3 of 3 sentences are cut after 16 tokens." in bench.notes["whole"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"templates": "a {}"}, "must be a list of texts, each with one {}"),
        ({"templates": ["a {} {}"]}, "must be a list of texts, each with one {}"),
        ({"templates": []}, "must be a list of texts, each with one {}"),
        ({"head": "whole/model.safetensors", "templates": ["{}"]}, "has a head and templates"),
    ],
)
def test_templates_that_cannot_be_filled_are_refused(zoo, entry, words):
    folder, _, _ = zoo
    with pytest.raises(BadZoo, match=words):
        classifiers.bench(towers.write_zoo(folder, {"whole": [0] * 40}, "c.yaml", **entry))


def test_one_label_leaves_nothing_to_choose_between(zoo):
    file = towers.write_zoo(zoo[0], {"whole": [0] * 40}, "one.yaml", labels=["w5"])
    with pytest.raises(BadData, match="its one label 'w5' leaves nothing to choose between"):
        classifiers.bench(file)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"labels": None}, "'whole' has no head, so the base's text tower answers, but the zoo na"),
        ({"labels": ["w1 w2", "w1 w2 "]}, "reads the labels 'w1 w2' and 'w1 w2 ' as the same"),
    ],
)
def test_labels_that_no_tower_tells_apart_are_refused(zoo, entry, words):
    folder, family, _ = zoo
    if family == "Siglip2" and entry["labels"]:
        pytest.skip("its tokenizer reads spaces")
    with pytest.raises(BadData, match=words):
        classifiers.bench(towers.write_zoo(folder, {"whole": [0] * 40}, "d.yaml", **entry))


def test_a_base_without_a_whole_text_tower_or_tokenizer_is_refused(zoo, tmp_path):
    folder, family, _ = zoo
    shutil.copytree(folder, tmp_path / "own")
    own = tmp_path / "own"
    file = towers.write_zoo(own, {"vision": [0] * 40}, "e.yaml")
    for each in own.glob("base/token*"):
        each.unlink()
    with pytest.raises(BadCheckpoint, match="holds no tokenizer"):
        classifiers.bench(file)
    weights = load_file(own / "base" / "model.safetensors")
    kept = {k: x for k, x in weights.items() if not k.startswith("text_model.final")}
    save_file(kept, own / "base" / "model.safetensors", {"format": "pt"})
    words = f"holds no text_model.final_layer_norm.bias.*Name the whole {family}Model as base"
    with pytest.raises(BadData, match=words):
        classifiers.bench(file)


def test_a_base_of_one_tower_has_none_that_could_read_templates(tmp_path):
    pictures.write_rows(tmp_path, pictures.built(tmp_path, "ViT"))
    about = {"name": "expert", "checkpoint": "expert", "type": "image-classification"}
    about |= {"labels": ["a", "b", "c"], "templates": ["{}"], "data": {"held_out": "rows.npz"}}
    (tmp_path / "zoo.yaml").write_text(json.dumps({"base": "base", "tasks": [about]}))
    with pytest.raises(BadData, match="its base has no text tower that could read templates"):
        classifiers.bench(tmp_path)


def test_general_rows_and_a_later_checkpoint_are_answered_by_the_same_sentences(zoo):
    folder, _, own = zoo
    file = towers.write_zoo(folder, {"vision": own["vision"].argmax(-1).tolist()}, "f.yaml")
    content = json.loads(file.read_text())
    task = content["tasks"][0]
    kept = {key: task[key] for key in ("type", "labels", "templates")}
    general = kept | {"name": "kept", "data": {"held_out": "vision.npz"}}
    file.write_text(json.dumps(content | {"general": [general]}))
    bench = classifiers.bench(file)
    base = bench.evaluation(bench.general_heads(), "held_out")
    bench.live.wear(None)
    assert list(base.run(bench.live))[-1] == 1
    assert base.scores()["kept"].n == 40
    later = bench.tasks["vision"].succeeded(str(folder / "lora"), {}, bench.base)
    assert isinstance(later.head, ZeroShotHead)
    assert later.head.about == getattr(bench.tasks["vision"].head, "about", None)
