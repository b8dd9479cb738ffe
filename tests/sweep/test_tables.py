"""A landscape written out: CSV, plain values and text, holes included."""

import csv
import io
import json
from dataclasses import replace

import pytest

from studio.recipe import Recipe, TaskEntry
from studio.sweep.landscape import SweepPoint
from studio.sweep.tables import landscape_csv, landscape_json, landscape_text
from studio.tasks.metric import AGREEMENT
from tests.sweep.test_landscape import made


@pytest.fixture
def found():
    """Means of 1/4 and 3/4 at 0 and 1, and a hole between them."""
    whole = made([1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0], here=[1, 1, 0, 0])
    first, _, last = whole.points
    return replace(whole, points=(last, first, SweepPoint((0.5,), None, "It cannot be merged.")))


def test_csv_has_a_line_per_point_in_rising_order(found):
    header, *lines = csv.reader(io.StringIO(landscape_csv(found)))
    assert header == ["strength", "mean", "half of its interval", "red", "n of red", "refusal"]
    assert [float(line[0]) for line in lines] == [0.0, 0.5, 1.0]
    assert [line[3:5] for line in lines] == [["0.25", "4"], ["", ""], ["0.75", "4"]]
    assert [line[5] for line in lines] == ["", "It cannot be merged.", ""]


def test_json_has_every_point_and_the_best_with_its_change(found):
    told = json.loads(json.dumps(landscape_json(found)))
    assert [point["at"] for point in told["points"]] == [
        {"strength": 1.0}, {"strength": 0.0}, {"strength": 0.5},
    ]  # fmt: skip
    assert told["points"][2] == {"at": {"strength": 0.5}, "refusal": "It cannot be merged."}
    assert told["best"]["at"] == {"strength": 1.0}
    assert told["best"]["change"]["mean"] == pytest.approx(found.gain.mean)
    assert told["present"]["at"] == {"strength": 0.9}


def test_text_marks_the_best_and_says_once_why_a_point_has_no_number(found):
    twice = replace(
        found,
        points=(*found.points[:1], SweepPoint((0.0,), None, "It cannot be merged."),
                found.points[2]),
    )  # fmt: skip
    lines = landscape_text(twice)
    assert [line for line in lines if line.endswith("best")] == [
        line for line in lines if line.startswith(f"{1.0:14.4g}  {0.75:6.1%}")
    ]
    assert lines[-1] == "no number: It cannot be merged."
    assert lines.count(lines[-1]) == 1
    assert sum("–" in line for line in lines) == 2


def test_agreement_is_marked_and_what_decides_over_both_is_said(found):
    def mixed(point: SweepPoint) -> SweepPoint:
        if point.outcome is None:
            return point
        marks = point.outcome.marks
        marks = {**marks, "blue": replace(marks["red"], metric=AGREEMENT)}
        groups = {"red": None, "blue": None}
        return replace(point, outcome=replace(point.outcome, marks=marks, groups=groups))

    tasks = tuple(TaskEntry(name, f"/{name}") for name in ("red", "blue"))
    both = replace(
        found,
        recipe=Recipe("/b", tasks),
        here=mixed(found.here),
        points=tuple(map(mixed, found.points)),
    )
    header, *lines = csv.reader(io.StringIO(landscape_csv(both)))
    assert header[5:9] == ["red", "n of red", "blue (agreement)", "n of blue (agreement)"]
    assert {len(line) for line in lines} == {len(header)}
    text = landscape_text(both)
    over = "mean of accuracy (1 task) and agreement (1 task)"
    assert sum(over in line for line in text) == 1
    assert any(line.endswith("red  blue (agreement)") for line in text)
    assert "agreement" not in "".join(landscape_text(found))
