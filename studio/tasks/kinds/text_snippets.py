"""Python for a model card: how an exported folder classifies texts, by a class or a linear head."""

OF_CLASS = """\
```python
import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

folder, task = Path("."), {task!r}  # this folder, and one of heads/*
config = transformers.AutoConfig.from_pretrained(folder / "heads" / task)
model_class = getattr(transformers, config.architectures[0])
model = model_class.from_pretrained(folder, config=config, dtype=torch.float32).eval()
model.load_state_dict(load_file(folder / "heads" / task / "head.safetensors"), strict=False)
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
settings = json.loads((folder / "heads" / task / "head.json").read_text())


def classify(text):
    inputs = tokenizer(text, truncation=True, max_length=settings["max_length"],
                       return_token_type_ids=False, return_tensors="pt")
    with torch.no_grad():
        return config.id2label[int(model(**inputs).logits.argmax(-1))]
```
"""
OF_STATES = """\
```python
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

folder, task = Path("."), {task!r}  # this folder, and one of heads/*
encoder = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
head = load_file(folder / "heads" / task / "head.safetensors")
labels = json.loads((folder / "heads" / task / "labels.json").read_text())
settings = json.loads((folder / "heads" / task / "head.json").read_text())


def classify(texts):
    batch = tokenizer(texts, truncation=True, max_length=settings["max_length"],
                      padding=True, return_token_type_ids=False, return_tensors="pt")
    with torch.no_grad():
        output = encoder(**batch)
    states, mask = output.last_hidden_state, batch["attention_mask"].unsqueeze(-1)
    if settings["pooling"] == "mean":
        pooled = (states * mask).sum(1) / mask.sum(1)
    elif settings["pooling"] == "cls":
        pooled = states[:, 0]
    elif settings["pooling"] == "last":
        places = torch.arange(states.shape[1])
        pooled = states[torch.arange(len(states)), (places * mask.squeeze(-1)).argmax(-1)]
    elif "pooler.weight" in head:
        pooled = torch.tanh(states[:, 0] @ head["pooler.weight"].T + head["pooler.bias"])
    else:
        pooled = output.pooler_output
    return [labels[i] for i in (pooled @ head["weight"].T + head["bias"]).argmax(-1)]
```
"""
