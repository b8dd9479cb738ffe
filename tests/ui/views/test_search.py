"""The search's views: every number is the run's, and names are text."""

import base64
import csv
import io
import json
import re
from dataclasses import replace

import pytest

from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.recipe import Recipe, TaskEntry
from studio.search.cost import search_cost
from studio.search.gain import Gain
from studio.search.plan import SearchPlan
from studio.search.record import record
from studio.search.run import Run
from studio.search.space import Space
from studio.search.state import Kept, SearchStep
from studio.session.mix import Mix, Strip
from studio.session.search_view import SearchView
from studio.tasks.metric import ACCURACY, AGREEMENT
from studio.ui.views import search as views
from tests.search.test_verdict import made

EVIL = "<img src=x onerror=1>"
TASKS = ("red", EVIL)
NAMES = ("encoder.layer.0.w", "encoder.layer.1.w")
MIX = Mix(tuple(Strip(name, True, 0.5) for name in TASKS), "mdm_oc")
RECIPE = Recipe("/b", tuple(TaskEntry(name, "/x", 0.5) for name in TASKS))


def kept(value: float, *losses: float, accuracies=(0.5, 0.75), point=(0.5, 0.5)) -> Kept:
    return Kept(point, value, losses, accuracies)


OWN, RULE = kept(0.9, 1.5, 2.5), kept(0.8, 1.25, 2.25, point=(0.7, 0.7))
LAST = kept(0.3, 0.625, 1.125, accuracies=(0.75, 1.0), point=(0.6, 0.9))
STEPS = (
    SearchStep(0, (0.5, 0.5), OWN.losses, 0.9, 40, OWN, OWN),
    SearchStep(0, (0.7, 0.7), RULE.losses, 0.8, 80, RULE, RULE),
    SearchStep(1, (0.7, 0.7), (1.375, 2.375), 0.85, 112, None, RULE),
    SearchStep(2, (0.6, 0.9), (0.875, 1.0), 0.4, 184, LAST, LAST),
)


def run(steps=STEPS, **wish) -> Run:
    plan = SearchPlan(budget=5, **wish)
    free = Space(TASKS, NAMES, plan.granularity, (frozenset(NAMES), frozenset(NAMES)))
    digests = tuple((name, "0" * 64) for name in TASKS)
    return Run(RECIPE, plan, free, 0, ((60, 20), (60, 20)), digests, (), steps)


def shown(made: Run | None, **fields) -> SearchView:
    plan = made.plan if made else SearchPlan()
    return SearchView("Adam, per task, 5 steps, seed 0", MIX, RECIPE, plan, made, **fields)


def gain(split: str, mean: float, verdict: str) -> Gain:
    score = {name: Score(0.5, 100, 0.4, 0.6, "wilson") for name in TASKS}
    half = abs(mean) / 2 if verdict != "cannot tell" else abs(mean) * 2
    change = {name: Change(mean, half, 100) for name in TASKS}
    return Gain(split, score, score, change)


def titles(drawn: str, curve: str) -> list[str]:
    found = re.search(rf"<figure data-curve='{curve}'>(.*?)</figure>", drawn, re.S)
    assert found
    return re.findall(r"<title>([^<]*)</title>", found[1])


def saved(drawn: str, kind: str) -> str:
    found = re.search(rf"download='coefficients.{kind}'.*?base64,([^']+)'", drawn)
    assert found
    return base64.b64decode(found[1]).decode()


def test_before_a_search_it_is_said_what_it_takes():
    plan = SearchPlan(budget=10, batch=8)
    words = views.cost(plan, search_cost(plan, ((60, 20), (60, 20)), 2))
    # 10 steps of 2 x 8 rows, 2 looks and 2 starts at 40 rows; experts and base on 120 each
    assert "data-rows='320'" in words
    assert "<b>320</b> row evaluations on validation rows, and 240 before" in words
    assert EVIL not in views.refused(EVIL)


