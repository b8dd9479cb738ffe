"""The table of unmerge accuracy drops: our numbers as measured, the paper's as the paper's."""

import base64
import csv
import io
import re

from studio.compare.unmerge_drop import PAPER, Removal, mean_notes
from studio.compare.unmerge_drop import line as line_of
from studio.tasks.metric import AGREEMENT, SHARES
from studio.ui.views.unmerge_drop import uad

EVIL = "<img src=x onerror=1>"
TASKS = ("red", EVIL)


def drop(mode: str, task: str, mean: float, **changes) -> Removal:
    fields = {
        "method": "mdm_oc", "task": task, "mode": mode, "mean": mean, "half": 0.012,
        "worst": mean + 0.01, "worst_task": "other", "removed_score": 0.25, "n": 1200,
        "seconds": 0.5, "same": False,
    }  # fmt: skip
    return Removal(**(fields | changes))


FOUND = [
    drop("rebuild", "red", 0.034, seconds=0.3),
    drop("subtract", "red", -0.021, worst_task=EVIL),
    drop("rebuild", EVIL, 0.01, seconds=0.1),
    drop("subtract", EVIL, 0.01, same=True, seconds=0.7),
    drop("rebuild", "red", 0.0, method="average", same=True),
]


def rows(shown: str) -> dict[str, str]:
    return {row[0]: row[1] for row in re.findall(r"<tr data-uad='([^']+)'>(.*?)</tr>", shown)}


def cells(row: str) -> list[str]:
    found = re.findall(r"<td[^>]*>(.*?)</td>", row)
    return [re.sub(r"<[^>]+>", "", each).strip() for each in found]


def test_before_anything_was_measured_it_is_said_what_it_would_be():
    shown = uad([], TASKS)
    assert shown.startswith("<p class='quiet'>UAD: what the kept tasks lose when one is taken out")
    assert "<table" not in shown


def test_a_row_holds_each_removed_task_their_mean_and_the_worst_of_the_kept():
    found = rows(uad(FOUND, TASKS))
    assert list(found) == ["mdm_oc rebuild", "mdm_oc subtract", "average rebuild"]
    # (3.4 + 1.0) / 2 = 2.2 points; the worst is 3.4 + 1; the upper median of 0.1 and 0.3 s
    assert cells(found["mdm_oc rebuild"]) == [
        "rebuilt", "+3.4 ± 1.2", "+1.0 ± 1.2", "+2.2", "+4.4 other", "0.30",
    ]  # fmt: skip
    # (-2.1 + 1.0) / 2 = -0.55, written with one digit
    assert cells(found["mdm_oc subtract"]) == [
        "subtracted", "-2.1 ± 1.2", "+1.0 ± 1.2 =", f"{-0.55:+.1f}", "+2.0 other", "0.70",
    ]  # fmt: skip


def test_what_is_not_measured_yet_is_no_number():
    assert cells(rows(uad(FOUND, TASKS))["average rebuild"]) == [
        "rebuilt", "+0.0 ± 1.2 =", "…", "+0.0", "+1.0 other", "0.50",
    ]  # fmt: skip


def test_equal_bytes_have_a_mark_that_is_explained():
    shown = uad(FOUND, TASKS)
    assert "<b>=</b>: both operations give the same bytes." in shown
    assert "n=1,200" in shown
    assert [row.count("</span> =") for row in rows(shown).values()] == [0, 1, 1]


def test_names_are_text():
    shown = uad([*FOUND, drop("subtract", "red", 0.1, method=EVIL, worst_task=EVIL)], TASKS)
    assert "<img" not in shown
    assert "&lt;img src=x onerror=1&gt;" in shown


def test_the_papers_numbers_are_the_papers():
    shown = uad(FOUND, TASKS)
    ours, paper = shown.split("<caption>The paper's numbers, not ours</caption>")
    for row in PAPER:
        assert f"{row.vision:.1f} %" in paper
        assert f"{row.language:.1f} %" in paper
        assert row.method in paper
    assert "12.3 %" not in ours
    assert "not reproduced here.</p>" in paper
    assert "arXiv 2507.20997" in paper


def test_the_table_saves_as_csv_with_every_number_unrounded():
    found = re.search(r"data:text/csv;charset=utf-8;base64,([^']+)'", uad(FOUND, TASKS))
    assert found
    lines = list(csv.DictReader(io.StringIO(base64.b64decode(found[1]).decode())))
    assert [(line["method"], line["mode"], line["removed task"]) for line in lines] == [
        (each.method, each.mode, each.task) for each in FOUND
    ]
    for line, each in zip(lines, FOUND, strict=True):
        assert float(line["mean"]) == each.mean
        assert float(line["half"]) == each.half
        assert float(line["worst"]) == each.worst
        assert float(line["seconds"]) == each.seconds
        assert int(line["n"]) == each.n
        assert line["same bytes"] in (str(each.same), "yes" if each.same else "no")
    assert lines[0]["accuracy of the removed task"] == "0.25"


def test_agreement_is_marked_and_means_over_both_say_so_once():
    over = "mean of accuracy (1 task) and agreement (1 task)"
    mixed = [
        drop("rebuild", "red", 0.1, metric=SHARES, over=over, worst_task="blue",
             worst_metric=AGREEMENT),
        drop("rebuild", EVIL, 0.1, removed_metric=AGREEMENT),
    ]  # fmt: skip
    shown = uad(mixed, TASKS)
    assert "<th scope='col'>red</th>" in shown
    assert "x onerror=1&gt; (agreement)</th>" in shown
    assert "blue (agreement)" in shown
    assert shown.count(over) == 1
    found = re.search(r"data:text/csv;charset=utf-8;base64,([^']+)'", shown)
    assert found
    lines = list(csv.DictReader(io.StringIO(base64.b64decode(found[1]).decode())))
    assert [line["worst task"] for line in lines] == ["blue (agreement)", "other"]
    assert [line["removed task"] for line in lines] == ["red", f"{EVIL} (agreement)"]
    assert "agreement" not in uad(FOUND, TASKS)
    assert "blue (agreement)" in line_of(mixed[0])
    assert mixed[0].plain()["over"] == over
    assert mixed[0].plain()["worst_metric"] == "agreement"
    assert "over" not in FOUND[0].plain()
    (note,) = mean_notes(mixed)
    assert note.startswith(f"Mean drops are of the {over}, by which task is taken out")
    assert mean_notes(FOUND) == []
