"""What a change makes of a task: only what is named, and no path outside."""

from dataclasses import replace
from pathlib import Path

import pytest

from studio.errors import BadCheckpoint, NotAllowed
from studio.new_zoo.finding import find
from studio.new_zoo.grouping import propose
from studio.new_zoo.plan import ALL, planned
from studio.session.task_changes import changed


@pytest.fixture(scope="module")
def change(runs):
    """Change the task of the colors, whose files may be anything but secret."""
    found = find([runs])
    (proposal,) = propose(found)
    assert proposal.base
    member = next(each for each in proposal.members if each.name == "colors")
    base = proposal.base
    (task,) = planned(base, [member], found, {}, proposal.members)

    def inside(path: str) -> Path:
        if path == "secret":
            raise NotAllowed("It is outside.")
        return Path("/data") / path

    def made(start=task, **what):
        return changed(start, member, base, what, inside, lambda file: ())

    return made


def test_what_is_named_is_changed_and_the_rest_stays(change):
    task = change(labels=" a, b,, c ")
    assert task.labels == ("a", "b", "c")
    assert replace(task, labels=None) == change()
    assert change(task, labels="").labels is None
    named = change(labels=("yes, sure", "no"))
    assert named.labels == ("yes, sure", "no")
    assert change(named, labels="yes, sure, no") == named
    assert change(change(fields={"text": "body"}), fields=None).columns is None
    assert change(called=" hues ").name == "hues"
    assert change(called=" ").name == "colors"
    assert change(fields={"text": "body", "label": None}).columns == {"text": "body"}
    assert change(version="colors") == change()
    with pytest.raises(BadCheckpoint, match="'colors' has no version 'gone'"):
        change(version="gone")


def test_files_are_named_for_all_splits_or_for_each(change):
    assert change(rows=" x.csv ").files == {ALL: Path("/data/x.csv")}
    assert change(rows=None).files == {}
    both = change(files={"held_out": "t.csv", "validation": "v.csv", "train": ""})
    assert both.files == {"held_out": Path("/data/t.csv"), "validation": Path("/data/v.csv")}
    assert change(files={"held_out": "t.csv", "validation": None}).files == {
        ALL: Path("/data/t.csv")
    }
    for what in ({"rows": "secret"}, {"files": {"train": "secret"}}):
        with pytest.raises(NotAllowed):
            change(**what)


def test_columns_stay_with_the_file_that_they_were_chosen_for(change):
    chosen = change(change(rows="t.csv"), fields={"text": "body"})
    more = change(chosen, files={"held_out": "t.csv", "validation": "v.csv"})
    assert more.columns == chosen.columns == {"text": "body"}
    assert change(chosen, rows="v.csv").columns is None
