"""Added tokens whose file leaves rows out."""

import json
from pathlib import Path

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.loaded_tokens import loaded_tokens
from studio.checkpoints.vocabulary import vocabulary
from studio.merge import open_merge, written_pieces
from studio.recipe import UNION, Recipe, TaskEntry
from tests.checkpoints.test_token_union import EMBEDDING, row
from tests.vocabularies import CHAT, EXAMPLES, WORDS, save_base, save_extended, tokens_of


def renumber(file: Path, rows: tuple[int, ...]) -> None:
    content = json.loads(file.read_text())
    added = [each for each in content["added_tokens"] if each["content"] in CHAT]
    for each, number in zip(added, rows, strict=True):
        each["id"] = number
    file.write_text(json.dumps(content))


def test_rows_that_a_file_leaves_out_are_filled_as_on_loading(tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path)
    save_extended(EXAMPLES["Llama"], tmp_path, "chat", 1)
    renumber(tmp_path / "chat" / "tokenizer.json", (64, 70))
    found = vocabulary(open_checkpoint(tmp_path / "chat"))
    assert found == tokens_of(tmp_path / "chat")
    assert found is not None
    assert [found[each] for each in CHAT] == [60, 61]
    task = TaskEntry("chat", str(tmp_path / "chat"), 0.5)
    recipe = Recipe(str(tmp_path / "base"), (task,), "task_arithmetic", vocabulary=UNION)
    opened = open_merge(recipe)
    assert dict(opened.union.places) == {CHAT[0]: 60, CHAT[1]: 61}
    last = [*written_pieces(opened, EMBEDDING)][-1]
    assert last.equal(row(tmp_path, "chat", 61))


def test_rows_that_the_configuration_leaves_out_are_filled_too(tmp_path):
    save_base(EXAMPLES["Llama"], tmp_path)
    file = tmp_path / "base" / "tokenizer_config.json"
    content = json.loads(file.read_text())
    listed = {
        str(at): {"content": token, "special": True} for at, token in ((71, CHAT[0]), (65, "<a>"))
    }
    file.write_text(json.dumps(content | {"added_tokens_decoder": listed}))
    found = vocabulary(open_checkpoint(tmp_path / "base"))
    assert found == tokens_of(tmp_path / "base")
    assert found is not None
    assert (found["<a>"], found[CHAT[0]]) == (60, 61)


def test_a_file_that_leaves_nothing_out_is_not_loaded(tmp_path):
    model = {word: at for at, word in enumerate(WORDS)}
    none = tmp_path / "tokenizer.json"
    assert loaded_tokens(none, model, model | {"<a>": 60}, ["<a>"])["<a>"] == 60
    assert loaded_tokens(none, model, model | {"<a>": 64}, ["<a>"])["<a>"] == 64  # cannot be
