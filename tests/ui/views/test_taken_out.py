"""What is taken out: a number and only those reasons for it that were measured."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from studio.evidence.teachers import Teachers
from studio.measure.change import Change
from studio.session.taken_out import Returned
from studio.ui.views import taken_out as views
from tests.evidence.test_checks import at
from tests.ui.views.test_evidence import ESCAPED, EVIL, both, unmerged

NOW, BASE = at(0.4), at(0.1)


def snapshot(score: Any = NOW, base=BASE, rows=1000, share=1.0) -> Any:
    scores, bases = ({EVIL: x} if x else {} for x in (score, base))
    return SimpleNamespace(
        scores=scores, experts={EVIL: at(0.6)}, base=bases, rows={EVIL: rows}, share=share
    )


def teaching(gain: float, half: float = 0.02) -> Teachers:
    each = {"green": Change(0.001, half, 1000), "blue": Change(gain, half, 1000)}
    return Teachers(EVIL, at(0.4), {"green": at(0.4), "blue": at(0.15)}, each)


def test_with_every_task_in_the_mix_each_has_a_button():
    shown = views.nothing((EVIL, "green"))
    assert shown.count("data-take=") == 2
    assert ESCAPED in shown
    assert "<img" not in shown


def test_before_the_checks_nothing_is_said_of_a_model_that_never_had_it():
    shown = views.taken_out(unmerged(), snapshot(), {}, {EVIL: None})
    assert "<b>40.0%</b>" in shown
    assert "The untouched base, read by the same head, scores 10.0%." in shown
    assert "Which, is not measured yet" in shown
    assert "never had" not in shown
    assert "<img" not in shown


def test_after_the_checks_the_never_merged_score_stands_beside_it():
    shown = views.taken_out(unmerged(), snapshot(at(0.2)), both(), {EVIL: None})
    assert f"A model that never had {ESCAPED} scores the same 20.0%." in shown


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (-0.25, "<b>blue</b> helps most: without blue as well, the score is 15.0% (-25.0 ± 2.0"),
        (-0.25, "the largest sure drop of 2 tried."),
        (-0.01, "Leaving out any single kept task as well"),  # within its interval of 0
    ],
)
def test_a_teacher_is_named_only_where_its_absence_is_surely_felt(gain, words):
    assert words in views.taken_out(unmerged(), snapshot(), {}, {EVIL: teaching(gain)})


def test_where_no_task_is_kept_the_base_is_what_is_left():
    alone = Teachers(EVIL, at(0.4), {}, {})
    out = unmerged(EVIL, "green", "blue")
    shown = views.taken_out(out, snapshot(), {}, {EVIL: alone})
    assert "No task is kept: what is left comes from the base." in shown
    assert "the weights shown are those of the base." in shown
    kept = views.taken_out(unmerged(), snapshot(), {}, {})
    assert "the weights shown are merged from the base and 2 other tasks." in kept


def test_a_score_that_is_not_above_the_base_says_so_and_asks_for_no_teacher():
    shown = views.taken_out(unmerged(), snapshot(at(0.1)), {}, {EVIL: None})
    assert "this model is not surely better" in shown
    assert "Which, is not measured" not in shown


def test_what_has_no_rows_or_no_score_yet_has_no_number():
    now = snapshot(None)
    assert "Scoring its rows" in views.taken_out(unmerged(), now, {}, {})
    now = replace_rows(now)
    assert "It has no rows here" in views.taken_out(unmerged(), now, {}, {})


def replace_rows(now: Any) -> Any:
    return SimpleNamespace(**{**vars(now), "rows": {}})


@pytest.mark.parametrize(("demo", "words"), [(True, "A demo key signed it"), (False, "let in")])
def test_what_came_back_is_told_whichever_key_signed(demo, words):
    gone = Returned(EVIL, "2026-11-25", "c" * 64, demo)
    shown = views.returned([gone, replace(gone, task="green", failed=True)])
    assert words in shown
    assert "and a certificate of 2026-11-25 says" in shown
    assert "<b>green is in the mix, and a certificate that failed, of 2026-11-25 says" in shown
    assert shown.count("role='alert'") == 2
    assert "<img" not in shown
    assert views.returned([]) == ""
