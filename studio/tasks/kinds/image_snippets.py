"""Python for a model card: how an exported folder classifies pictures."""

_PREPARED = """\
```python
import json
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file

folder, task = Path("."), {task!r}  # this folder, and one of heads/*
settings = json.loads((folder / "heads" / task / "head.json").read_text())


def prepared(picture):
    pixels = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).float()[None]
    height, width = settings["size"]
    whole = (height, width)
    if settings["shortest_edge"]:
        factor = settings["shortest_edge"] / min(pixels.shape[2:])
        whole = [max(round(x * factor), y) for x, y in zip(pixels.shape[2:], whole)]
    if tuple(pixels.shape[2:]) != tuple(whole):
        pixels = torch.nn.functional.interpolate(pixels, whole, mode="bilinear", antialias=True)
    top, left = (whole[0] - height) // 2, (whole[1] - width) // 2
    pixels = pixels[:, :, top:top + height, left:left + width] * settings["scale"]
    mean, std = (torch.tensor(settings[k]).view(-1, 1, 1) for k in ("mean", "std"))
    return (pixels - mean) / std

"""
OF_CLASS = (
    _PREPARED
    + """
config = transformers.AutoConfig.from_pretrained(folder / "heads" / task)
model_class = getattr(transformers, config.architectures[0])
model = model_class.from_pretrained(folder, config=config, dtype=torch.float32).eval()
model.load_state_dict(load_file(folder / "heads" / task / "head.safetensors"), strict=False)


def classify(picture):  # of PIL
    with torch.no_grad():
        return config.id2label[int(model(prepared(picture)).logits.argmax(-1))]
```
"""
)
OF_POOLED = (
    _PREPARED
    + """
encoder = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
head = load_file(folder / "heads" / task / "head.safetensors")
labels = json.loads((folder / "heads" / task / "labels.json").read_text())


def classify(picture):  # of PIL
    with torch.no_grad():
        pooled = encoder(prepared(picture)).pooler_output.flatten(1)
    return labels[int((pooled @ head["weight"].T + head["bias"]).argmax(-1))]
```
"""
)
