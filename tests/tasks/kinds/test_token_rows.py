"""Rows of words and tags: JSON and CoNLL's columns, and what is refused with its place."""

import json

import pytest

from studio.errors import BadData
from studio.tasks.kinds.token_rows import TokenRow, read_sentences, untagged
from studio.tasks.rows import UNLABELLED

LABELS = ("O", "B-PER", "I-PER")


@pytest.fixture
def write(tmp_path):
    def written(*rows, name="rows.jsonl"):
        file = tmp_path / name
        text = rows[0] if isinstance(rows[0], str) else "\n".join(json.dumps(x) for x in rows)
        file.write_text(text, encoding="utf-8")
        return file

    return written


def test_tags_are_names_or_indices_and_null_and_minus_100_are_not_scored(write):
    file = write(
        {"words": ["Ada", "Lovelace", "wrote", "."], "tags": ["B-PER", 2, 0.0, None], "group": 7},
        {"tokens": ["So", "Ada"], "ner_tags": [-100, 1], "group": "b"},
    )
    first, second = read_sentences(file, LABELS)
    assert first == TokenRow(("Ada", "Lovelace", "wrote", "."), (1, 2, 0, None), "7")
    assert (first.answers, first.scored) == ((1, 2, 0), (0, 1, 2))
    assert (second.answers, second.scored, second.group) == ((1,), (1,), "b")


def test_columns_of_words_and_tags_are_sentences_between_blank_lines(write):
    text = (
        "-DOCSTART- -X- -X- O\n\nAda NNP I-NP B-PER\nLovelace NNP I-NP I-PER\n\n\n"
        '"\tB-PER\n# \tO\r\n\xa0 \tO\n'
    )
    for name in ("a.conll", "a.txt", "a.BIO"):
        rows = read_sentences(write(text, name=name), LABELS)
        assert [row.words for row in rows] == [("Ada", "Lovelace"), ('"', "# ", "\xa0 ")]
        assert [row.answers for row in rows] == [(1, 2), (1, 0, 0)]
    assert len(read_sentences(write(text, name="a.iob"), LABELS, most=1)) == 1


def test_validation_rows_may_lack_their_tags(write):
    (row,) = read_sentences(write({"words": ["a", "b"]}), LABELS, labelled=False)
    assert row.answers == (UNLABELLED, UNLABELLED)
    (row,) = read_sentences(write("a\nb\n", name="a.conll"), LABELS, labelled=False)
    assert row.answers == (UNLABELLED, UNLABELLED)
    assert untagged(" a  b ") == row
    assert untagged("  ") is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"words": ["a", "b"], "tags": ["O"]}, "line 1 has 2 words, but 1 tags"),
        ({"words": ["a"], "tags": ["B-ORG"]}, r"line 1, word 1 \('a'\): the label 'B-ORG' is not"),
        ({"words": ["a"], "tags": [3]}, r"word 1 \('a'\): the label 3 is outside the head"),
        ({"words": [], "tags": []}, "line 1 has no words. Leave it out"),
        ({"words": "a b", "tags": []}, "'words' is 'a b'; it must be a list of texts"),
        ({"words": [1], "tags": [0]}, "it must be a list of texts"),
        ({"words": ["a"]}, "line 1 has no tags; give a list"),
        ({"words": ["a"], "tags": "O"}, "line 1 has tags 'O'; give a list"),
        ({"words": ["a"], "tags": [None]}, "line 1 has no word that is scored"),
        ({"words": ["a"], "tokens": ["a"], "tags": [0]}, "has both 'words' and 'tokens'"),
        ({"words": ["a"], "tags": [0], "pos": [1]}, "pos"),
    ],
)
def test_a_row_that_cannot_be_scored_is_refused_with_its_place(write, row, words):
    with pytest.raises(BadData, match=words):
        read_sentences(write(row), LABELS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ada B-PER\nLovelace\n", "line 2 has 1 columns, but its sentence begins with 2"),
        ("Ada\n", "line 1: 'Ada' has no tag; write it behind the word"),
        ("Ada B-PER\nL X\n", "line 2: the label 'X' is not among"),
        ("\n\n", "holds no rows"),
    ],
)
def test_columns_that_cannot_be_scored_are_refused_with_their_line(write, text, words):
    with pytest.raises(BadData, match=words):
        read_sentences(write(text, name="a.conll"), LABELS)


def test_a_table_is_refused_with_what_to_write(write):
    with pytest.raises(BadData, match="does not fit into one line of it. Write JSON lines, or"):
        read_sentences(write("words,tags\na,O\n", name="a.csv"), LABELS)
