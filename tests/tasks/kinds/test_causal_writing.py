"""Going on with a text: ``generate`` of transformers writes the same; a prompt is cut aloud."""

from typing import Any

import pytest
import torch
import transformers as t
from tokenizers import processors

from studio.errors import BadData
from studio.tasks.kinds.causal_writing import CausalPen, CausalWriter
from studio.tasks.kinds.writing import Manner, Prompt, taken
from tests.conftest import refusal
from tests.tasks.kinds import speakers

_SIZE: dict[str, Any] = {
    "vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 64, "bos_token_id": 1,
    "eos_token_id": 2, "pad_token_id": 0, "initializer_range": 0.4,
}  # fmt: skip
_OLD: dict[str, Any] = {"vocab_size": 60, "initializer_range": 0.4, "eos_token_id": 2}
_GROUPED: dict[str, Any] = _SIZE | {"num_key_value_heads": 2}
MODELS = {
    "GPT-2": lambda: t.GPT2LMHeadModel(
        t.GPT2Config(**_OLD, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    ),
    "Llama": lambda: t.LlamaForCausalLM(t.LlamaConfig(**_GROUPED)),
    "Gemma 2": lambda: t.Gemma2ForCausalLM(
        t.Gemma2Config(**_GROUPED, head_dim=8, sliding_window=4, final_logit_softcapping=5.0)
    ),
    "Mistral": lambda: t.MistralForCausalLM(t.MistralConfig(**_GROUPED, sliding_window=4)),
    "Mixtral": lambda: t.MixtralForCausalLM(t.MixtralConfig(**_GROUPED, num_local_experts=2)),
    "Bloom": lambda: t.BloomForCausalLM(
        t.BloomConfig(**_OLD, hidden_size=32, n_layer=2, n_head=4)
    ),
    "GPT-NeoX": lambda: t.GPTNeoXForCausalLM(t.GPTNeoXConfig(**_SIZE)),
    "Mamba, which has no such cache": lambda: t.MambaForCausalLM(
        t.MambaConfig(**_OLD, hidden_size=32, num_hidden_layers=2)
    ),
}  # fmt: skip
IDS = (1, 5, 9, 17, 33, 8)


def built(which: str) -> Any:
    torch.manual_seed(1)
    return MODELS[which]().eval()


def greedy(pen: CausalPen, most: int = 20) -> list[int]:
    found: list[int] = []
    while len(found) < most and 2 not in found:
        found.append(taken(pen.logits(found), Manner(), len(found))[0])
    return found


@pytest.mark.parametrize("which", MODELS)
def test_a_pen_writes_what_transformers_generates_and_reads_at_the_loss_of_the_class(which):
    model, ids = built(which), torch.tensor([IDS])
    asked = {"max_new_tokens": 20, "do_sample": False, "eos_token_id": 2, "pad_token_id": 0}
    with torch.inference_mode():
        wanted = model.generate(ids, attention_mask=torch.ones_like(ids), **asked)[0, len(IDS) :]
        pen = CausalPen(model, Prompt(IDS))
        costs = pen.costs()
        assert greedy(pen) == wanted.tolist()
        assert sum(costs) / 5 == pytest.approx(float(model(ids, labels=ids).loss), rel=1e-4)
        one = model(torch.tensor([[*IDS, *wanted.tolist()[:-1]]])).logits[0, -1]
        torch.testing.assert_close(pen.logits(wanted.tolist()[:-1]), one, rtol=1e-4, atol=1e-4)


def test_a_pen_that_was_laid_down_goes_on_as_if_it_had_not_been():
    model = built("Llama")
    with torch.inference_mode():
        whole = greedy(CausalPen(model, Prompt(IDS)))
        again = CausalPen(model, Prompt(IDS))
        found = whole[:3]
        while len(found) < len(whole):
            found.append(taken(again.logits(found), Manner(), len(found))[0])
    assert found == whole


def test_each_token_goes_through_the_body_once(monkeypatch):
    model, seen = built("Llama"), []
    really = model.model.forward

    def forward(input_ids, **rest):
        seen.append(input_ids.shape[1])
        return really(input_ids=input_ids, **rest)

    monkeypatch.setattr(model.model, "forward", forward)
    with torch.inference_mode():
        pen = CausalPen(model, Prompt(IDS))
        pen.costs()
        pen.logits([])
        pen.logits([7])
        pen.logits([7, 8])
    assert seen == [len(IDS), 1, 1]


@pytest.fixture(scope="module")
def llama() -> Any:
    return speakers.MODELS["Llama"]().eval()


def test_a_prompt_begins_as_its_tokenizer_has_it_and_ends_open(llama):
    writer = CausalWriter()
    found = writer.prompt(speakers.tokenizer(True), llama, "the cat", 8)
    assert found.ids[0] == 256
    assert found.ids[-1] != 257
    assert (found.cut, found.ends) == (0, frozenset({257}))
    closing = speakers.tokenizer(True)
    closing.backend_tokenizer.post_processor = _closed()
    assert writer.prompt(closing, llama, "the cat", 8).ids == found.ids


def _closed() -> Any:
    return processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A $B </s>", special_tokens=[("<s>", 256), ("</s>", 257)]
    )


def test_a_prompt_that_is_too_long_loses_its_beginning_and_says_how_much(llama):
    writer, reader = CausalWriter(), speakers.tokenizer(True)
    found = writer.prompt(reader, llama, "a" * 60 + "the end", 8)
    assert len(found.ids) == 64 - 8
    assert found.cut == 1 + 67 - 56
    assert found.ids[0] == 256
    assert "".join(writer.read(reader, found)).endswith("the end")


@pytest.mark.parametrize(
    ("text", "most", "words"),
    [
        ("  \n", 8, "The prompt is empty"),
        ("the cat", 64, "64 tokens are asked for, but the model has positions for 64"),
        ("the cat", 200, "Ask for at most 63."),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused(llama, text, most, words):
    with pytest.raises(BadData) as error:
        CausalWriter().prompt(speakers.tokenizer(True), llama, text, most)
    assert words in refusal(error)


def test_a_tokenizer_without_an_end_or_padding_writes_until_it_is_full():
    reader, model = speakers.tokenizer(False), built("Bloom")
    reader.eos_token = None
    model.generation_config.eos_token_id = None
    assert reader.pad_token_id is None
    assert CausalWriter().prompt(reader, model, "the cat", 8).ends == frozenset()


def test_letters_of_several_tokens_are_spelled_when_they_are_whole(llama):
    writer, reader = CausalWriter(), speakers.tokenizer(True)
    text = "naïve 漢字 cat"
    prompt = writer.prompt(reader, llama, text, 2)
    pieces = writer.read(reader, prompt)
    assert len(pieces) == 1 + len(text.encode())
    assert "".join(pieces) == "<s>" + text
    assert pieces[3:5] == ("", "ï")
    ids = reader("漢", add_special_tokens=False)["input_ids"]
    said = [writer.said(reader, prompt, ids[: place + 1]) for place in range(3)]
    assert said == ["", "", "漢"]
