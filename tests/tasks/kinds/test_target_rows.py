"""Rows of a text and its target: a choice, a text to write, and what is neither."""

import json

import pytest

from studio.errors import BadData
from studio.tasks.kinds.target_rows import WRITTEN, TargetRow, different_targets, read_targets


def file_of(tmp_path, *rows, name="rows.jsonl"):
    file = tmp_path / name
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return file


def test_a_target_is_one_of_the_task_s_or_the_one_to_write(tmp_path):
    file = file_of(tmp_path, {"text": "a", "target": "no"}, {"text": "", "target": "yes"})
    assert [row.right for row in read_targets(file, ("yes", "no"))] == [1, 0]
    written = read_targets(file, ())
    assert written[0] == TargetRow("a", "no", WRITTEN)
    assert written[1].answers == (WRITTEN,)


def test_tables_are_read(tmp_path):
    (tmp_path / "rows.csv").write_text("text,target,group\na,yes,1\n,no,2\n")
    found = read_targets(tmp_path / "rows.csv", ("yes", "no"))
    assert found == (TargetRow("a", "yes", 0, "1"), TargetRow("", "no", 1, "2"))


def test_a_row_without_a_target_is_good_for_a_choice_that_needs_none(tmp_path):
    file = file_of(tmp_path, {"text": "a"})
    assert read_targets(file, ("yes", "no"), labelled=False)[0].answers == (-1,)
    for targets, labelled in ((("yes", "no"), True), ((), False)):
        with pytest.raises(BadData, match="line 1 has no target; give each row one"):
            read_targets(file, targets, labelled)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"target": "yes"}, "'text' is None; it must be text"),
        ({"text": "a", "target": 1}, "'target' is 1; it must be text"),
        ({"text": "a", "target": " "}, "'target' is empty, so there is nothing to write"),
        ({"text": "a", "target": "perhaps"}, "'perhaps' is not among the 2 targets: yes, no"),
        ({"text": "a", "label": "yes"}, "unknown key 'label'; the keys are text, target, group"),
    ],
)
def test_what_is_no_row_is_refused_with_its_line(tmp_path, row, words):
    with pytest.raises(BadData, match=f"line 1.*{words}"):
        read_targets(file_of(tmp_path, row), ("yes", "no"))


def test_a_choice_that_nobody_has_named_has_two_to_32_targets(tmp_path):
    def files(count):
        rows = [{"text": "a", "target": f"t{at:02}"} for at in range(count)] + [{"text": "b"}]
        return file_of(tmp_path, *rows), file_of(tmp_path, *rows[:3], name="others.jsonl")

    assert different_targets(files(32), "a") == tuple(f"t{at:02}" for at in range(32))
    with pytest.raises(BadData, match="'a': its rows have 33 different targets, too many for"):
        different_targets(files(33), "a")
    with pytest.raises(BadData, match="'a': its rows have 1 different targets, and a choice has"):
        different_targets(files(1), "a")
