"""What transformers says of a class, and configurations that it must not be asked about."""

import json
import time

import pytest
import transformers

from studio.checkpoints.architecture import architecture_of, is_embedding, turned
from studio.checkpoints.checkpoint import open_checkpoint
from tests.architectures import examples
from tests.conftest import draw, save_model

EXAMPLES = examples()


def described(name, folder):
    example = EXAMPLES[name]
    getattr(transformers, example.base)(example.config).save_pretrained(folder)
    checkpoint = open_checkpoint(folder)
    found = architecture_of(checkpoint)
    assert found is not None
    return checkpoint, found


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_stored_name_is_one_that_the_class_reads(name, tmp_path):
    checkpoint, found = described(name, tmp_path)
    assert found.model_class == EXAMPLES[name].base
    assert all(found.reads(found.name(stored)) for stored in checkpoint.names)
    assert not found.reads("made.up.weight")
    assert found.lacks("made.up.weight")


def test_renames_ties_layouts_and_buffers(tmp_path):
    _, vit = described("ViT", tmp_path / "vit")
    assert (
        vit.name("encoder.layer.0.attention.attention.query.bias")
        == "layers.0.attention.q_proj.bias"
    )
    gpt2, class_ = described("GPT-2", tmp_path / "gpt2")
    assert class_.ties == {"lm_head.weight": "transformer.wte.weight"}
    assert turned(gpt2, "transformer.h.0.attn.c_proj.weight") is True
    assert turned(gpt2, "transformer.wte.weight") is False
    assert is_embedding(gpt2, "transformer.wte.weight")
    assert not is_embedding(gpt2, "transformer.h.0.attn.c_proj.weight")
    assert class_.ignores("transformer.h.0.attn.bias")
    assert not class_.ignores("transformer.h.0.attn.c_attn.bias")


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "bert", "num_hidden_layers": 10**9},
        {"model_type": "resnet", "depths": [10**9, 1]},
        {"model_type": "no such type"},
        {"model_type": ["bert"]},
        {"auto_map": {"AutoModel": "evil.Model"}, "model_type": "evil"},
        {"model_type": "bert", "hidden_size": "wide"},
    ],
)
def test_a_hostile_configuration_is_no_class_and_costs_nothing(config, tmp_path):
    folder = save_model(tmp_path / "base", draw(0))
    (folder / "config.json").write_text(json.dumps(config))
    before = time.monotonic()
    assert architecture_of(open_checkpoint(folder)) is None
    assert time.monotonic() - before < 60
