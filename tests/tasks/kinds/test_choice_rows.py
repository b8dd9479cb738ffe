"""Rows of multiple choice: what is read, and what is refused with its line."""

import json

import pytest

from studio.errors import BadData
from studio.tasks.kinds.choice_rows import ChoiceRow, read_choices
from tests.conftest import refusal

GOOD = {"question": "Which is a fruit?", "options": ["pear", "brick"], "answer": 0}


def read(tmp_path, *rows, labelled=True):
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return read_choices(file, labelled)


def test_an_answer_is_an_index_or_an_option_s_text(tmp_path):
    rows = read(tmp_path, GOOD, GOOD | {"answer": "brick"}, GOOD | {"answer": 1.0})
    assert rows[0] == ChoiceRow("Which is a fruit?", ("pear", "brick"), 0)
    assert [row.answers for row in rows] == [(0,), (1,), (1,)]
    assert read(tmp_path, GOOD | {"group": 7})[0].group == "7"


def test_a_validation_row_may_lack_its_answer(tmp_path):
    bare = {key: GOOD[key] for key in ("question", "options")}
    assert read(tmp_path, bare, labelled=False)[0].answers == (-1,)
    with pytest.raises(BadData, match="line 1 has no answer; give each row one"):
        read(tmp_path, bare)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"question": None}, "'question' is None; it must be text"),
        ({"question": " "}, "'question' is empty"),
        ({"options": "pear"}, "'options' is 'pear'; it must be a list of 2 to 100 texts"),
        ({"options": ["pear"]}, "'options' is a list of 1; it must be"),
        ({"options": [str(each) for each in range(101)]}, "'options' is a list of 101"),
        ({"options": ["pear", ""]}, "option 1 is empty"),
        ({"options": ["pear", 3]}, "option 1 is 3; it must be text"),
        ({"options": ["pear", "pear"]}, "has the option 'pear' twice"),
        ({"answer": 2}, r"the answer 2 is no index of its 2 options \(0 to 1\)"),
        ({"answer": -1}, "the answer -1 is no index"),
        ({"answer": True}, "the answer True is no index"),
        ({"answer": "1"}, "'1' is none of its 2 options. Write an index as a number"),
        ({"answer": "stone"}, "'stone' is none of its 2 options.$"),
        ({"label": 0}, "unknown key 'label'; the keys are question, options, answer, group"),
    ],
)
def test_what_is_no_question_is_refused_with_its_line(tmp_path, change, words):
    with pytest.raises(BadData, match=words) as error:
        read(tmp_path, GOOD, GOOD | change)
    assert "line 2" in refusal(error)


def test_a_table_is_refused_by_name(tmp_path):
    (tmp_path / "rows.csv").write_text("question,options\na,b\n")
    with pytest.raises(BadData, match=r"rows\.csv is a table, whose cells hold no list"):
        read_choices(tmp_path / "rows.csv")
