from types import SimpleNamespace

import pytest
from torch import nn

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCheckpoint
from studio.tasks.pretrained import load_pretrained, load_tokenizer, loading_report, longest_input
from tests.conftest import draw, save_model


def test_a_folder_without_a_configuration_can_be_merged_but_not_asked(tmp_path):
    checkpoint = open_checkpoint(save_model(tmp_path / "m", draw(0)))
    with pytest.raises(BadCheckpoint, match="has no config.json. It can be merged, but live"):
        load_pretrained(checkpoint, "AutoModel")
    with pytest.raises(BadCheckpoint, match="finds no tokenizer in"):
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
