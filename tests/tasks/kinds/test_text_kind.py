"""What kinds of texts with a head have in common: a linear head reads what the base gives."""

import pytest
import torch
from safetensors.torch import save_file

from studio.errors import BadData
from studio.tasks.heads import LinearHead
from studio.tasks.kinds.text_kind import linear
from tests.tasks.kinds import choosers, speakers


def test_a_linear_head_scores_every_state_and_one_for_another_width_is_refused():
    head = LinearHead(torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.tensor([0.0, 3.0]))
    states = torch.tensor([[[1.0, 1.0], [2.0, 0.0]]], dtype=torch.bfloat16)
    assert linear(head, states, "a").tolist() == [[[3.0, 4.0], [2.0, 3.0]]]
    with pytest.raises(BadData, match="'a': the head takes 2 numbers, the encoder gives 3"):
        linear(head, torch.ones(1, 3), "a")


def test_a_body_that_asks_for_its_decoder_s_input_is_refused(tmp_path):
    choosers.experts(tmp_path, "T5")
    save_file({"weight": torch.ones(2, 16), "bias": torch.zeros(2)}, tmp_path / "head.safetensors")
    rows = {"full": [{"text": "the cat", "label": 0}]}
    choosers.write_zoo(tmp_path, rows, "text-classification", head="head.safetensors")
    with pytest.raises(BadData, match="'full': T5Model asks for the input of its decoder"):
        speakers.bench(tmp_path)
