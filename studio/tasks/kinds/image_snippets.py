"""Python for a model card: how an exported folder classifies pictures."""

_PREPARED = """\
```python
import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

folder, task = Path("."), {task!r}  # this folder, and one of heads/*
prepare = transformers.AutoImageProcessor.from_pretrained(folder / "heads" / task, backend="pil")
"""
OF_CLASS = (
    _PREPARED
    + """\
config = transformers.AutoConfig.from_pretrained(folder / "heads" / task)
model_class = getattr(transformers, config.architectures[0])
model = model_class.from_pretrained(folder, config=config, dtype=torch.float32).eval()
model.load_state_dict(load_file(folder / "heads" / task / "head.safetensors"), strict=False)


def classify(picture):  # of PIL, or of transformers.image_utils.load_image
    with torch.no_grad():
        logits = model(**prepare(picture.convert("RGB"), return_tensors="pt")).logits
    return config.id2label[int(logits.argmax(-1))]
```
"""
)
OF_POOLED = (
    _PREPARED
    + """\
encoder = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
encoder = getattr(encoder, "vision_model", encoder)  # of two towers
head = load_file(folder / "heads" / task / "head.safetensors")
labels = json.loads((folder / "heads" / task / "labels.json").read_text())


def classify(picture):  # of PIL, or of transformers.image_utils.load_image
    with torch.no_grad():
        output = encoder(**prepare(picture.convert("RGB"), return_tensors="pt"))
    pooled = output.pooler_output.flatten(1)
    return labels[int((pooled @ head["weight"].T + head["bias"]).argmax(-1))]
```
"""
)
OF_TEXTS = (
    _PREPARED.replace("from safetensors.torch import load_file\n", "")
    + """\
model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
labels = json.loads((folder / "heads" / task / "labels.json").read_text())
settings = json.loads((folder / "heads" / task / "head.json").read_text())


def normed(states):
    return states / states.norm(dim=-1, keepdim=True)


def sentences(label):  # one vector of all templates
    texts = [template.replace("{{}}", label) for template in settings["templates"]]
    inputs = tokenizer(texts, **settings["reading"], return_tensors="pt")
    inputs = {{name: inputs[name] for name in ("input_ids", "attention_mask") if name in inputs}}
    return normed(normed(model.get_text_features(**inputs).pooler_output).mean(0))


with torch.no_grad():
    classes = torch.stack([sentences(label) for label in labels])


def scores(picture):  # of PIL, or of transformers.image_utils.load_image
    inputs = prepare(picture.convert("RGB"), return_tensors="pt")
    with torch.no_grad():
        pictures = normed(model.get_image_features(**inputs).pooler_output)
        found = pictures @ classes.T * model.logit_scale.exp()
    return found + getattr(model, "logit_bias", 0)


def classify(picture):
    return labels[int(scores(picture).argmax(-1))]
```
"""
)
