"""The ranked table: rows, ties, the sentence at its end, its file, and names that are text."""

import base64
import csv
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from studio.compare.ranking import Ranking, Tried, rank
from studio.recipe import Recipe
from studio.ui.views import ranking as views
from tests.outcomes import outcome, with_losses

EVIL = "<img src=x onerror=1>"
RIGHT, HALF = [1] * 100, [1, 0] * 50
EXPERTS = outcome({"red": RIGHT, EVIL: RIGHT}).scores


def tried(what: str, red, blue, own: str = "", seconds: float | None = None) -> Tried:
    made = outcome({"red": red, EVIL: blue})
    return Tried(f"key of {what}", what, f"about {what}", Recipe("/b", ()), made, seconds, own)


MINE = tried("Your mix", HALF, RIGHT, "mine")
HIGH, LOW = tried(f"High {EVIL}", RIGHT, RIGHT, seconds=2.34), tried("Low", HALF, HALF)
TIE = tried("Tie", [1, 0] * 49 + [0, 1], RIGHT)


def found(*models: Tried, moving: bool = False) -> Any:
    return SimpleNamespace(tasks=("red", EVIL), ranking=rank(models, EXPERTS), moving=moving)


def lines(html: str) -> list[str]:
    return re.findall(r"<tr.*?</tr>", html)[1:]


def test_rows_say_rank_mean_difference_worst_task_and_seconds():
    high, mine, low = lines(views.ranking(found(MINE, HIGH, LOW)))
    assert "<td class='place num'>1</td>" in high
    assert "<b>100.0%</b> <span class='quiet'>± " in high
    assert "▲ +25.0 ± " in high
    assert ">2.3<" in high
    assert "2.3 s</span>" in high  # where a phone has no column for it
    assert "in use" in mine
    assert "data-use" not in mine
    assert "▼ -25.0 ± " in low
    assert f"data-use='{LOW.key}'" in low
    assert "50.0%, -50.0 against its expert" in low


def test_a_tie_is_called_a_tie():
    (row,) = [x for x in lines(views.ranking(found(MINE, TIE))) if "about Tie" in x]
    assert re.search(r"= \+0\.0 ± \d+\.\d</span> <span class='quiet'>tie<", row)


def test_names_are_text():
    assert EVIL not in views.ranking(found(MINE, HIGH, LOW))


def test_one_line_says_whether_the_table_is_ahead_of_the_mix():
    assert "stands in the table as it is now" in views.ranking(found(MINE))
    assert "its row follows" in views.ranking(found(MINE, moving=True))
    assert "cannot be merged" in views.ranking(found(MINE, moving=True), "No rows.")


def test_what_is_not_measured_says_so_and_a_zoo_without_rows_ranks_nothing():
    waiting = replace(MINE, outcome=None)
    _, last = lines(views.ranking(found(waiting, LOW)))
    assert "measuring …" in last
    assert "<td class='place num'>–</td>" in last
    nothing: Any = SimpleNamespace(tasks=(), ranking=Ranking(()), moving=False)
    assert "nothing is ranked" in views.ranking(nothing)


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ((replace(MINE, outcome=None),), "Your mix is being measured"),
        ((MINE,), "press Compare below"),
        ((MINE, HIGH), "is better than your mix by +25.0 ± 7.0 points, beyond noise: press Use it"),
        ((MINE, HIGH, LOW), "even if its interval is widened to ± 8.0 for the best of 2"),
        ((MINE, LOW), "Your mix is ahead of everything tried, Low next (-25.0 ± 7.0 points"),
        ((MINE, TIE), "These rows cannot tell your mix from Tie"),
    ],
)
def test_one_sentence_says_what_it_means_and_what_to_do_next(models, words):
    said = views.next_step(rank(models, EXPERTS))
    assert re.sub(r"± \d+\.\d", "±", words) in re.sub(r"± \d+\.\d", "±", said)


def test_the_file_has_a_line_per_model_with_shares():
    html = views.ranking(found(MINE, HIGH, replace(LOW, outcome=None)))
    text = base64.b64decode(re.findall(r"\.csv'[^>]*base64,([^']+)'", html)[0]).decode()
    high, mine, low = csv.DictReader(text.splitlines())
    assert (high["rank"], high["mix"], high["rows"]) == ("1", f"about High {EVIL}", "200")
    assert float(high["mean"]) == 1.0
    assert float(high["change from your mix"]) == pytest.approx(0.25)
    assert (mine["verdict"], mine["worst task"], float(mine["against its expert"])) == (
        "", "red", -0.5,
    )  # fmt: skip
    assert (low["rank"], low["mean"]) == ("", "")


def test_tasks_of_two_metrics_have_a_mean_each():
    nats = {EVIL: [1.0, 2.0] * 50}
    assert MINE.outcome
    both = replace(MINE, outcome=with_losses(MINE.outcome, nats))
    (row,) = lines(views.ranking(found(both)))
    assert row.count("± ") == 2
    assert "<b>0.750</b>" in row
