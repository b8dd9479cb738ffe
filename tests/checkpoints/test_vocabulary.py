"""Tokenizers' files: read as transformers reads them, and hostile ones refused in a sentence."""

import json

import pytest
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import ones
from transformers import BertTokenizer, GPT2Tokenizer, PreTrainedTokenizerFast

from studio.checkpoints import vocabulary as module
from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.vocabulary import (
    same_unread,
    unread_file,
    vocabulary,
    vocabulary_digest,
)
from studio.errors import BadCheckpoint
from tests.vocabularies import CHAT, WORDS, save_tokenizer

TEXTS = ["a merge of models is a sum of tasks", 'tokens ] [ have "quotes" and \\ slashes'] * 4


@pytest.fixture
def folder(tmp_path):
    save_file({"w": ones(1)}, tmp_path / "model.safetensors")
    return tmp_path


def read(folder):
    return vocabulary(open_checkpoint(folder)) or {}


def trained(kind: str) -> Tokenizer:
    """A tokenizer of this kind of model, trained on a few texts."""
    model = getattr(models, kind)(**({} if kind == "Unigram" else {"unk_token": "<unk>"}))
    made = Tokenizer(model)
    made.pre_tokenizer = (
        pre_tokenizers.ByteLevel() if kind == "BPE" else pre_tokenizers.Whitespace()
    )
    options = {"unk_token": "<unk>"} if kind == "Unigram" else {}
    trainer = getattr(trainers, f"{'Bpe' if kind == 'BPE' else kind}Trainer")(
        vocab_size=80, special_tokens=["<unk>"], show_progress=False, **options
    )
    made.train_from_iterator(TEXTS, trainer)
    return made


@pytest.mark.parametrize("kind", ["BPE", "Unigram", "WordPiece", "WordLevel"])
def test_a_tokenizer_is_read_as_transformers_reads_it(folder, kind):
    made = PreTrainedTokenizerFast(tokenizer_object=trained(kind), unk_token="<unk>")
    made.add_special_tokens({"additional_special_tokens": [*CHAT, "merges", '"merges": [']})
    made.save_pretrained(str(folder))
    assert read(folder) == PreTrainedTokenizerFast.from_pretrained(folder).get_vocab()
    assert len(read(folder)) > 20


def test_files_of_older_tokenizers(folder):
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n\u2028\nword\n##s\n")
    assert read(folder) == BertTokenizer(vocab=str(folder / "vocab.txt")).get_vocab()
    (folder / "vocab.json").write_text(json.dumps({"<|endoftext|>": 0, "a": 1}))  # read before it
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "added_tokens.json").write_text(json.dumps({"<pad>": 2}))
    config = {"added_tokens_decoder": {"2": {"content": "<pad>"}, "3": {"content": "<b>"}}}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert read(folder) == {"<|endoftext|>": 0, "a": 1, "<pad>": 2, "<b>": 3}
    plain = GPT2Tokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))
    assert plain.get_vocab().items() <= read(folder).items()


def test_a_folder_without_tokens_has_no_vocabulary(folder):
    assert vocabulary(open_checkpoint(folder)) is None
    assert vocabulary_digest(open_checkpoint(folder)) == ""
    (folder / "tokenizer.model").write_bytes(b"\n")
    (folder / "added_tokens.json").write_text('{"a": 1}')
    assert vocabulary(open_checkpoint(folder)) is None
    found = unread_file(open_checkpoint(folder))
    assert found is not None
    assert found.name == "tokenizer.model"
    assert same_unread(open_checkpoint(folder), open_checkpoint(folder))
    save_tokenizer(folder, WORDS)
    assert unread_file(open_checkpoint(folder)) is None
    assert same_unread(open_checkpoint(folder), open_checkpoint(folder)) is None


