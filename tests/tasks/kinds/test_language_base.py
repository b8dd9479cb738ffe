"""A language model as a base: what its last layer must be."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from studio.checkpoints.checkpoint import open_base
from studio.errors import BadCheckpoint, BadData
from studio.tasks.kinds.language_base import (
    refuse_no_head,
    refuse_own_layers,
)
from tests.tasks.kinds import speakers


def test_a_last_layer_must_be_the_base_s(tmp_path):
    folder = speakers.build(tmp_path / "zoo", "Llama")
    asked = "AutoModelForCausalLM", "a causal language model"
    refuse_no_head(open_base(str(folder / "base")), *asked)
    with pytest.raises(BadCheckpoint, match=r"is no base of a translator: .*LlamaConfig"):
        refuse_no_head(open_base(str(folder / "base")), "AutoModelForSeq2SeqLM", "a translator")
    body = AutoModelForCausalLM.from_pretrained(folder / "base").model
    for file in Path(folder / "base").glob("*.safetensors"):
        file.unlink()
    body.save_pretrained(folder / "base")
    with pytest.raises(BadCheckpoint, match=r"holds no lm_head\.weight, and its config"):
        refuse_no_head(open_base(str(folder / "base")), *asked)
    refuse_own_layers("a", {"classifier.weight": torch.ones(2)})
    with pytest.raises(BadData, match=r"'a': its checkpoint keeps lm_head\.weight to itself"):
        refuse_own_layers("a", {"lm_head.weight": torch.ones(2)})
