"""Whose answers rows hold: the record beside the zoo, and the zoo's checkpoint of today."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from studio.tasks.answerer import answer_notes, answered_by, recorded_answerer, replaced
from studio.tasks.spec import EXPERT, Settings, TaskSpec

THEN, NOW = "a" * 64, "b" * 64


def spec(labelled_by: str = EXPERT, digest: str = THEN) -> TaskSpec:
    return TaskSpec("colors", "/x", "kind", Settings(), {}, labelled_by, digest)


def checkpoint(digest: str) -> Any:
    return SimpleNamespace(known_digest=digest)


def test_the_record_goes_with_the_rows_whatever_the_task_is_called(tmp_path):
    whose = answered_by("../colors", THEN, {"held_out": "rows/colors/x.jsonl"})
    data = {"tasks": {"old name": {"answered_by": whose}, "other": {}}}
    (tmp_path / "made.json").write_text(json.dumps(data))
    assert recorded_answerer(tmp_path, [tmp_path / "rows/colors/x.jsonl"]) == THEN
    assert recorded_answerer(tmp_path, [tmp_path / "rows/other/x.jsonl"]) == ""


@pytest.mark.parametrize(
    "text", [None, "{", "[]", "{}", '{"tasks": [1]}', '{"tasks": {"a": {"answered_by": 1}}}',
             '{"tasks": {"a": {"answered_by": {"digest": 1, "rows": {"a": "x"}}}}}',
             '{"tasks": {"a": {"answered_by": {"digest": "d", "rows": [["x"]]}}}}']
)  # fmt: skip
def test_what_is_no_record_records_nobody(tmp_path, text):
    if text is not None:
        (tmp_path / "made.json").write_text(text)
    assert recorded_answerer(tmp_path, [tmp_path / "x"]) == ""


def test_another_checkpoint_than_the_one_that_answered_is_named():
    assert replaced(spec(), checkpoint(THEN)) == ""
    words = replaced(spec(), checkpoint(NOW))
    assert "The rows of 'colors' hold the answers of another checkpoint (aaaaaaaaaaaa…)" in words
    assert "than the zoo's (bbbbbbbbbbbb…)" in words
    assert answer_notes(spec(), checkpoint(NOW)) == (words,)
    assert answer_notes(spec(), checkpoint(THEN)) == ()


def test_nothing_is_hashed_where_no_expert_answered_and_a_missing_record_is_said():
    unread: Any = SimpleNamespace()  # has no digest to ask for
    assert replaced(spec("", ""), unread) == ""
    assert answer_notes(spec("", ""), unread) == ()
    (note,) = answer_notes(spec(EXPERT, ""), unread)
    assert note == "No made.json beside the zoo file records which expert answered its rows."
