"""The table of accuracies without a browser: names are escaped, numbers are the snapshot's."""

import base64
import csv
import io
import re
from dataclasses import replace

import pytest

from studio.measure.change import Change
from studio.measure.intervals import Score, Share
from studio.tasks.metric import LOSS
from studio.ui.views.accuracy import accuracy
from tests.ui.snapshots import EVIL, snapshot, unlinked


def saved(shown: str) -> str:
    data = re.search(r"href='data:text/csv;charset=utf-8;base64,([^']+)'", shown)
    assert data
    return base64.b64decode(data[1]).decode()


def test_an_unmerged_task_is_marked_and_still_scored():
    row = accuracy(snapshot()).split("<tr")[3]
    assert "unmerged" in row
    assert "60.0%" in row


def test_the_table_saves_as_csv_with_the_numbers_that_it_shows():
    shown = accuracy(snapshot())
    lines = list(csv.DictReader(io.StringIO(saved(shown))))
    assert [line["task"] for line in lines] == ["a", EVIL]
    assert [line["merged"] for line in lines] == ["yes", "no"]
    assert float(lines[0]["accuracy"]) == 0.8
    assert float(lines[0]["expert"]) == 0.9
    assert float(lines[0]["head-only"]) == 0.6
    assert lines[0]["change since pinned"] == ""
    assert "text/csv" not in accuracy(snapshot(seen=False, share=0.1))


def test_the_names_of_tasks_are_escaped():
    assert EVIL not in accuracy(snapshot(refusal=EVIL))


def in_nats(**values) -> dict:
    """Scores of the first task as a loss."""
    return {
        key: snapshot().__dict__[key] | {"a": Score(
            value, 100, value - 0.25, value + 0.25, "bootstrap", LOSS, value / 3
        )}
        for key, value in values.items()
    }  # fmt: skip


def test_a_loss_is_in_nats_with_perplexity_and_bits_beside_and_no_percent():
    now = snapshot(**in_nats(scores=2.5, experts=2.0, head_only=3.0))
    shown = accuracy(now)
    row = shown.split("<tr")[2]
    assert "2.500<br><span class='quiet'>perplexity 12.2, 0.833 bits per byte</span>" in row
    assert "<i style='width:50.00%'></i>" in row
    assert "2.250 to 2.750" in row
    assert "%<" not in row
    assert "Held-out accuracy or loss by task" in unlinked(shown)
    assert "worse to better" in shown
    assert "0 to 100 %" not in shown
    lines = list(csv.DictReader(io.StringIO(saved(shown))))
    assert (lines[0]["accuracy or loss"], lines[0]["metric"]) == ("2.5", "loss")
    assert float(lines[0]["perplexity"]) == pytest.approx(12.18, abs=0.01)
    assert lines[1]["metric"] == "accuracy"


def test_a_loss_that_falls_is_green_and_one_that_rises_is_red():
    scores = in_nats(scores=2.5, experts=2.0, head_only=3.0)
    for mean, css in ((-0.2, "up"), (0.2, "down")):
        changes = {"a": Change(mean, 0.1, 100, LOSS, 2.5)}
        row = accuracy(snapshot(**scores, changes=changes, is_pinned=False)).split("<tr")[2]
        assert f"<span class='{css}'" in row
        assert f"{mean:+.3f} ± 0.100" in row


def test_a_share_beside_an_accuracy_is_shown_and_saved_with_its_interval():
    scores = snapshot().scores
    own = replace(scores["a"], besides=(Share(f"F1 {EVIL}", 0.5, 0.25, 0.75, "wilson"),))
    shown = accuracy(snapshot(scores=scores | {"a": own}))
    assert "<br><span class='quiet'>F1 " in shown.split("<tr")[2]
    assert "50.0% (25.0% to 75.0%)</span>" in shown.split("<tr")[2]
    assert EVIL not in shown
    lines = list(csv.DictReader(io.StringIO(saved(shown))))
    keys = [f"F1 {EVIL}", f"F1 {EVIL}, low", f"F1 {EVIL}, high"]
    assert [lines[0][key] for key in keys] == ["0.5", "0.25", "0.75"]
    assert [lines[1][key] for key in keys] == ["", "", ""]


def test_what_the_zoo_ships_is_drawn_pale_until_it_is_computed_here():
    assert "studio accuracy'" in accuracy(snapshot())
    lent = accuracy(snapshot(shipped=frozenset({"scores"})))
    assert "studio accuracy partial'" in lent
