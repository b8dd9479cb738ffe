"""Python for a model card: how an exported folder chooses among options, or writes a target."""

_OPENED = """\
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

folder = Path(".")  # this folder; {task!r} is one of its tasks
paired = AutoConfig.from_pretrained(folder).is_encoder_decoder
model_class = AutoModelForSeq2SeqLM if paired else AutoModelForCausalLM
model = model_class.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
"""
SNIPPETS = {
    "model": """\
```python
import json
from pathlib import Path

"""
    + _OPENED
    + """settings = json.loads((folder / "heads" / {task!r} / "head.json").read_text())


def log_likelihood(question, option):
    if paired:  # the option as the target of the question
        inputs = tokenizer(question, return_tensors="pt")
        targets = tokenizer(text_target=option, return_tensors="pt")["input_ids"]
        inputs, first = {{**inputs, "labels": targets}}, 0
    else:  # the option behind the question
        first = len(tokenizer(question)["input_ids"])
        targets = tokenizer(f"{{question}} {{option}}", return_tensors="pt")["input_ids"]
        inputs = {{"input_ids": targets}}
    with torch.no_grad():
        each = model(**inputs).logits.log_softmax(-1)[0]
    before = each if paired else each[first - 1 : -1]
    found = before.gather(-1, targets[0, first:, None]).sum()
    return float(found) / (len(option.encode()) if settings["norm"] == "bytes" else 1)


def choose(question, options):
    return max(options, key=lambda option: log_likelihood(question, option))
```
""",
    "head": """\
```python
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


def choose(question, options):
    pairs = [[question] * len(options), list(options)]
    inputs = tokenizer(*pairs, padding=True, return_tensors="pt")
    with torch.no_grad():
        scores = model(**{{name: x.unsqueeze(0) for name, x in inputs.items()}}).logits
    return options[int(scores.argmax(-1))]
```
""",
    "targets": """\
```python
import json
from pathlib import Path

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

folder, task = Path("."), {task!r}  # this folder, and one of heads/*
model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)
settings = json.loads((folder / "heads" / task / "head.json").read_text())


def classify(text):
    inputs = tokenizer(text, truncation=True, max_length=settings["max_length"],
                       return_tensors="pt")

    def log_likelihood(target):
        labels = tokenizer(text_target=target, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            return -float(model(**inputs, labels=labels).loss) * labels.shape[1]

    return max(settings["targets"], key=log_likelihood)
```
""",
    "generate": """\
```python
from pathlib import Path

import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

folder = Path(".")  # this folder; {task!r} is one of its tasks
model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(folder)


def write(text, max_new_tokens=64):
    inputs = tokenizer(text, return_tensors="pt")
    found = model.generate(**inputs, do_sample=False, num_beams=1, max_new_tokens=max_new_tokens)
    return tokenizer.decode(found[0], skip_special_tokens=True)
```
""",
}
"""By what answers: a language model, a head, an encoder-decoder with targets or without."""
