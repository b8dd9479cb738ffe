"""Vocabularies that were extended, padded, permuted, cut: rows are matched by token."""

import shutil
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.matched_rows import matched, row_counts, speaks_of_tokens
from studio.errors import BadCheckpoint, ShapeMismatch
from studio.merge import Merge, open_merge
from studio.recipe import Recipe, TaskEntry
from tests.architectures import moved
from tests.merged import merged_tensors
from tests.vocabularies import (
    CHAT,
    EXAMPLES,
    WORDS,
    permute,
    save_base,
    save_extended,
    save_tokenizer,
    tokens_of,
)

KINDS = ("GPT-2", "Llama", "Qwen2", "Gemma", "BERT", "T5", "BART")


def of(folder, **coefficients: float) -> Merge:
    tasks = tuple(TaskEntry(name, str(folder / name), c) for name, c in coefficients.items())
    return open_merge(Recipe(str(folder / "base"), tasks, "task_arithmetic"))


def notes(opened: Merge, task: int = 0) -> str:
    return " ".join(opened.deltas.joins[task].notes)


def model_of(folder, model_class: str) -> dict[str, Tensor]:
    found = getattr(transformers, model_class).from_pretrained(folder, ignore_mismatched_sizes=True)
    return {name: value.double() for name, value in found.state_dict().items()}


def by_hand(folder, example, **coefficients: float) -> dict[str, Tensor]:
    """Task arithmetic over what transformers opens, token string by token string."""
    base, ours = model_of(folder / "base", example.base), tokens_of(folder / "base")
    expected = {name: value.clone() for name, value in base.items()}
    of_tokens = {n for n, value in base.items() if 60 in value.shape and "position" not in n}
    for task, coefficient in coefficients.items():
        expert, theirs = model_of(folder / task, example.expert), tokens_of(folder / task)
        for name, value in expert.items():
            if name not in base or name.startswith("classifier"):
                continue
            if name not in of_tokens:
                expected[name] += coefficient * (value - base[name])
                continue
            for token in ours.keys() & theirs.keys():
                at, to = (..., ours[token], slice(None)), (..., theirs[token], slice(None))
                at, to = (at, to) if value.shape[-1] == 32 else (at[:2], to[:2])
                expected[name][at] += coefficient * (value[to] - base[name][at])
    return expected


def compare(opened: Merge, expected: dict[str, Tensor]) -> None:
    found = merged_tensors(opened)
    assert found
    for name, tensor in found.items():
        torch.testing.assert_close(tensor.double(), expected[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_extended_and_permuted_vocabularies_are_matched_by_token(kind, tmp_path):
    example = EXAMPLES[kind]
    save_base(example, tmp_path)
    save_extended(example, tmp_path, "chat", 1)
    other = moved(getattr(transformers, example.expert).from_pretrained(tmp_path / "base"), 2)
    other.save_pretrained(tmp_path / "plain")
    save_tokenizer(tmp_path / "plain", WORDS)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0)).tolist()
    permute(other, order)
    other.save_pretrained(tmp_path / "permuted")
    save_tokenizer(tmp_path / "permuted", [WORDS[row] for row in order])
    opened = of(tmp_path, chat=0.4, permuted=0.7)
    compare(opened, by_hand(tmp_path, example, chat=0.4, permuted=0.7))
    assert "2 tokens ('<|im_start|>', '<|im_end|>') of its own" in notes(opened)
    assert "tokens ('w0', " in notes(opened, 1)
    assert opened.deltas.joins[0].rows is not None
    assert dict(opened.deltas.joins[0].rows.own) == {CHAT[0]: 60, CHAT[1]: 61}
    found, straight = merged_tensors(opened), merged_tensors(of(tmp_path, chat=0.4, plain=0.7))
    assert {*found} == {*straight}
    assert all(found[name].equal(straight[name]) for name in found)


def test_two_experts_with_other_tokens_in_the_same_free_row_are_not_mixed(tmp_path):
    example = EXAMPLES["Llama"]
    words = WORDS[:58]
    save_base(example, tmp_path, words)
    base = load_file(tmp_path / "base" / "model.safetensors")
    for name, token in (("first", "<a>"), ("second", "<b>")):
        model = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base")
        moved(model, len(token + name)).save_pretrained(tmp_path / name)
        save_tokenizer(tmp_path / name, words, [token])
    opened = of(tmp_path, first=1.0, second=1.0)
    found = merged_tensors(opened)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        assert found[name][58].equal(base[name][58])
        assert not found[name][57].equal(base[name][57])
        assert not found[name][59].equal(base[name][59])  # a row that neither names is one of both
    told = "1 token ('<a>') of its own, for which the base has no row: an export has them under"
    assert told in notes(opened)
    assert "1 token ('<b>') of its own" in notes(opened, 1)


