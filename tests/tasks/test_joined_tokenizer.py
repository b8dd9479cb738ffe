"""A tokenizer learns added tokens by its own library, and is read again."""

import json

import pytest
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, BertTokenizer

from studio.checkpoints.added_tokens import FLAGS, added_tokens
from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCheckpoint
from studio.tasks.joined_tokenizer import join_tokens
from tests.vocabularies import EXAMPLES, save_base

PLAIN = dict.fromkeys(FLAGS, False)
SPECIAL = PLAIN | {"special": True}
STRIPPING = PLAIN | {"lstrip": True, "normalized": True}


@pytest.fixture
def folder(tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path)
    config = json.loads((tmp_path / "base" / "config.json").read_text())
    (tmp_path / "base" / "config.json").write_text(json.dumps(config | {"vocab_size": 64}))
    return tmp_path / "base"


def test_tokens_get_their_rows_and_flags_and_are_found_in_a_text(folder):
    before = json.loads((folder / "tokenizer.json").read_text())
    flags = {"<|a|>": SPECIAL, "plain": STRIPPING, "<|ü|>": SPECIAL}
    join_tokens(folder, {"<|a|>": 60, "plain": 61, "<|ü|>": 62}, flags)
    found = AutoTokenizer.from_pretrained(folder)
    assert found("w3 <|a|>w4 plain<|ü|>")["input_ids"] == [3, 60, 4, 61, 62]
    assert found.decode([3, 60, 4], skip_special_tokens=True) == "w3 w4"
    assert added_tokens(open_checkpoint(folder)).items() >= flags.items()
    after = json.loads((folder / "tokenizer.json").read_text())
    assert {k: v for k, v in after.items() if k != "added_tokens"} == {
        k: v for k, v in before.items() if k != "added_tokens"
    }
    assert after["added_tokens"][: len(before["added_tokens"])] == before["added_tokens"]


def test_other_files_that_list_added_tokens_list_them_too(folder):
    file = folder / "tokenizer_config.json"
    known = {"0": {"content": "w0", **SPECIAL}}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"added_tokens_decoder": known}))
    (folder / "added_tokens.json").write_text("{}")
    join_tokens(folder, {"<b>": 60}, {"<b>": SPECIAL})
    listed = json.loads(file.read_text())["added_tokens_decoder"]
    assert listed == known | {"60": {"content": "<b>", **SPECIAL}}
    assert json.loads((folder / "added_tokens.json").read_text()) == {"<b>": 60}
    assert AutoTokenizer.from_pretrained(folder)("<b>")["input_ids"] == [60]


def test_a_tokenizer_of_other_files_is_written_by_transformers(folder):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{i}" for i in range(5, 60))]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    settings = {"tokenizer_class": "BertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    join_tokens(folder, {"<b>": 60}, {"<b>": SPECIAL})
    found = BertTokenizer.from_pretrained(folder)
    assert found("w7 <b>", add_special_tokens=False)["input_ids"] == [7, 60]


def test_another_row_is_refused(folder):
    with pytest.raises(BadCheckpoint, match=r"'<b>' the row 60, the weights have it at 61"):
        join_tokens(folder, {"<b>": 61}, {"<b>": SPECIAL})


def test_a_token_that_another_one_hides_is_refused(folder):
    join_tokens(folder, {"<b": 60}, {"<b": SPECIAL})
    with pytest.raises(BadCheckpoint, match="<b>, and does not find them in a text"):
        join_tokens(folder, {"<b>": 61}, {"<b>": STRIPPING | {"single_word": True}})


def test_a_tokenizer_that_cannot_be_read_is_refused(folder):
    Tokenizer(models.BPE()).save(str(folder / "tokenizer.json"))
    text = (folder / "tokenizer.json").read_text().replace('"BPE"', '"None"')
    (folder / "tokenizer.json").write_text(text)
    with pytest.raises(BadCheckpoint, match="tokenizers cannot read"):
        join_tokens(folder, {"<b>": 60}, {"<b>": SPECIAL})
