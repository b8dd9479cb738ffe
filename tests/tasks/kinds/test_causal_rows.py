"""Rows of language models: what stands in them, and what is refused with its place."""

import json

import pytest

from studio.errors import BadData
from studio.tasks.kinds.causal_rows import Passage, opening, read_passages
from tests.conftest import refusal


def written(folder, *rows):
    file = folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return file


def test_texts_prompts_and_groups_are_read(tmp_path):
    file = written(tmp_path, {"text": "a b", "group": 3}, {"prompt": "", "answer": "c", "group": 4})
    assert read_passages(file) == (Passage("a b", "3"), Passage("c", "4", ""))
    assert read_passages(file, 1) == (Passage("a b", "3"),)
    table = tmp_path / "rows.csv"
    table.write_text("prompt,answer\nwho,me\n")
    assert read_passages(table) == (Passage("me", None, "who"),)
    table.write_text("text\nsome words\n")
    assert read_passages(table) == (Passage("some words"),)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": " "}, "line 2: 'text' is empty, so there is nothing to predict"),
        ({"prompt": "p", "answer": ""}, "line 2: 'answer' is empty"),
        ({"text": 3}, "line 2: 'text' is 3; it must be text"),
        ({"answer": "a"}, "line 2: 'prompt' is None; it must be text"),
        ({"text": "t", "answer": "a"}, "line 2: give 'text', or 'prompt' and 'answer', and not"),
        ({}, "line 2: give 'text', or 'prompt' and 'answer'"),
        ({"text": "t", "label": 1}, "label"),
    ],
)
def test_what_cannot_be_used_is_refused_with_file_and_line(tmp_path, row, words):
    file = written(tmp_path, {"text": "fine"}, row)
    with pytest.raises(BadData) as error:
        read_passages(file)
    assert str(file) in refusal(error)
    assert words in refusal(error)


def test_rows_open_with_their_prompt_or_with_at_most_half_of_their_text():
    assert opening(Passage("yes", None, "Is it? ")) == "Is it? "
    assert opening(Passage("one two  three four five")) == "one two"
    assert opening(Passage("word")) == "word"
    assert opening(Passage("a a " * 40)) == " ".join(["a a"] * 6)
