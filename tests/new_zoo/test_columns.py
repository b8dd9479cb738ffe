"""Which column is guessed for what, what is refused, and how labels meet those of a head."""

from pathlib import Path

import pytest

from studio.errors import BadData
from studio.new_zoo.columns import (
    guess,
    label_columns,
    label_text,
    matched_labels,
    needed_fields,
    records,
)
from studio.new_zoo.tables import Cells, Table
from studio.tasks.parquet import NamedIndex


def table(rows: list[Cells]) -> Table:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return Table(Path("rows.csv"), columns, tuple(rows), len(rows), "")


def twelve(**columns) -> Table:
    """Twelve rows, of each column what a function gives for the number of the row."""
    return table([{name: make(at) for name, make in columns.items()} for at in range(12)])


def text(at: int) -> str:
    return f"a long text of its own, number {at}"


@pytest.mark.parametrize(
    ("kind", "columns", "found"),
    [
        ("text-classification", {"Sentence": text, "Label": lambda at: at % 2},
         {"text": "Sentence", "label": "Label"}),
        ("text-classification", {"id": str, "note": text, "mood": lambda at: "ab"[at % 2]},
         {"text": "note", "label": "mood"}),
        ("text-classification",
         {"premise": text, "hypothesis": text, "gold": lambda at: at % 3, "group": lambda at: at},
         {"text": "premise", "text_pair": "hypothesis", "label": "gold", "group": "group"}),
        ("text-classification", {"text": text, "label": text}, {"text": "text"}),
        ("text-classification", {"text": lambda at: at, "label": lambda at: at % 2},
         {"label": "label"}),
        ("token-classification", {"tokens": lambda at: ["a"], "ner_tags": lambda at: [0]},
         {"words": "tokens", "tags": "ner_tags"}),
        ("image-classification", {"image": lambda at: b"x", "label": lambda at: at % 2},
         {"image": "image", "label": "label"}),
        ("causal-lm", {"instruction": text, "response": text},
         {"prompt": "instruction", "answer": "response"}),
        ("causal-lm", {"content": text}, {"text": "content"}),
        ("causal-lm", {"number": lambda at: at}, {}),
        ("multiple-choice",
         {"question": text, "choices": lambda at: ["a", "b"], "answer": lambda at: at % 2},
         {"question": "question", "options": "choices", "answer": "answer"}),
        ("seq2seq", {"document": text, "summary": text}, {"text": "document", "target": "summary"}),
    ],
)  # fmt: skip
def test_columns_are_guessed_by_name_and_by_what_they_hold(kind, columns, found):
    assert guess(kind, twelve(**columns)) == found


def test_rows_are_given_by_the_kinds_own_names_and_what_was_left_out_is_said():
    rows = [{"note": "a", "mood": 1, "who": 5}, {"note": "b", "who": 5}, {"mood": 2, "who": 6}]
    columns = {"text": "note", "label": "mood", "group": "who"}
    made, notes = records("text-classification", table(rows), columns)
    assert made == [{"text": "a", "label": 1, "group": "5"}]
    assert notes == ["2 rows without text or label were left out."]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"label": "mood"}, "no column was found for 'text' among 'note', 'mood', 'who', 'no'. Say "
                            "which one it is"),
        ({"text": "note", "label": "Mood"}, "has no column 'Mood' for 'label'; it has 'note', "),
        ({"text": "note", "mood": "mood"}, "has no 'mood'; it may have text, text_pair, label, "),
        ({"text": "no", "label": "mood"}, "'no' is to be 'text', which is text, but it holds '5'"),
        ({"text": "note", "label": "mood", "group": "who"}, "1 rows have no 'who', which is the"),
    ],
)  # fmt: skip
def test_columns_that_cannot_be_are_refused(columns, words):
    rows = [{"note": "a", "mood": 1, "who": 5, "no": 5}, {"note": "b", "mood": 1}]
    with pytest.raises(BadData) as refusal:
        records("text-classification", table(rows), columns)
    assert words in str(refusal.value)


def test_a_table_without_a_full_row_is_refused():
    rows = [{"text": "a"}, {"label": "x"}]
    with pytest.raises(BadData, match="has no row with text and label"):
        records("text-classification", table(rows), {"text": "text", "label": "label"})


def test_a_language_model_needs_a_text_or_prompt_and_answer():
    assert needed_fields("causal-lm", {"text": "a"}) == ("text",)
    assert needed_fields("causal-lm", {"prompt": "a"}) == ("prompt", "answer")
    assert needed_fields("text-classification", {}) == ("text",)  # an expert can label it


def label_rows(*labels: object) -> list[Cells]:
    return [{"label": label} for label in labels]


@pytest.mark.parametrize(
    ("labels", "cells", "named", "strange", "how"),
    [
        (("a", "b"), ("a", "b", "b"), {"a": "a", "b": "b"}, {}, ""),
        (("Very Good", "bad"), ("very good", "BAD"), {"very good": "Very Good", "BAD": "bad"}, {},
         "Labels (very good, BAD) were matched without regard to case and spaces."),
        (("Caf\u00e9", "x"), ("Cafe\u0301",), {"Cafe\u0301": "Caf\u00e9"}, {},
         "Labels (Cafe\u0301) were matched without regard to case and spaces."),
        (("a", "b"), (0, 1.0, "1.0"), {"0": "a", "1": "b", "1.0": "b"}, {},
         "Labels (0, 1, 1.0) were the head's indices: 0 is a, 1 is b."),
        (("0", "1"), (0, "1.0"), {"0": "0", "1.0": "1"}, {}, "Labels (1.0) were the head's "
         "indices: 0 is 0, 1 is 1."),
        (("1", "2", "3"), (0, 1, 2), {"1": "1", "2": "2"}, {"0": 1}, ""),
        (("a", "b"), ("a", "c", "c", True), {"a": "a"}, {"c": 2, "True": 1}, ""),
        (("False", "True"), (True, False), {"True": "True", "False": "False"}, {}, ""),
        (("A", "a"), ("A", "a", " a"), {"A": "A", "a": "a"}, {" a": 1}, ""),
    ],
)  # fmt: skip
def test_labels_meet_those_of_the_head(labels, cells, named, strange, how):
    found = matched_labels(label_rows(*cells), labels)
    assert (dict(found.named), dict(found.strange), found.how) == (named, strange, how)


def test_a_whole_number_is_a_label_without_decimals():
    assert [label_text(each) for each in (1.0, 1, 1.5, True, "1.0", NamedIndex(0, "x"))] == [
        "1", "1", "1.5", "True", "1.0", "0",
    ]  # fmt: skip


def test_columns_that_hold_labels_of_a_head_do_so_by_name():
    made = twelve(
        text=text, mood=lambda at: ("Bad ", "good")[at % 2], index=lambda at: at % 2,
        same=lambda at: "good", words=lambda at: ["bad"], other=lambda at: ("bad", "fine")[at % 2],
    )  # fmt: skip
    assert label_columns([made], ("bad", "good")) == ["mood"]
    assert label_columns([made, twelve(mood=lambda at: "worse")], ("bad", "good")) == []
    assert label_columns([made], ("0", "1")) == ["index"]
