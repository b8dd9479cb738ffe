"""The Sequence tab's views: every number is the run's, with its n, and names are text."""

import base64
import csv
import io
import json
import re
from dataclasses import replace
from html import escape

from studio.measure.intervals import Score
from studio.methods import METHODS
from studio.recipe import Recipe, TaskEntry
from studio.sequence.orders import Order
from studio.sequence.plan import SequencePlan
from studio.sequence.run import Arrival, ReferenceScores
from studio.sequence.shape import Shape
from studio.sequence.sweep import Sweep
from studio.session.sequence import SequenceView
from studio.ui.views import sequence as views
from tests.ui.snapshots import unlinked

EVIL = "<img src=x onerror=1>"
TASKS = ("red", EVIL)
ENTRIES = tuple(TaskEntry(name, "/x") for name in TASKS)
AVERAGE, MDM = (Recipe("/b", ENTRIES, name) for name in ("average", "mdm_oc"))


def scores(*values: float) -> dict[str, Score]:
    return {
        name: Score(value, 100, value - 0.1, value + 0.1, "wilson")
        for name, value in zip(TASKS, values, strict=True)
    }


def step(label: str, t: int, *values: float, order: int = 0, refusal: str = "") -> Arrival:
    shape = None if refusal else Shape(2.0 * t, None, 0.25 if label == "mdm_oc" else None)
    found = {} if refusal else scores(*values)
    return Arrival(label, order, t, AVERAGE, found, shape, 0.1, refusal)


GIVEN = (Order(TASKS),)


def run(*steps: Arrival, orders=GIVEN, recipes=None, **fields) -> SequenceView:
    recipes = recipes or {"average": AVERAGE, "mdm_oc": MDM}
    plan = SequencePlan(recipes, orders, None, dict.fromkeys(TASKS, 100), 400)
    found = ReferenceScores(scores(0.2, 0.3), scores(0.9, 0.9), scores(0.5, 0.5))
    return SequenceView(plan, found=found, steps=steps, **({"done": True, "sweep": None} | fields))


STEPS = (
    step("average", 1, 0.8, 0.35), step("average", 2, 0.6, 0.7),
    step("mdm_oc", 1, 0.8, 0.35), step("mdm_oc", 2, 0, 0, refusal=f"No {EVIL}."),
)  # fmt: skip


def row(drawn: str, method: str) -> str:
    found = re.search(rf"<tr data-method='{method}'>(.*?)</tr>", drawn)
    assert found
    return re.sub(r"<[^>]+>", "|", found[1])


def saved(drawn: str, kind: str) -> str:
    found = re.findall(rf"download='sequence.{kind}'.*?base64,([^']+)'", drawn)
    return base64.b64decode(found[0]).decode()


def test_before_a_run_it_is_said_what_it_takes():
    assert views.results(None) == views.NOTHING
    words = unlinked(views.cost(run().plan))
    assert "at most <b>4</b> models and <b>1,200</b> row evaluations (200 rows a model)" in words
    assert "data-rows='1200'" in words
    assert EVIL not in views.refused(EVIL)


def test_the_summary_holds_the_last_step_and_the_sentence_of_a_refusal():
    drawn = views.results(run(*STEPS))
    own = row(drawn, "average")
    # ACC (0.6 + 0.7) / 2 with half = 0.1 / sqrt(2); BWT 0.6 - 0.8; FWT 0.35 - 0.3;
    # gain ((0.1 + 0.2) / 0.8)
    assert "65.0% |± 7.1|" in own
    assert "-20.0|" in own
    assert "+5.0|" in own
    assert "37%|" in own or "38%|" in own
    assert "ended after 1 arrivals: No &lt;img src=x onerror=1&gt;." in row(drawn, "mdm_oc")
    assert "n=200 held-out rows over 2 tasks" in drawn
    assert "<img" not in drawn


def test_heat_maps_and_curves_show_what_has_come_so_far():
    drawn = views.results(run(*STEPS[:1], done=False))
    assert drawn.count("data-heat=") == 1
    assert {*re.findall(r"data-curve='(\w+)'", drawn)} == {"acc", "gain", "distance"}
    assert "class='saves'" not in drawn
    drawn = views.results(run(*STEPS))
    assert drawn.count("data-heat=") == 2
    assert {*re.findall(r"data-curve='(\w+)'", drawn)} == {
        "acc", "bwt", "fwt", "gain", "distance", "projected",
    }  # fmt: skip
    assert "red after 2: 60.0%" in drawn


def test_a_run_that_is_done_says_what_it_means_and_what_to_do_next():
    drawn = views.results(run(*STEPS))
    said = re.sub(r"<[^>]+>", "", drawn.partition("id='sequence-verdict'>")[2].partition("</p>")[0])
    assert said.startswith("What this means. After 2 arrivals Average ends at 65.0% accuracy")
    assert "earlier tasks lost 20.0 points on the way" in said
    assert "Next: choose Shuffled orders and run again" in said
    assert "sequence-verdict" not in views.results(run(*STEPS, done=False))
    ended = views.results(run(STEPS[2], STEPS[3], recipes={"mdm_oc": MDM}))
    assert "sequence-verdict" not in ended  # nobody got through


