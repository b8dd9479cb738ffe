"""Tasks in the header of a state: written, read again, and strict."""

from pathlib import Path

import pytest

from studio.errors import BadState
from studio.sequence.members import Member, member_of, members_of

RED = Member("red", "a" * 64, 0.3, "", "b" * 64)
PATH = Path("s.safetensors")


def test_a_task_is_read_as_it_was_written():
    measured = Member("blue", "c" * 64, -1.5, "d" * 64, "e" * 64)
    assert members_of(PATH, [RED.plain(), measured.plain()]) == (RED, measured)
    assert RED.plain()["coefficient"] == "0x1.3333333333333p-2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"more": 1}, "unknown key 'more'"),
        ({"name": "a/b"}, "no task name"),
        ({"digest": "A" * 64}, "has the digest 'AAA"),
        ({"statistics": "x"}, "has the digest 'x'"),
        ({"terms": ""}, "has the digest ''"),
        ({"coefficient": "inf"}, "has the coefficient 'inf'"),
        ({"coefficient": "1x"}, "has the coefficient '1x'"),
        ({"coefficient": 1.0}, "has values that are no text"),
    ],
)
def test_what_cannot_be_is_refused(change, words):
    with pytest.raises(BadState, match=words):
        member_of(PATH, RED.plain() | change, "task 1")


def test_a_list_of_tasks_is_a_list_and_names_each_once():
    for listed, words in (
        ("red", "its tasks are 'red'"),
        ([RED.plain()] * 2, "task 2, 'red', comes"),
    ):
        with pytest.raises(BadState, match=words):
            members_of(PATH, listed)