def test_rows_of_padding_are_left_out_and_said(tmp_path):
    example = EXAMPLES["Qwen2"]
    save_base(example, tmp_path)
    save_extended(example, tmp_path, "padded", 1, added=(), pad=64)
    opened = of(tmp_path, padded=1.0)
    compare(opened, by_hand(tmp_path, example, padded=1.0))
    assert "4 of its rows of vocabulary stand for no token and are left out." in notes(opened)
    shutil.move(tmp_path / "base", tmp_path / "small")
    shutil.move(tmp_path / "padded", tmp_path / "base")
    shutil.move(tmp_path / "small", tmp_path / "padded")
    back = of(tmp_path, padded=1.0)  # and a base that is padded
    assert "vocabulary" not in notes(back)
    assert merged_tensors(back)["model.embed_tokens.weight"].shape == (64, 32)


def test_of_a_cut_vocabulary_the_bases_rows_stay(tmp_path):
    example = EXAMPLES["BERT"]
    save_base(example, tmp_path)
    model: Any = transformers.BertForSequenceClassification.from_pretrained(tmp_path / "base")
    kept = [*range(0, 60, 2)]
    embeddings = model.get_input_embeddings().weight.detach()[kept]
    model.resize_token_embeddings(30)
    model.get_input_embeddings().weight.data.copy_(embeddings)
    moved(model, 1).save_pretrained(tmp_path / "cut")
    save_tokenizer(tmp_path / "cut", [WORDS[row] for row in kept])
    opened = of(tmp_path, cut=1.0)
    assert "30 tokens ('w1', 'w3', 'w5', 'w7', 'w9', …) of the base not in its" in notes(opened)
    name = "bert.embeddings.word_embeddings.weight"
    found, base = (
        merged_tensors(opened)[name],
        load_file(tmp_path / "base" / "model.safetensors")[name],
    )
    assert found[1::2].equal(base[1::2])
    own = load_file(tmp_path / "cut" / "model.safetensors")[name]
    torch.testing.assert_close(found[::2], own, rtol=0, atol=1e-6)


def test_a_tied_output_that_was_trained_apart_is_matched_too(tmp_path):
    example = EXAMPLES["Qwen2"]
    save_base(example, tmp_path)
    save_extended(example, tmp_path, "chat", 1)
    file = tmp_path / "chat" / "model.safetensors"
    stored = load_file(file)
    head = stored["model.embed_tokens.weight"] + 1
    save_file(stored | {"lm_head.weight": head}, file, {"format": "pt"})
    found = merged_tensors(of(tmp_path, chat=1.0))
    torch.testing.assert_close(found["lm_head.weight"], head[:60], rtol=0, atol=1e-6)


def test_tokens_without_a_row_are_said(tmp_path):
    example = EXAMPLES["Llama"]
    save_base(example, tmp_path)
    model = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base")
    moved(model, 1).save_pretrained(tmp_path / "padder")
    save_tokenizer(tmp_path / "padder", WORDS, ["[PAD]"])
    opened = of(tmp_path, padder=1.0)
    assert opened.deltas.joins[0].rows is None
    compare(opened, by_hand(tmp_path, example, padder=1.0))
    assert "1 token ('[PAD]') of its tokenizer without a row in its weights." in notes(opened)


def test_files_that_name_the_same_tokens_change_nothing(tmp_path):
    example = EXAMPLES["Llama"]
    save_base(example, tmp_path)
    model = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base")
    moved(model, 1).save_pretrained(tmp_path / "same")
    save_tokenizer(tmp_path / "same", WORDS)
    file = tmp_path / "same" / "tokenizer.json"
    file.write_text(file.read_text().replace('"truncation": null', '"truncation": {}'))
    assert file.read_text() != (tmp_path / "base" / "tokenizer.json").read_text()
    opened = of(tmp_path, same=1.0)
    assert opened.deltas.joins[0].rows is None
    assert not opened.deltas.joins[0].notes


def test_without_a_tokenizer_on_both_sides_other_rows_are_refused(tmp_path):
    example = EXAMPLES["Llama"]
    save_base(example, tmp_path)
    save_extended(example, tmp_path, "chat", 1)
    shutil.move(tmp_path / "chat" / "tokenizer.json", tmp_path / "tokenizer.json")
    with pytest.raises(ShapeMismatch, match="with 62 rows .* It has no tokenizer beside"):
        of(tmp_path, chat=1.0)
    shutil.move(tmp_path / "tokenizer.json", tmp_path / "chat" / "tokenizer.json")
    (tmp_path / "base" / "tokenizer.json").unlink()
    with pytest.raises(ShapeMismatch, match="The base has no tokenizer beside the weights"):
        of(tmp_path, chat=1.0)
    (tmp_path / "chat" / "tokenizer.json").unlink()
    with pytest.raises(ShapeMismatch, match="Both have no tokenizer beside the weights"):
        of(tmp_path, chat=1.0)


