"""Pictures are prepared as the base's own image processor prepares them, and as files say."""

import json

import numpy as np
import pytest
import torch
import transformers as t
from PIL import Image

from studio.checkpoints.checkpoint import open_base
from studio.errors import BadCheckpoint
from studio.tasks.kinds.image_items import (
    Picture,
    Preparation,
    preparation_of,
    prepared,
    refuse_shapes,
)
from studio.tasks.kinds.image_rows import ImageRow

SHAPES = ((50, 70), (71, 40), (33, 33), (300, 200))
PROCESSORS = {
    "CLIP": (t.CLIPImageProcessorPil, {"size": {"shortest_edge": 48}, "crop_size": 48}),
    "ViT": (t.ViTImageProcessorPil, {"size": {"height": 48, "width": 40}}),
    "ConvNext": (t.ConvNextImageProcessorPil, {"size": {"shortest_edge": 48}}),
    "ConvNext, 384": (t.ConvNextImageProcessorPil, {"size": {"shortest_edge": 384}}),
    "SigLIP": (t.SiglipImageProcessorPil, {"size": {"height": 48, "width": 48}}),
    "DINOv2": (t.BitImageProcessorPil, {"size": {"shortest_edge": 56}, "crop_size": 48}),
    "EfficientNet": (t.EfficientNetImageProcessorPil, {"size": {"height": 48, "width": 48}}),
    "SigLIP2": (t.Siglip2ImageProcessorPil, {"max_num_patches": 16}),
}


def drawn(shape):
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    config = t.ViTConfig(
        hidden_size=16, intermediate_size=16, num_attention_heads=2, num_hidden_layers=1,
        image_size=32,
    )  # fmt: skip
    t.ViTModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def said(base):
    def write(content, name="preprocessor_config.json"):
        (base / name).write_text(content if isinstance(content, str) else json.dumps(content))
        return open_base(str(base))

    yield write
    for name in ("preprocessor_config.json", "processor_config.json"):
        (base / name).unlink(missing_ok=True)


def pixels(how, shapes=SHAPES):
    rows = [ImageRow(drawn(shape), 0, None, "") for shape in shapes]
    return prepared([Picture(row, how) for row in rows])


@pytest.mark.parametrize("name", PROCESSORS)
def test_pictures_are_what_the_processor_of_the_base_makes_of_them(said, name):
    made = PROCESSORS[name][0](**PROCESSORS[name][1])
    how, notes = preparation_of(said(made.to_dict()))
    assert notes == ()
    expected = made([Image.fromarray(drawn(shape)) for shape in SHAPES], return_tensors="pt")
    found = pixels(how)
    assert {*found} == {*expected}
    for key, value in expected.items():
        assert torch.equal(found[key], value)


@pytest.mark.parametrize("resample", [0, 2, 3])
def test_pictures_are_resized_as_the_file_says(said, resample):
    size = {"height": 20, "width": 20}
    whole = {"image_processor_type": "ViTImageProcessor", "size": size, "resample": resample}
    how, _ = preparation_of(said(whole))
    small = Image.fromarray(drawn((50, 70))).resize((20, 20), resample)
    expected = torch.from_numpy(np.array(small)).permute(2, 0, 1) / 255 * 2 - 1
    assert (pixels(how, [(50, 70)])["pixel_values"][0] - expected).abs().max() < 1e-6


def test_a_processor_among_texts_counts_first_and_an_old_file_is_read(said):
    old = {"feature_extractor_type": "ViTFeatureExtractor", "size": 24, "image_mean": [0.1] * 3}
    how, _ = preparation_of(said(old))
    assert pixels(how)["pixel_values"].shape == (4, 3, 24, 24)
    made = t.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=16)
    nested = {"processor_class": "CLIPProcessor", "image_processor": made.to_dict()}
    how, _ = preparation_of(said(nested, "processor_config.json"))
    assert pixels(how)["pixel_values"].shape == (4, 3, 16, 16)


def test_without_a_file_imagenet_s_numbers_count_and_that_is_said(base):
    how, (note,) = preparation_of(open_base(str(base)))
    assert note.startswith("pictures: 32 by 32, ImageNet's mean and deviation, since the base has")
    plain = json.loads(how.plain)
    assert plain["image_mean"] == [0.485, 0.456, 0.406]
    assert pixels(how)["pixel_values"].shape == (4, 3, 32, 32)


def test_a_zoo_s_size_mean_and_deviation_come_before_the_file_s(said):
    made = t.CLIPImageProcessorPil(size={"shortest_edge": 48}, crop_size=48)
    how, _ = preparation_of(said(made.to_dict()))
    other = how.changed(20, [0.5] * 3, [0.25] * 3)
    assert other != how
    small = Image.fromarray(drawn((50, 70))).resize((20, 20), Image.Resampling.BICUBIC)
    expected = (torch.from_numpy(np.array(small)).permute(2, 0, 1) / 255 - 0.5) / 0.25
    assert (pixels(other, [(50, 70)])["pixel_values"][0] - expected).abs().max() < 1e-5
    cut, _ = preparation_of(said(t.ConvNextImageProcessorPil().to_dict()))
    assert pixels(cut.changed(24, None, None))["pixel_values"].shape == (4, 3, 24, 24)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ({"image_processor_type": "Foreign", "auto_map": {"AutoImageProcessor": "x.Y"}}, "not run"),
        ({"image_processor_type": "Foreign"}, "names the image processor Foreign"),
        ({"image_processor_type": "ViTImageProcessor", "size": "a"}, "cannot be understood"),
        ({"image_processor_type": "ViTImageProcessor", "size": 10**6}, "a side of 1000000"),
        ({"image_processor_type": "ViTImageProcessor", "size": {"height": 0, "width": 9}}, "of 0"),
    ],
)
def test_a_file_that_names_no_known_processor_is_refused(said, content, words):
    with pytest.raises(BadCheckpoint, match=words):
        preparation_of(said(content))


def test_a_file_that_leads_elsewhere_is_refused(said, base, tmp_path):
    opened = said({})
    (tmp_path / "own.json").write_text("{}")
    (base / "preprocessor_config.json").unlink()
    (base / "preprocessor_config.json").symlink_to(tmp_path / "own.json")
    with pytest.raises(BadCheckpoint, match="outside its folder"):
        preparation_of(opened)


def test_pictures_that_keep_their_shape_and_settings_that_fail_are_refused(said):
    whole = t.CLIPImageProcessorPil(size={"shortest_edge": 16}, do_center_crop=False)
    how, _ = preparation_of(said(whole.to_dict()))
    with pytest.raises(BadCheckpoint, match="It: pictures keep their shape.*Set image_size"):
        refuse_shapes(how, "It")
    refuse_shapes(how.changed(16, None, None), "It")
    broken = Preparation("", t.ViTImageProcessorPil(size={"height": 8, "width": 8}, image_mean=[1]))
    with pytest.raises(BadCheckpoint, match="It cannot be understood"):
        refuse_shapes(broken, "It")
