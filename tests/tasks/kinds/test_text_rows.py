"""Rows of texts: pairs, labels as tools write them, unknown keys, tables."""

import csv
import json

import pytest

from studio.errors import BadData
from studio.tasks.kinds import USUAL_KIND
from studio.tasks.kinds.text_rows import TextRow, read_rows
from studio.tasks.rows import UNLABELLED

LABELS = ("no", "yes")


def lines(tmp_path, *rows):
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return file


def table(tmp_path, name, *rows, **options):
    file = tmp_path / name
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream, **options).writerows(rows)
    return file


def test_a_label_is_a_name_or_an_index_and_may_lack_where_none_is_needed(tmp_path):
    file = lines(
        tmp_path, {"text": "x", "label": "yes"}, {"text": "y", "label": 0}, {"text": "z"},
        {"text": "z", "label": None},
    )  # fmt: skip
    rows = read_rows(file, LABELS, labelled=False)
    assert [row.answers for row in rows] == [(1,), (0,), (UNLABELLED,), (UNLABELLED,)]
    with pytest.raises(BadData, match="line 3 has no label; give each row one"):
        read_rows(file, LABELS)
    assert len(read_rows(file, LABELS, most=2)) == 2


def test_whole_numbers_may_be_written_as_pandas_does(tmp_path):
    rows = read_rows(lines(tmp_path, {"text": "x", "label": 1.0}), LABELS)
    assert rows[0].answers == (1,)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": "x", "label": -1}, "line 1: the label -1 stands for an unlabelled row"),
        ({"text": "x", "label": -1.0}, "the label -1 stands for an unlabelled row"),
        ({"text": "x", "label": 0.5}, "the label 0.5 is outside the head"),
        ({"text": "x", "label": True}, "the label is true; write a label's name or index"),
        ({"text": "x", "label": "1"}, "'1' is not among the 2 labels: no, yes. Write an index as"),
        ({"text": "x", "text_pair": 3, "label": 1}, "'text_pair' is 3; it must be text"),
        ({"sentence1": "x", "question": "y", "label": 1},
         "line 1 has the unknown key 'sentence1', 'question'; the keys are text, text_pair, label"),
        ({"text": "x", "pair": "y", "label": 1}, "the unknown key 'pair'"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_its_place(tmp_path, row, words):
    with pytest.raises(BadData, match=words):
        read_rows(lines(tmp_path, row), LABELS)


def test_a_text_that_names_a_label_is_that_label_first(tmp_path):
    rows = read_rows(lines(tmp_path, {"text": "x", "label": "1"}), ("1", "0"))
    assert rows[0].answers == (0,)


def test_a_pair_is_shown_whole_and_is_another_row(tmp_path):
    one, two = TextRow("a", 0, None), TextRow("a", 0, None, "b")
    assert USUAL_KIND.shown(one) == "a"
    assert USUAL_KIND.shown(two) == "a | b"
    assert USUAL_KIND.plain(one) == ["a", 0]
    assert USUAL_KIND.plain(two) == ["a", 0, "b"]
    file = lines(tmp_path, {"text": "a", "text_pair": "b", "label": 0})
    assert read_rows(file, LABELS) == (two,)


def test_a_spreadsheet_s_rows_are_read_with_commas_and_line_breaks_in_quotes(tmp_path):
    file = table(
        tmp_path, "rows.csv", ["text", "label", "text_pair", "group"],
        ["a, b", "yes", "", "g"], ["two\r\nlines", "0", "c", "h"], ["c", "1.0", "d", "h"],
    )  # fmt: skip
    assert file.read_bytes().startswith(b"\xef\xbb\xbftext,label,text_pair,group\r\n")
    assert read_rows(file, LABELS) == (
        TextRow("a, b", 1, "g"), TextRow("two\r\nlines", 0, "h", "c"), TextRow("c", 1, "h", "d"),
    )  # fmt: skip


@pytest.mark.parametrize(("name", "mark"), [("r.csv", ";"), ("r.csv", "\t"), ("r.tsv", "\t")])
def test_columns_may_be_parted_by_other_marks(tmp_path, name, mark):
    file = table(tmp_path, name, ["text", "label"], ["a, b", "no"], delimiter=mark)
    assert read_rows(file, LABELS) == (TextRow("a, b", 0, None),)


def test_a_table_s_label_that_is_neither_name_nor_index_is_refused(tmp_path):
    for label, words in (("-1", "unlabelled row"), ("x", "'x' is not among"), ("", "no label")):
        with pytest.raises(BadData, match=f"line 2.*{words}"):
            read_rows(table(tmp_path, "r.csv", ["text", "label"], ["a", label]), LABELS)
