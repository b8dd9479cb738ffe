"""Python for a model card: how an exported folder tags words, by a class or a linear head."""

_TAGGED = """\


def tag(words):
    inputs = tokenizer(words, is_split_into_words=True, truncation=True,
                       max_length=settings["max_length"], return_token_type_ids=False,
                       return_tensors="pt")
    with torch.no_grad():
        scores = scored(inputs)[0]
    found = {{}}
    for place, word in enumerate(inputs.word_ids()):
        if word is not None and word not in found:  # a word's first token says its tag
            found[word] = labels[int(scores[place].argmax())]
    return [found.get(word) for word in range(len(words))]
```
"""
_TOKENIZER = """\
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
if getattr(tokenizer, "add_prefix_space", None) is False:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
settings = json.loads((folder / "heads" / task / "head.json").read_text())
labels = json.loads((folder / "heads" / task / "labels.json").read_text())
"""
_BEGUN = """\
```python
import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

folder, task = Path("."), {task!r}  # this folder, and one of heads/*
"""
OF_CLASS = (
    _BEGUN
    + """\
config = transformers.AutoConfig.from_pretrained(folder / "heads" / task)
model_class = getattr(transformers, config.architectures[0])
model = model_class.from_pretrained(folder, config=config, dtype=torch.float32).eval()
model.load_state_dict(load_file(folder / "heads" / task / "head.safetensors"), strict=False)
"""
    + _TOKENIZER.replace(
        """labels = json.loads((folder / "heads" / task / "labels.json").read_text())""",
        """labels = config.id2label""",
    )
    + """

def scored(inputs):
    return model(**inputs).logits
"""
    + _TAGGED
)
OF_STATES = (
    _BEGUN
    + """\
encoder = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
head = load_file(folder / "heads" / task / "head.safetensors")
"""
    + _TOKENIZER
    + """

def scored(inputs):
    return encoder(**inputs).last_hidden_state @ head["weight"].T + head["bias"]
"""
    + _TAGGED
)