def test_before_a_search_it_is_said_what_moves_on_which_rows_and_how_long():
    plan = SearchPlan(budget=10, batch=8)
    found = search_cost(plan, ((60, 20), (60, 20)), 2)
    words = views.cost(plan, found, TASKS, "about 12 s")
    assert "<b>2</b> numbers, one weight per task: red, &lt;img" in words
    assert "learns on n=120 validation rows and n=40 others decide: <b>about 12 s</b>" in words
    assert found.passes == 320 + 2 * 160 + 240  # forward and backward are three passes
    many = views.cost(plan, found, [f"task {k}" for k in range(11)])
    assert "task 7 and 3 more" in many
    assert "on this computer" not in many


def test_before_the_first_search_it_is_said_where_to_start():
    assert views.results(None, False, None) == views.NOTHING


def test_the_status_holds_the_runs_numbers():
    drawn = views.results(shown(run()), False, None)
    assert "At <b>2 of 5 steps</b>; best uniform joint loss <b>0.3</b> (0.9 of the mix" in drawn
    assert "n=40 rows that decide, mean accuracy 87.5% on them; 184 row evaluations" in drawn
    assert "0 of 2 directions held still" in drawn
    assert "It starts from the closed-form norm rule" in drawn
    assert "Paused at <b>2 of 5" in views.results(shown(run()), True, None)
    assert "download" not in drawn  # files come at the end
    assert "<img" not in drawn


def test_curves_go_from_the_better_start_through_every_look():
    drawn = views.results(shown(run()), False, None)
    evil = "&lt;img src=x onerror=1&gt;"
    assert titles(drawn, "loss") == [
        "red, 1: 1.375 to red, 2: 0.875", f"{evil}, 1: 2.375 to {evil}, 2: 1",
        "red, 0: 1.25", "red, 2: 0.625", f"{evil}, 0: 2.25", f"{evil}, 2: 1.125",
    ]  # fmt: skip
    assert titles(drawn, "accuracy")[2:] == [
        "mean over tasks, 0: 62.5 %",
        "mean over tasks, 2: 87.5 %",
    ]
    assert titles(drawn, "path") == [
        "red, 0: 0.7 to red, 2: 0.6",
        f"{evil}, 0: 0.7 to {evil}, 2: 0.9",
    ]


def test_of_several_coefficients_a_task_the_path_is_the_mean_with_its_spread():
    best = replace(LAST, point=(0.2, 0.6, 1.0, 1.0))
    step = replace(STEPS[3], point=best.point, checked=best, best=best)
    start = replace(STEPS[0], point=(0.5,) * 4)
    made = run((start, step), granularity="group")
    ended = views.results(shown(made, phase="ended"), False, None)
    assert titles(ended, "path")[0] == "red, 0: 0.5 to red, 2: 0.4"
    rows = list(csv.DictReader(io.StringIO(saved(ended, "csv"))))
    red = next(row for row in rows if row["number"] == "2" and row["task"] == "red")
    assert float(red["coefficient"]) == pytest.approx(0.4)
    assert float(red["spread"]) == pytest.approx(0.2)
    assert (red["loss"], red["checked_loss"], red["checked_accuracy"]) == ("0.875", "0.625", "0.75")


def test_an_earlier_run_is_dashed_and_is_compared_by_rows_if_its_steps_cost_otherwise():
    first = shown(run(optimizer="cma"))
    first = replace(first, name=f"CMA {EVIL}")
    drawn = views.results(shown(run()), False, first)
    assert drawn.count("stroke-dasharray") == 2 + 1 + 2 + 1  # losses, mean, paths and the key
    assert "red, 112: 1.375 to red, 184: 0.875" in titles(drawn, "loss")
    assert ">row evaluations</text>" in drawn
    assert "<img" not in drawn
    alike = views.results(shown(run()), False, shown(run(seed=1)))
    assert ">row evaluations</text>" not in alike


