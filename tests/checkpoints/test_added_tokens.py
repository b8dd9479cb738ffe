"""Tokens that were added to a tokenizer: which they are, and how each is found in a text."""

import json

import pytest
from tokenizers import AddedToken
from transformers import AutoTokenizer

from studio.checkpoints.added_tokens import FLAGS, added_tokens
from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCheckpoint
from tests.vocabularies import EXAMPLES, WORDS, save_base


@pytest.fixture
def folder(tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path)
    return tmp_path / "base"


def test_flags_are_those_that_transformers_reads(folder):
    found = AutoTokenizer.from_pretrained(folder)
    found.add_tokens(
        [AddedToken("<a>", lstrip=True, normalized=True), AddedToken("b", rstrip=True)]
    )
    found.add_tokens([AddedToken("<c>", special=True)], special_tokens=True)
    found.save_pretrained(folder)
    read = AutoTokenizer.from_pretrained(folder).added_tokens_decoder.values()
    expected = {each.content: {flag: getattr(each, flag) for flag in FLAGS} for each in read}
    assert added_tokens(open_checkpoint(folder)) == expected
    assert {"<a>", "b", "<c>"} <= {*expected}
    assert expected["<c>"]["special"]
    assert not {*WORDS[1:]} & {*expected}  # pieces of the model are not added tokens


def test_a_file_without_flags_has_those_of_the_library(folder):
    (folder / "added_tokens.json").write_text(json.dumps({"<d>": 60}))
    found = added_tokens(open_checkpoint(folder))["<d>"]
    assert found == {flag: getattr(AddedToken("<d>"), flag) for flag in FLAGS}


def test_the_decoder_of_the_configuration_counts_as_well(folder):
    file = folder / "tokenizer_config.json"
    entry = {"content": "<e>", "special": True, "lstrip": True}
    file.write_text(
        json.dumps(json.loads(file.read_text()) | {"added_tokens_decoder": {"60": entry}})
    )
    found = added_tokens(open_checkpoint(folder))["<e>"]
    assert (found["special"], found["lstrip"], found["normalized"]) == (True, True, False)


def test_a_broken_file_is_named(folder):
    (folder / "added_tokens.json").write_text("[")
    with pytest.raises(BadCheckpoint, match=r"added_tokens\.json"):
        added_tokens(open_checkpoint(folder))
