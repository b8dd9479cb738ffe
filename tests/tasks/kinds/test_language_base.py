"""A language model as a base: how long its rows may be, and what its last layer must be."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from studio.checkpoints.checkpoint import open_base
from studio.errors import BadCheckpoint, BadData, BadZoo
from studio.tasks.kinds.language_base import (
    cut_remark,
    length_of,
    refuse_longer,
    refuse_no_head,
    refuse_own_layers,
    usual_length,
)
from tests.tasks.kinds import speakers


def test_a_length_is_a_whole_number_that_the_model_has_positions_for(tmp_path):
    assert length_of({}, "task 1") is None
    assert length_of({"max_length": 9}, "task 1") == 9
    for wrong in (1, 2.5, True, "9", None):
        with pytest.raises(BadZoo, match=f"task 1 has max_length {wrong!r}; it must be a whole"):
            length_of({"max_length": wrong}, "task 1")
    refuse_longer("a", 64, 64)
    refuse_longer("a", 99, None)
    with pytest.raises(BadData, match="'a' has max_length 65, but the model reads at most 64"):
        refuse_longer("a", 65, 64)
    base = open_base(str(speakers.build(tmp_path / "zoo", "GPT2") / "base"))
    assert usual_length(base) == 64


def test_rows_that_are_cut_are_counted():
    assert cut_remark([0, 0], 8) == ""
    assert cut_remark([0, 3, 4], 8) == (
        "2 of 3 rows are longer than max_length 8 and are cut; 7 tokens are left out."
    )


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
