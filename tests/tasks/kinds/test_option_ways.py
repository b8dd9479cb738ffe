"""Ways of asking for options: by the base's type, whatever the tasks' checkpoints are."""

import json

import pytest

from studio.checkpoints.checkpoint import open_base
from studio.errors import BadCheckpoint
from studio.tasks.kinds.option_snippets import SNIPPETS
from studio.tasks.kinds.option_ways import way_of
from tests.tasks.kinds import classifiers


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("bert", "Paired"), ("deberta-v2", "Paired"), ("modernbert", "Paired"),
        ("t5", "Translated"), ("bart", "Translated"), ("mt5", "Translated"),
        ("gpt2", "Continued"), ("qwen2", "Continued"), ("gemma3_text", "Continued"),
    ],
)  # fmt: skip
def test_the_base_s_type_decides(tiny_copy, model, expected):
    (tiny_copy / "base" / "config.json").write_text(json.dumps({"model_type": model}))
    assert type(way_of(open_base(str(tiny_copy / "base")))).__name__ == expected


def test_a_base_that_knows_no_options_is_refused(tmp_path):
    classifiers.built(tmp_path, "Bert")
    (tmp_path / "base" / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(BadCheckpoint, match="is of the type 'vit', of which transformers knows no"):
        way_of(open_base(str(tmp_path / "base")))


def test_a_trial_is_a_batch_of_padding(tmp_path):
    classifiers.built(tmp_path, "Bert")
    way = way_of(open_base(str(tmp_path / "base"))).reading(open_base(str(tmp_path / "base")))
    inputs = way.inputs(way.trial())
    assert tuple(inputs["input_ids"].shape) == (32, 16)
    assert way.tokenizer.truncation_side == "left"


def test_every_snippet_is_python():
    for text in SNIPPETS.values():
        compile(text.format(task="a").split("```python\n")[1].split("```")[0], "card", "exec")
