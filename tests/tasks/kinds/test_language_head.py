"""The layers behind a body: each token's loss is that of the whole class, softcapping and all."""

import sys
from typing import Any

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

from studio.tasks.kinds import language_head
from studio.tasks.kinds.language_head import SharedHead, Span, misses, summed_losses, token_losses
from tests.benchmarks.measure import measured
from tests.tasks.kinds import speakers


@pytest.mark.parametrize("slices", [1, 5, 10**6])
def test_what_the_class_does_to_its_logits_is_done_here_too(monkeypatch, slices):
    monkeypatch.setattr(language_head, "_FLOATS", slices * 40)
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=40, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, head_dim=4,
        num_key_value_heads=1, intermediate_size=8, final_logit_softcapping=0.5,
    )  # fmt: skip
    model: Any = Gemma2ForCausalLM(config).eval()
    ids = torch.randint(40, (1, 12))
    output = model.base_model(input_ids=ids)
    with torch.no_grad():
        found = token_losses(model, output, output.last_hidden_state[0, :-1], ids[0, 1:])
        assert float(found.mean()) == pytest.approx(float(model(ids, labels=ids).loss), rel=1e-5)
    assert model.base_model is model.model  # which still is the model's own
    held = token_losses(model, output, output.last_hidden_state[0, :-1], ids[0, 1:])
    held.sum().backward()
    once = model.get_input_embeddings().weight.grad.clone()
    model.zero_grad()
    (model(ids, labels=ids).loss * 11).backward()
    torch.testing.assert_close(once, model.get_input_embeddings().weight.grad)


def test_a_shared_head_keeps_nothing_to_itself():
    assert SharedHead().tensors == {}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_spans_are_summed_in_the_dtype_that_is_worn(dtype):
    torch.manual_seed(0)
    model: Any = speakers.MODELS["GPT2"]().to(dtype).eval()
    ids = torch.randint(200, (2, 9))
    with torch.no_grad():
        output = model.base_model(input_ids=ids)
        spans = [Span(1, 3, ids[1, 4:].tolist()), Span(0, 0, ids[0, 1:3].tolist())]
        found = summed_losses(model, output, spans)
        logits = model(ids).logits.float()
    expected = [
        float(torch.nn.functional.cross_entropy(logits[1, 3:-1], ids[1, 4:], reduction="sum")),
        float(torch.nn.functional.cross_entropy(logits[0, :2], ids[0, 1:3], reduction="sum")),
    ]
    assert found.tolist() == pytest.approx(expected, rel=1e-5 if dtype is torch.float32 else 1e-2)
    assert misses(model, output, spans).tolist() == [
        int((logits[1, 3:-1].argmax(-1) != ids[1, 4:]).sum()),
        int((logits[0, :2].argmax(-1) != ids[0, 1:3]).sum()),
    ]
    best = [Span(0, at, [int(logits[0, at].argmax())]) for at in range(8)]
    assert not misses(model, output, best).any()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_logits_of_a_large_vocabulary_are_not_held():
    words, positions = 30_000, 3_000  # 360 MB of logits
    config = LlamaConfig(
        vocab_size=words, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, intermediate_size=8,
    )  # fmt: skip
    model: Any = LlamaForCausalLM(config).eval()
    output = model.base_model(input_ids=torch.zeros((1, 1), dtype=torch.long))
    targets = torch.arange(positions)
    with torch.inference_mode():
        states = torch.randn(positions, 8)
        sample = measured(lambda: token_losses(model, output, states, targets), 0.0)
    assert sample.megabytes < 200