def test_agreement_with_experts_is_never_called_accuracy():
    agreed = replace(run(), metrics=dict.fromkeys(TASKS, AGREEMENT))
    drawn = views.results(shown(agreed, phase="ended"), False, None)
    assert "rows that decide, mean agreement 87.5% on them" in drawn
    assert "accuracy" not in drawn.replace("data-curve='accuracy'", "").split("<a ")[0]
    assert record(agreed)["metrics"] == dict.fromkeys(TASKS, "agreement")
    mixed = replace(run(), metrics={"red": ACCURACY, EVIL: AGREEMENT})
    assert mixed.mean_share(mixed.best) is None
    drawn = views.results(shown(mixed, phase="ended"), False, None)
    assert "87.5%" not in drawn
    assert "mean over tasks" not in drawn
    rows = list(csv.DictReader(io.StringIO(saved(drawn, "csv"))))
    found = [(row["checked_accuracy"], row["checked_agreement"]) for row in rows[-2:]]
    assert found == [("0.75", ""), ("", "1.0")]


def test_without_labels_there_is_no_accuracy():
    bare = tuple(
        replace(s, checked=s.checked and replace(s.checked, accuracies=None),
                best=replace(s.best, accuracies=None))
        for s in STEPS
    )  # fmt: skip
    drawn = views.results(shown(run(bare, loss="entropy")), False, None)
    assert "data-curve='accuracy'" not in drawn
    assert "mean accuracy" not in drawn.split("<details>")[0]


@pytest.mark.parametrize(
    ("mean", "verdict", "kind"),
    [(0.1, "better", "fine"), (-0.1, "worse", "refusal"), (0.1, "cannot tell", "note")],
)
def test_the_line_on_top_is_colored_by_what_held_out_rows_say(mean, verdict, kind):
    gains = (gain("validation", 0.1, "better"), gain("held_out", mean, verdict))
    assert gains[1].change.verdict == verdict
    drawn = views.results(shown(run(), phase="ended", gains=gains), False, None)
    assert f"<p class='{kind}' id='gains'>{gains[0].words}<br>{gains[1].words}</p>" in drawn


def test_the_saved_record_holds_the_steps_the_gains_and_the_best_recipe():
    gains = (gain("held_out", 0.1, "better"),)
    drawn = views.results(shown(run(), phase="ended", gains=gains), False, None)
    found = json.loads(saved(drawn, "json"))
    assert [step["value"] for step in found["steps"]] == [0.9, 0.8, 0.85, 0.4]
    assert [task["coefficient"] for task in found["best"]["tasks"]] == [0.6, 0.9]
    assert found["gains"]["held_out"]["change"] == pytest.approx(0.1)
    assert found["plan"]["budget"] == 5


def test_long_runs_are_drawn_with_some_hundred_points_and_both_ends():
    many = [replace(STEPS[3], number=k, rows=100 + k) for k in range(1, 3001)]
    drawn = views.results(shown(run((*STEPS[:2], *many))), False, None)
    assert len(drawn) < 120_000
    assert titles(drawn, "loss")[0].endswith("red, 3000: 0.875")


def test_the_line_beside_the_buttons_says_how_far_it_is_and_how_it_ended():
    assert views.state(None, False) == ""
    assert "Preparing." in views.state(shown(None), False)
    assert "Paused at 2 of 5 steps." in views.state(shown(run()), True)
    words = views.state(shown(run(), phase="ended", words=EVIL, refused=True), False)
    assert "class='refusal'" in words
    assert EVIL not in words
    cancelled = views.state(shown(run(), phase="ended", words="Cancelled."), False)
    assert "worth" not in cancelled  # nothing was measured, so the tab says nothing of it
    gains = (gain("validation", 0.03, "better"),)
    assert "worth" in views.state(shown(run(), phase="ended", words="Ended.", gains=gains), False)


def test_what_the_mixer_shows_is_said_beside_what_was_found_and_at_the_buttons():
    view = shown(run(), phase="ended", words="Ended.")
    for drawn in (
        views.state(view, False, f"In use {EVIL}."),
        views.results(view, False, None, f"In use {EVIL}."),
    ):
        assert "Ended. In use &lt;img" in drawn
    assert "Ended.</p>" in views.state(view, False)


def test_held_out_rows_are_no_praise_for_what_was_not_taken():
    gains = (gain("held_out", 0.1, "better"),)
    worse = made(0.6, 0.5)
    drawn = views.results(shown(run(), phase="ended", gains=gains, verdict=worse), False, None)
    assert "<p class='note' id='gains'>" in drawn
    assert json.loads(saved(drawn, "json"))["verdict"]["better"] is False
