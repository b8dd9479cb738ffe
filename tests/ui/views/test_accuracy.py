"""The table of accuracies without a browser: names are escaped, numbers are the snapshot's."""

import base64
import csv
import io
import re

from studio.ui.views.accuracy import accuracy
from tests.ui.snapshots import EVIL, snapshot


def test_an_unmerged_task_is_marked_and_still_scored():
    row = accuracy(snapshot()).split("<tr")[3]
    assert "unmerged" in row
    assert "60.0%" in row


def test_the_table_saves_as_csv_with_the_numbers_that_it_shows():
    shown = accuracy(snapshot())
    data = re.search(r"href='data:text/csv;charset=utf-8;base64,([^']+)'", shown)
    assert data
    lines = list(csv.DictReader(io.StringIO(base64.b64decode(data[1]).decode())))
    assert [line["task"] for line in lines] == ["a", EVIL]
    assert [line["merged"] for line in lines] == ["yes", "no"]
    assert float(lines[0]["accuracy"]) == 0.8
    assert float(lines[0]["expert"]) == 0.9
    assert float(lines[0]["head-only"]) == 0.6
    assert lines[0]["change since pinned"] == ""
    assert "text/csv" not in accuracy(snapshot(seen=False, share=0.1))


def test_the_names_of_tasks_are_escaped():
    assert EVIL not in accuracy(snapshot(refusal=EVIL))