def test_methods_that_lie_within_their_intervals_are_not_told_apart():
    near = (*STEPS[:2], step("mdm_oc", 1, 0.8, 0.35), step("mdm_oc", 2, 0.62, 0.7))
    drawn = views.results(run(*near))
    assert "MDM-OC ends at 66.0% accuracy on average; Average cannot be told from it" in drawn
    far = (*STEPS[:2], step("mdm_oc", 1, 0.8, 0.35), step("mdm_oc", 2, 0.9, 0.9))
    drawn = views.results(run(*far))
    assert "MDM-OC ends at 90.0% accuracy on average, ahead of the others" in drawn
    assert "earlier tasks gained 10.0 points on the way" in drawn


def test_several_orders_lead_on_to_the_mix():
    both = (Order(TASKS, 3), Order(TASKS[::-1], 5))
    steps = [replace(each, order=order) for order in (0, 1) for each in STEPS[:2]]
    drawn = views.results(run(*steps, orders=both, recipes={"average": AVERAGE}))
    assert "choose Average as the method of your mix" in drawn


def test_a_weight_that_a_file_would_not_mean_is_said():
    started = MDM.with_coefficients(dict.fromkeys(TASKS, 0.71))
    near = (*STEPS[:2], step("mdm_oc", 1, 0.8, 0.35), step("mdm_oc", 2, 0.62, 0.7))
    drawn = unlinked(views.results(run(*near, recipes={"average": AVERAGE, "mdm_oc": started})))
    assert "MDM-OC: every task with weight 0.71." in drawn
    assert "Average: every task" not in drawn
    own = MDM.with_coefficients({"red": 0.5, EVIL: 1.0})
    drawn = unlinked(views.results(run(*near, recipes={"average": AVERAGE, "mdm_oc": own})))
    assert "MDM-OC: each task with its weight of the mixer." in drawn


def test_methods_are_folded_under_those_that_are_chosen_with_a_sentence_each():
    assert views.chosen(["mdm_oc", "ties"]) == "Methods: MDM-OC, TIES (change)"
    assert views.chosen([*METHODS]).endswith(f" and {len(METHODS) - 5} more (change)")
    assert views.chosen([]) == "Methods: none chosen (change)"
    assert all(escape(each.plainly) in views.methods() for each in METHODS.values())


def test_the_saves_of_each_figure_are_one_quiet_word():
    drawn = views.results(run(*STEPS))
    assert drawn.count("<details class='save'>") == drawn.count("data-png=")
    assert "<summary>Save<span class='hidden'> Gain kept</span></summary>" in drawn


def test_everything_saves_as_csv_and_json():
    drawn = views.results(run(*STEPS))
    lines = list(csv.DictReader(io.StringIO(saved(drawn, "csv"))))
    assert len(lines) == 6
    assert [float(line["accuracy"]) for line in lines[:4]] == [0.8, 0.35, 0.6, 0.7]
    assert float(lines[2]["bwt"]) == 0.6 - 0.8
    assert lines[0]["bwt"] == ""
    found = json.loads(saved(drawn, "json"))
    assert found["methods"]["average"]["orders"][0]["matrix"] == [[0.8, 0.35], [0.6, 0.7]]
    assert found["methods"]["mdm_oc"]["refusals"] == [f"No {EVIL}."]


def test_several_orders_give_mean_and_deviation_by_place_of_arrival():
    both = (Order(TASKS, 3), Order(TASKS[::-1], 5))
    steps = (
        *STEPS[:2],
        step("average", 1, 0.4, 0.6, order=1),
        step("average", 2, 0.6, 0.7, order=1),
    )
    drawn = views.results(run(*steps, orders=both, recipes={"average": AVERAGE}))
    # BWT -0.2 and 0.7 - 0.6 = 0.1: mean -0.05, sd 0.3 / sqrt(2)
    assert "65.0% |± 0.0|" in row(drawn, "average")
    assert "-5.0 |± 21.2|" in row(drawn, "average")
    assert "seeds 3, 5" in drawn
    assert "mean over 2 of 2 orders by place of arrival" in drawn
    assert "arrival 1 after 1: 70.0%" in drawn
    assert "Bands: one standard deviation over 2 orders." in drawn


def test_a_sweep_has_curves_of_its_own_and_no_row():
    sweep = Sweep("mdm_oc", "strength", (0.5, 1.0))
    recipes = {"average": AVERAGE, **sweep.recipes(lambda name: replace(MDM, method=name))}
    steps = [*STEPS[:2]]
    for value, last in ((0.5, 0.7), (1.0, 0.5)):
        steps += [step(sweep.label(value), 1, 0.8, 0.3), step(sweep.label(value), 2, last, 0.6)]
    drawn = views.results(run(*steps, recipes=recipes, sweep=sweep))
    assert re.findall(r"data-method='([^']+)'", drawn) == ["average"]
    assert "MDM-OC: strength swept" in drawn
    assert {"sweep-acc", "sweep-bwt", "sweep-fwt"} <= {*re.findall(r"data-curve='([\w-]+)'", drawn)}
    assert "Average so far (ACC) by strength: MDM-OC 65.0 % to 55.0 %" in drawn
    waiting = views.results(run(*STEPS[:2], recipes=recipes, sweep=sweep, done=False))
    assert "The sweep follows the methods." in waiting
