"""Output layers of another size than the base's, which belong to their task."""

from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Wav2Vec2Config, Wav2Vec2ForCTC

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.names import named
from studio.checkpoints.other_heads import take_other_heads
from studio.errors import ShapeMismatch
from tests.checkpoints.test_lora_options import merge, nudge
from tests.merged import merged_tensors

SOUND: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24,
    "conv_dim": (8, 8), "conv_kernel": (3, 3), "conv_stride": (2, 2), "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
HEAD = {"lm_head.weight", "lm_head.bias"}


def other_characters(folder) -> Any:
    """A model of 40 characters on the body of one of 30."""
    return Wav2Vec2ForCTC.from_pretrained(folder, vocab_size=40, ignore_mismatched_sizes=True)


def test_a_head_of_other_characters_is_the_tasks_own(tmp_path):
    torch.manual_seed(0)
    Wav2Vec2ForCTC(Wav2Vec2Config(vocab_size=30, **SOUND)).save_pretrained(tmp_path / "base")
    expert = other_characters(tmp_path / "base")
    nudge(expert, 1)
    expert.save_pretrained(tmp_path / "full")
    opened = merge(tmp_path, "full")
    joined = opened.deltas.joins[0]
    assert {*joined.private} == HEAD
    assert any("lm_head.weight has 40 outputs and the base's 30" in note for note in joined.notes)
    expected = expert.state_dict()
    assert not HEAD & {*opened.deltas.names}
    for name, tensor in merged_tensors(opened).items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*")
def test_a_head_that_an_adapter_saves_too(tmp_path):
    torch.manual_seed(0)
    Wav2Vec2ForCTC(Wav2Vec2Config(vocab_size=30, **SOUND)).save_pretrained(tmp_path / "base")
    model = other_characters(tmp_path / "base")
    options = LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"])
    adapter = get_peft_model(model, options)
    nudge(adapter, 1)
    adapter.save_pretrained(str(tmp_path / "lora"), save_embedding_layers=False)
    opened = merge(tmp_path, "lora")
    assert {*opened.deltas.joins[0].private} == HEAD
    worn: Any = PeftModel.from_pretrained(other_characters(tmp_path / "base"), tmp_path / "lora")
    expected = worn.merge_and_unload().state_dict()
    for name, tensor in merged_tensors(opened).items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=1e-6)


def test_a_head_of_as_many_rows_as_the_embeddings_speaks_of_a_vocabulary(tmp_path):
    for name, words in (("base", 40), ("full", 44)):
        config = LlamaConfig(
            vocab_size=words, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
            num_attention_heads=2, tie_word_embeddings=False,
        )  # fmt: skip
        LlamaForCausalLM(config).save_pretrained(tmp_path / name)
    with pytest.raises(ShapeMismatch, match="with 44 rows of vocabulary; the base has 40"):
        merge(tmp_path, "full")
    base, full = (open_checkpoint(tmp_path / name) for name in ("base", "full"))
    shared, private = {"lm_head.weight": "lm_head.weight"}, {}
    assert take_other_heads(named(base, base), full, shared, private) == []
    assert shared
    assert not private