def test_a_tokenizer_that_cannot_be_compared_is_said(tmp_path):
    example = EXAMPLES["Llama"]
    save_base(example, tmp_path)
    model = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base")
    moved(model, 1).save_pretrained(tmp_path / "other")
    assert "matched by their place" not in notes(of(tmp_path, other=1.0))
    (tmp_path / "other" / "tokenizer.model").write_bytes(b"\n\x05")
    told = notes(of(tmp_path, other=1.0))
    assert "It has no tokenizer.json, vocab.json or vocab.txt (its tokenizer.model is not" in told
    assert "transformers writes a tokenizer.json: AutoTokenizer" in told
    save_tokenizer(tmp_path / "other", WORDS)
    (tmp_path / "base" / "tokenizer.json").unlink()
    told = notes(of(tmp_path, other=1.0))
    assert "The base has no tokenizer.json, vocab.json or vocab.txt to compare tokens by" in told


def test_of_two_tokenizers_that_are_not_read_it_is_said_whether_they_are_one(tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path)
    (tmp_path / "base" / "tokenizer.json").unlink()
    model = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base")
    moved(model, 1).save_pretrained(tmp_path / "other")
    for name in ("base", "other"):
        (tmp_path / name / "tokenizer.model").write_bytes(b"\n\x05")
    told = notes(of(tmp_path, other=1.0))
    assert "Its tokenizer.model, which is not read, is the base's, byte for byte: rows of" in told
    assert "AutoTokenizer" not in told
    (tmp_path / "other" / "added_tokens.json").write_text('{"<a>": 59}')
    assert "which is not read, is another one than the base's" in notes(of(tmp_path, other=1.0))
    (tmp_path / "other" / "added_tokens.json").unlink()
    (tmp_path / "other" / "tokenizer.model").write_bytes(b"\n\x06")
    told = notes(of(tmp_path, other=1.0))
    assert "is another one than the base's: rows of the vocabulary are matched by" in told
    assert "Where a row means another token, two are mixed. Where sentencepiece" in told
    model.resize_token_embeddings(62, mean_resizing=False)
    model.save_pretrained(tmp_path / "other")
    with pytest.raises(
        ShapeMismatch, match=r"A tokenizer\.model is not read\. Where sentencepiece"
    ):
        of(tmp_path, other=1.0)


def test_another_tokenizer_is_refused(tmp_path):
    example = EXAMPLES["Llama"]
    save_base(example, tmp_path)
    model = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "base")
    moved(model, 1).save_pretrained(tmp_path / "other")
    save_tokenizer(tmp_path / "other", [f"x{row}" for row in range(40)] + [*WORDS[:20]])
    with pytest.raises(ShapeMismatch, match="has another tokenizer: 20 of its 60 tokens are among"):
        of(tmp_path, other=1.0)
    (tmp_path / "other" / "tokenizer.json").write_text("{")
    with pytest.raises(BadCheckpoint, match=r"tokenizer.json is not JSON"):
        of(tmp_path, other=1.0)


@pytest.mark.parametrize("kind", [*KINDS, "CLIP", "ViT", "ResNet", "ELECTRA", "DistilBERT"])
def test_what_has_a_row_per_token_is_told_by_the_class(kind, tmp_path):
    example = EXAMPLES[kind]
    torch.manual_seed(0)
    getattr(transformers, example.base)(example.config).save_pretrained(tmp_path / "base")
    base = open_checkpoint(tmp_path / "base")
    found = {name for name in base.names if speaks_of_tokens(base, name)}
    assert found == {name for name in base.names if 60 in base.shapes[name]}
    assert {*row_counts(base, base, zip(base.names, base.names, strict=True))} == found
    (tmp_path / "base" / "config.json").unlink()
    bare = open_checkpoint(tmp_path / "base")
    usual = {name for name in base.names if speaks_of_tokens(bare, name)}
    assert usual <= found
    assert bool(usual) == (bool(found) and kind != "CLIP")


def test_nothing_is_matched_where_no_tensor_speaks_of_tokens(tmp_path):
    example = EXAMPLES["Llama"]
    save_base(example, tmp_path)
    base = open_checkpoint(tmp_path / "base")
    pairs = [("model.norm.weight", "model.norm.weight")]
    assert row_counts(base, base, pairs) == {}
    assert matched(base, "x", base, {}) == (None, [])