def test_a_vocabulary_is_read_once_and_known_by_its_files(folder, monkeypatch):
    kept: dict[str, bytes] = {}
    monkeypatch.setattr(module, "recall", lambda key, room: kept.get(key))
    monkeypatch.setattr(module, "keep", lambda key, content, *rest: kept.setdefault(key, content))
    module._tokens.cache_clear()
    save_tokenizer(folder, WORDS, CHAT)
    before, digest = read(folder), vocabulary_digest(open_checkpoint(folder))
    assert len(kept) == 1
    module._tokens.cache_clear()
    monkeypatch.setattr(module, "_named", None)
    assert read(folder) == before
    (folder / "added_tokens.json").write_text("{}")
    assert vocabulary_digest(open_checkpoint(folder)) != digest


BAD = {
    "not JSON": ("vocab.json", "{", "vocab.json is not JSON"),
    "no mapping": ("vocab.json", "[1]", "vocab.json must be a mapping"),
    "a row below 0": ("vocab.json", '{"a": -1}', "puts the token 'a' at row -1; a row is a whole"),
    "a row that is text": ("vocab.json", '{"a": "1"}', "puts the token 'a' at row 1; a row is"),
    "true": ("vocab.json", '{"a": true}', "puts the token 'a' at row True"),
    "a huge row": ("vocab.json", '{"a": 99999999999}', "at row 99999999999; a row is a whole"),
    "one row twice": ("vocab.json", '{"a": 1, "b": 1}', "token 'b' at row 1, but .* 'a' at row 1"),
    "one token twice": ("vocab.json", '{"a": 1, "a": 2}', "names a twice"),
    "languages": ("vocab.json", '{"eng": {"a": 1}}', "puts the token 'eng' at row"),
    "no model": ("tokenizer.json", "{}", "tokenizer.json: model must be a mapping"),
    "no vocabulary": ("tokenizer.json", '{"model": {}}', "the vocabulary must be a mapping"),
    "no pieces": ("tokenizer.json", '{"model": {"vocab": [1]}}', "piece 0 of the vocabulary is no"),
    "no text": (
        "tokenizer.json", '{"model": {"vocab": {}}, "added_tokens": [{"id": 1}]}',
        "lists an added token without its text",
    ),
    "no list": (
        "tokenizer.json", '{"model": {"vocab": {}}, "added_tokens": 3}', "lists an added token",
    ),
    "no row": (
        "tokenizer.json", '{"model": {"vocab": {}}, "added_tokens": [{"content": "a"}]}',
        "puts the token 'a' at row None",
    ),
    "another row": (
        "tokenizer.json",
        '{"model": {"vocab": {"a": 1}}, "added_tokens": [{"content": "a", "id": 2}]}',
        "puts the token 'a' at row 2, but the tokenizer has 'a' at row 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_hostile_file_is_refused_in_a_sentence(folder, name):
    file, content, words = BAD[name]
    (folder / file).write_text(content)
    with pytest.raises(BadCheckpoint, match=words):
        read(folder)


def test_files_that_are_too_large_or_lead_elsewhere_are_refused(
    folder, monkeypatch, tmp_path_factory
):
    monkeypatch.setattr(module, "LARGEST", 100)
    (folder / "vocab.txt").write_text("a" * 101)
    for ask in (vocabulary, vocabulary_digest):
        with pytest.raises(BadCheckpoint, match="has 101 bytes; at most 100 are read"):
            ask(open_checkpoint(folder))
    outside = tmp_path_factory.mktemp("outside") / "vocab.txt"
    outside.write_text("a")
    (folder / "vocab.txt").unlink()
    (folder / "vocab.txt").symlink_to(outside)
    with pytest.raises(BadCheckpoint, match="outside its folder"):
        read(folder)
    (folder / "vocab.txt").unlink()
    config = '{"added_tokens_decoder": {"-1": {"content": "a"}}}'
    (folder / "vocab.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(config)
    with pytest.raises(BadCheckpoint, match="puts the token 'a' at row -1"):
        read(folder)
    (folder / "tokenizer_config.json").write_text(config.replace('"-1"', '"x"'))
    with pytest.raises(BadCheckpoint, match="puts the token 'a' at row x"):
        read(folder)
