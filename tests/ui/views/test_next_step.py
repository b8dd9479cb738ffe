"""The end of a tab says what a result means and what to do next, of measured numbers alone."""

import re
from dataclasses import replace

from studio.measure.intervals import Score
from studio.tasks.metric import LOSS
from studio.ui.views.next_step import after_files, after_results
from tests.ui.snapshots import EVIL, at, snapshot


def said(drawn: str) -> str:
    return re.sub(r"<[^>]+>", "", drawn)


def test_the_task_that_is_furthest_from_its_expert_is_named():
    words = said(after_results(snapshot()))
    assert "a is furthest from its expert: 80.0% here, 90.0% alone." in words
    assert "Next: drag its slider up" in words


def test_a_loss_that_the_rows_cannot_tell_from_none_is_not_called_one():
    near = snapshot(scores={"a": at(0.88), EVIL: at(0.69)}, experts={"a": at(0.9), EVIL: at(0.7)})
    words = said(after_results(near))
    assert "No task is surely worse here than with its own expert; furthest is a:" in words
    assert "88.0% here, 90.0% alone, n=100." in words
    assert "drag" not in words


def test_nothing_is_said_of_few_rows_or_unknown_experts():
    assert after_results(snapshot(seen=False)) == ""
    assert after_results(snapshot(experts={})) == ""
    assert after_results(snapshot(shipped=frozenset({"scores"}))) == ""  # not measured here yet


def test_a_mix_as_good_as_its_experts_leads_to_the_export():
    best = snapshot(scores={"a": at(0.9), EVIL: at(0.6)})
    assert "Every task does as well here as with its own expert." in after_results(best)


def test_without_rows_or_tasks_it_is_said_what_is_missing():
    assert "New zoo" in after_results(snapshot(rows={}))
    now = snapshot()
    none = replace(now, mix=now.mix.unticked(now.mix.names))
    assert "tick a task" in after_results(none)


def test_an_export_says_what_it_holds_and_what_it_lacks():
    words = after_files(snapshot())
    assert "An export holds 1 of 2 tasks." in words
    assert "Not in it: &lt;b&gt;&amp;&#x27;&quot;." in words
    assert "certificate" in words
    now = snapshot()
    every = replace(now, mix=now.mix.everything(), recipe=now.recipe)
    assert "the same model again" in after_files(every)


def test_a_loss_is_weighed_by_its_share_beside_points_of_accuracy():
    mix = snapshot().mix
    both = replace(mix, strips=tuple(replace(each, on=True) for each in mix.strips))
    lost = [Score(x, 100, x - 0.1, x + 0.1, "normal", LOSS) for x in (3.3, 3.0)]  # a tenth
    now = snapshot(scores={"a": at(0.7), EVIL: lost[0]}, experts={"a": at(0.9), EVIL: lost[1]})
    words = said(after_results(replace(now, mix=both)))
    assert "a is furthest from its expert" in words
