"""Views without a browser: names are escaped, numbers are the snapshot's, claims are measured."""

import base64
import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from studio.measure.scores import Score
from studio.session.mix import Mix, Strip
from studio.session.snapshot import Snapshot
from studio.ui.views import accuracy as views
from studio.zoo import Zoo, ZooTask

EVIL = "<b>&'\""


def at(accuracy, n=100):
    return Score(accuracy, n, accuracy - 0.05, accuracy + 0.05, "wilson")


def snapshot(**changes):
    zoo = Zoo(EVIL, Path("/z"), "/z/base", (ZooTask("a", "/z/a"), ZooTask(EVIL, "/z/b")))
    mix = Mix((Strip("a", True, 0.5), Strip(EVIL, False, 0.5)), "average")
    now = Snapshot(
        version=1, zoo=zoo, mix=mix, recipe=mix.recipe(zoo), scores={"a": at(0.8), EVIL: at(0.6)},
        changes={}, is_pinned=True, flipped=False,
        rows={"a": 100, EVIL: 100}, share=1.0, seen=True, experts={"a": at(0.9), EVIL: at(0.7)},
        head_only={"a": at(0.6), EVIL: at(0.6)}, base={}, refusal="", refused=False, geometry=None,
        order="", job=None, measuring="", busy=False,
    )  # fmt: skip
    return replace(now, **changes)


def test_the_headline_holds_mean_references_and_gain():
    shown = views.headline(snapshot())
    assert ">70.0%</b>" in shown
    assert "± 3.5%, n=200" in shown  # sqrt(2 * 0.05^2) / 2
    assert "experts <b>80.0%" in shown
    assert "head-only <b>60.0%" in shown
    assert "gain kept <b id='gain'>50%" in shown


def test_while_experts_are_measured_the_headline_says_so_in_the_place_of_scores():
    now = snapshot(scores={}, seen=False, measuring="measuring <every> expert: 2 of 6 done")
    shown = views.headline(now)
    assert "id='measuring'>measuring &lt;every&gt; expert: 2 of 6 done …</span>" in shown
    assert "scoring the first rows" not in shown


def test_a_preliminary_number_says_on_how_many_rows_it_stands():
    early = snapshot(scores={"a": at(0.8, 16), EVIL: at(0.6, 16)}, share=0.2, seen=False)
    assert "n=32 of 200 so far" in views.headline(early)
    assert "gain kept" not in views.headline(early)
    assert "accuracy partial" in views.accuracy(early)
    assert "16/100" in views.accuracy(early)


def test_scores_of_a_quick_pass_look_preliminary_until_the_exact_ones_are_there():
    quick = snapshot(share=0.5)
    assert "class='early' title='every row, computed quickly in bfloat16" in views.headline(quick)
    assert "gain kept" in views.headline(quick)
    assert "partial" not in views.accuracy(quick)
    assert "early" not in views.headline(snapshot())


def test_a_merge_below_the_floor_is_called_that():
    worse = snapshot(scores={"a": at(0.5), EVIL: at(0.6)})
    assert "5.0 points below head-only" in views.headline(worse)
    assert "below" not in views.headline(snapshot())


def test_without_head_only_the_base_is_the_floor():
    now = snapshot(head_only={}, base={"a": at(0.3), EVIL: at(0.3)})
    assert "base <b>30.0%" in views.headline(now)
    assert "expert's own head" in views.accuracy(now)


@pytest.mark.parametrize("view", [views.headline, views.accuracy])
def test_names_are_escaped(view):
    assert EVIL not in view(snapshot(refusal=EVIL))


def test_an_unmerged_task_is_marked_and_still_scored():
    row = views.accuracy(snapshot()).split("<tr")[3]
    assert "unmerged" in row
    assert "60.0%" in row


def test_nothing_to_show_tells_an_empty_mix_from_a_refused_one_from_one_being_measured():
    now = snapshot()
    empty = replace(now, recipe=now.recipe.without("a"))
    refused = replace(now, refusal="no", refused=True)
    assert views.nothing_to_show(now) == ""
    assert views.nothing_to_show(empty) == "Nothing is merged, so there is nothing to show."
    assert "cannot be merged; the reason stands above" in views.nothing_to_show(refused)
    unscored = replace(now, refusal="the head of 'a' does not fit")  # geometry is none the worse
    assert views.nothing_to_show(unscored) == ""


def test_the_order_has_one_sentence_for_two_tasks_or_more():
    assert views.order(snapshot(order="Order: x")) == ""  # one task
    mix = Mix((Strip("a", True, 0.5), Strip(EVIL, True, 0.5)), "average")
    both = snapshot(order=EVIL)
    both = replace(both, mix=mix, recipe=mix.recipe(both.zoo))
    assert EVIL not in views.order(both)
    assert "comparing" in views.order(replace(both, order=""))
    assert views.order(replace(both, refused=True)) == ""


def test_files_escape_what_they_show():
    row = {
        "task": EVIL, "kind": "full", "rank": None, "tensors": 2, "parameters": 2_000_000,
        "prefix": EVIL, "private": [EVIL], "notes": [EVIL], "digest": "abc" * 10,
    }  # fmt: skip
    assert EVIL not in views.files([row], [EVIL], EVIL)
    assert "2.0 M" in views.files([row], [], "")


def test_the_table_saves_as_csv_with_the_numbers_that_it_shows():
    shown = views.accuracy(snapshot())
    data = re.search(r"href='data:text/csv;charset=utf-8;base64,([^']+)'", shown)
    assert data
    lines = list(csv.DictReader(io.StringIO(base64.b64decode(data[1]).decode())))
    assert [line["task"] for line in lines] == ["a", EVIL]
    assert [line["merged"] for line in lines] == ["yes", "no"]
    assert float(lines[0]["accuracy"]) == 0.8
    assert float(lines[0]["expert"]) == 0.9
    assert float(lines[0]["head-only"]) == 0.6
    assert lines[0]["change since pinned"] == ""
    assert "text/csv" not in views.accuracy(snapshot(seen=False, share=0.1))
