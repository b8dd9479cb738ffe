import json
from types import SimpleNamespace

import pytest
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import BertConfig, BertModel

from studio.checkpoints.checkpoint import open_base, open_checkpoint
from studio.errors import BadCheckpoint
from studio.tasks.pretrained import load_pretrained, load_tokenizer, loading_report, longest_input
from tests.conftest import draw, save_model


def test_a_folder_without_a_configuration_can_be_merged_but_not_asked(tmp_path):
    checkpoint = open_checkpoint(save_model(tmp_path / "m", draw(0)))
    with pytest.raises(BadCheckpoint, match="has no config.json. It can be merged, but live"):
        load_pretrained(checkpoint, "AutoModel")
    with pytest.raises(BadCheckpoint, match="holds no tokenizer .* Copy the tokenizer files there"):
        load_tokenizer(checkpoint)
    with pytest.raises(BadCheckpoint, match="cannot load the written model, so it was removed"):
        loading_report(tmp_path / "m", "AutoModel")


def test_a_class_with_a_head_misses_its_head_in_the_encoder_s_folder(tiny_zoo):
    assert loading_report(tiny_zoo / "base", "AutoModel") == ([], [])
    missing, aside = loading_report(tiny_zoo / "base", "AutoModelForSequenceClassification")
    assert (set(missing), set(aside)) == ({"classifier.weight", "classifier.bias"}, set())


class Said(nn.Module):
    """A model of which the configuration alone matters."""

    def __init__(self, **said):
        super().__init__()
        self.config = SimpleNamespace(**said)


@pytest.mark.parametrize(("family", "most"), [("bert", 514), ("roberta", 512)])
def test_a_model_reads_as_many_tokens_as_it_has_positions_for(family, most):
    model = Said(max_position_embeddings=514, model_type=family, pad_token_id=1)
    assert longest_input(model) == most
    assert longest_input(Said()) is None


def test_a_base_beside_an_adapter_is_loaded_without_it(tmp_path):
    """transformers would put the adapter on."""
    folder = tmp_path / "run"
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                        intermediate_size=8, max_position_embeddings=8)  # fmt: skip
    BertModel(config).save_pretrained(folder)
    bare = load_pretrained(open_base(folder), "AutoModel").state_dict()
    model = get_peft_model(
        BertModel.from_pretrained(folder), LoraConfig(r=2, target_modules=["query"])
    )
    model.save_pretrained(folder)
    again = load_pretrained(open_base(folder), "AutoModel").state_dict()
    assert again.keys() == bare.keys()
    assert all(again[name].equal(bare[name]) for name in bare)


@pytest.mark.parametrize("most", ["1MB", "2KB"])
def test_the_weights_that_were_chosen_are_the_ones_loaded(tmp_path, most):
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                        intermediate_size=8, max_position_embeddings=8)  # fmt: skip
    chosen = BertModel(config)
    chosen.save_pretrained(tmp_path / "m", max_shard_size=most)
    file = "model.safetensors.index.json"
    if most == "1MB":
        file = "chosen.safetensors"
        (tmp_path / "m/model.safetensors").rename(tmp_path / "m" / file)
    BertModel(config).save_pretrained(tmp_path / "other")
    (tmp_path / "other/model.safetensors").rename(tmp_path / "m/model.safetensors")
    loaded = load_pretrained(open_base(tmp_path / "m" / file), "AutoModel").state_dict()
    assert all(loaded[name].equal(value) for name, value in chosen.state_dict().items())


def tiny(**more) -> BertConfig:
    return BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                      intermediate_size=8, max_position_embeddings=8, **more)  # fmt: skip


def test_a_tokenizer_that_is_missing_damaged_or_of_another_model_is_refused(tiny_zoo, tmp_path):
    folder = tmp_path / "m"
    BertModel(tiny()).save_pretrained(folder)
    base = open_base(folder)
    with pytest.raises(BadCheckpoint, match="m holds no tokenizer .* from the folder of an expert"):
        load_tokenizer(base)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match="transformers finds no tokenizer in"):
        load_tokenizer(base)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    with pytest.raises(BadCheckpoint, match="knows 5 tokens, but the model has 20: its files are"):
        load_tokenizer(base)
    assert len(load_tokenizer(open_base(tiny_zoo / "base"))) == 16


def test_plain_weights_that_are_called_quantized_are_loaded_as_they_are(tmp_path):
    made = BertModel(tiny())
    made.save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    said = {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}
    file.write_text(json.dumps(json.loads(file.read_text()) | said))
    loaded = load_pretrained(open_base(tmp_path), "AutoModel").state_dict()
    assert all(loaded[name].equal(value) for name, value in made.state_dict().items())
