"""Image classifiers answer as transformers has it, from arrays and from files."""

import io
import json

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from studio.errors import BadData, BadZoo
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.progress import silent
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.image_classification import ImageClassification
from studio.tasks.kinds.image_rows import read_images
from studio.tasks.kinds.image_snippets import OF_CLASS, OF_POOLED
from studio.tasks.own_class import OwnHead
from tests.tasks.kinds import classifiers, pictures

FAMILIES = [
    "ViT", "DeiT", "Swin", "Dinov2", "ConvNext", "ConvNextV2", "ResNet", "MobileNetV2",
    "Beit", "EfficientNet", "CLIP", "Siglip",
]  # fmt: skip


def write_zoo(folder, rows="rows.npz", **entry):
    task = {
        "name": "expert", "checkpoint": "expert", "type": "image-classification",
        "image_size": pictures.SIDE, "data": {"held_out": rows, "validation": rows},
    }  # fmt: skip
    (folder / "zoo.yaml").write_text(yaml.safe_dump({"base": "base", "tasks": [task | entry]}))
    return folder


def logits_of(bench):
    task, live = bench.tasks["expert"], bench.live
    live.wear(bench.expert("expert"))
    items = live.encode(task, task.rows("held_out"))
    batch = live.batch(task.kind, items)
    output = live.states(batch.inputs)
    return task.kind.scores(task.spec, task.head, output, batch, torch.arange(len(items)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_answers_as_transformers_has_it(tmp_path, family):
    model = pictures.built(tmp_path, family)
    pictures.write_rows(tmp_path, model)
    bench = classifiers.bench(write_zoo(tmp_path))
    assert isinstance(bench.tasks["expert"].head, OwnHead)
    assert isinstance(bench.tasks["expert"].kind, ImageClassification)
    expected = pictures.logits(model)
    assert (logits_of(bench) - expected).abs().max() < 1e-4 * expected.abs().max()
    assert classifiers.expert_score(bench).value == 1


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vit")
    names = {0: "cat", 1: "dog", 2: "fish"}
    model = pictures.built(folder, "ViT", id2label=names, label2id={n: i for i, n in names.items()})
    return folder, model, [names[i] for i in pictures.write_rows(folder, model)]


@pytest.mark.parametrize("own", [True, False])
def test_an_export_answers_by_the_card_s_program(vit, tmp_path, monkeypatch, own):
    folder, _, said = vit
    entry, code = {}, OF_CLASS
    if not own:
        drawn = torch.Generator().manual_seed(1)
        head = {"weight": torch.randn(3, 32, generator=drawn), "bias": torch.zeros(3)}
        save_file(head, folder / "head.safetensors")
        (folder / "expert" / "config.json").rename(folder / "expert" / "kept.json")
        entry, code = {"head": "head.safetensors", "labels": ["cat", "dog", "fish"]}, OF_POOLED
    try:
        bench = classifiers.bench(write_zoo(folder, **entry))
        if not own:
            assert isinstance(bench.tasks["expert"].head, LinearHead)
            said = [bench.tasks["expert"].labels[i] for i in logits_of(bench).argmax(-1)]
        content = MergedModel(bench.expert("expert"), [bench.tasks["expert"]])
        write_export(content, tmp_path / "out", silent)
    finally:
        if not own:
            (folder / "expert" / "kept.json").rename(folder / "expert" / "config.json")
    monkeypatch.chdir(tmp_path / "out")
    text = code.format(task="expert")
    assert text in (tmp_path / "out" / "README.md").read_text()
    space: dict = {}
    exec("\n".join(text.splitlines()[1:-1]), space)
    assert [space["classify"](Image.fromarray(each)) for each in pictures.images()] == said


def test_files_of_pictures_are_rows_too_grey_ones_and_those_with_alpha(vit, tmp_path):
    folder, _, said = vit
    rows = []
    for number, (pixels, label) in enumerate(zip(pictures.images(), said, strict=True)):
        Image.fromarray(pixels).convert("RGBA").save(folder / f"{number}.png")
        rows.append({"image": f"{number}.png", "label": label})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    bench = classifiers.bench(write_zoo(folder, "rows.jsonl"))
    assert classifiers.expert_score(bench).value == 1
    Image.fromarray(pictures.images()[0, :, :, 0]).save(folder / "grey.png")
    (folder / "grey.jsonl").write_text(json.dumps({"image": "grey.png", "label": "cat"}))
    (row,) = read_images(folder / "grey.jsonl", ("cat", "dog", "fish"), True)
    assert row.pixels().shape == (pictures.SIDE, pictures.SIDE, 3)


def test_pictures_of_other_sizes_are_resized_and_those_of_two_tasks_share_no_batch(vit):
    folder, _, _ = vit
    large = np.kron(pictures.images()[:8], np.ones((1, 2, 2, 1))).astype(np.uint8)
    np.savez(folder / "large.npz", images=large, labels=np.zeros(8, int))
    zoo = yaml.safe_load((write_zoo(folder, "large.npz") / "zoo.yaml").read_text())
    other = zoo["tasks"][0] | {"name": "other", "mean": [0.5] * 3, "std": [0.5] * 3}
    zoo["tasks"].append(other)
    (folder / "zoo.yaml").write_text(json.dumps(zoo))
    from studio.measure.bench import Bench
    from studio.zoo import load_zoo

    bench = Bench(load_zoo(folder), torch.device("cpu"), allow_duplicates=True)
    found = bench.evaluation(bench.heads(["expert", "other"]), "held_out")
    for _ in found.run(bench.live):
        pass
    assert {n: s.n for n, s in found.scores().items()} == {"expert": 8, "other": 8}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"labels": np.zeros(2, int)}, "holds no array 'images'"),
        ({"images": np.zeros((2, 4, 4, 4), np.uint8), "labels": [0, 0]}, r"\(2, 4, 4, 4\); needed"),
        ({"images": np.zeros((2, 4, 4)), "labels": [0, 0]}, "images float64"),
        ({"images": np.zeros((2, 4, 4), np.uint8)}, "no array 'labels'"),
        ({"images": np.zeros((2, 4, 4), np.uint8), "labels": [0]}, "shape .1,. for 2 images"),
        ({"images": np.zeros((2, 4, 4), np.uint8), "labels": [0, 7]}, "outside the head"),
        ({"images": np.array([None, 1]), "labels": [0, 0]}, "no .npz of plain arrays"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused_by_name(tmp_path, arrays, words):
    np.savez(tmp_path / "rows.npz", **arrays, allow_pickle=True)
    with pytest.raises(BadData, match=words):
        read_images(tmp_path / "rows.npz", ("a", "b"), True)


def test_what_is_no_picture_is_refused_with_its_place(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "rows.jsonl").write_text('{"image": "a.png", "label": 0}\n')
    (row,) = read_images(tmp_path / "rows.jsonl", ("a", "b"), True)
    with pytest.raises(BadData, match="line 1: .*a.png is no picture"):
        row.pixels()
    (tmp_path / "rows.jsonl").write_text('{"image": "../a.png", "label": 0}\n')
    with pytest.raises(BadData):
        read_images(tmp_path / "rows.jsonl", ("a", "b"), True)
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(BadData, match="no .npz of plain arrays"):
        read_images(tmp_path / "broken.npz", ("a", "b"), True)


@pytest.mark.parametrize(
    "entry", [{"image_size": 0}, {"image_size": "32"}, {"mean": [1, 2]}, {"std": [1, 0, 1]}]
)
def test_settings_that_say_nothing_possible_are_refused(vit, entry):
    folder, _, _ = vit
    with pytest.raises(BadZoo):
        classifiers.bench(write_zoo(folder, **entry))


def test_a_thumbnail_is_a_small_webp_whatever_the_picture_was(tmp_path):
    drawn = np.random.default_rng(0).integers(0, 256, (600, 300, 4), np.uint8)
    Image.fromarray(drawn, "RGBA").save(tmp_path / "large.png")
    Image.fromarray(drawn[:9, :8, 0]).save(tmp_path / "grey.png")
    lines = [json.dumps({"image": f"{name}.png", "label": 0}) for name in ("large", "grey")]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    small = [
        ImageClassification().thumbnail(row) for row in read_images(tmp_path / "rows.jsonl", ("a",))
    ]
    opened = [Image.open(io.BytesIO(each)) for each in small]
    assert [each.format for each in opened] == ["WEBP", "WEBP"]
    assert [each.size for each in opened] == [(64, 128), (8, 9)]
    assert max(map(len, small)) < 30_000
