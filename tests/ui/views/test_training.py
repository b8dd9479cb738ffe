"""Pure views of trainings: numbers with their n, names escaped, what is worse marked."""

from studio.measure.change import Change
from studio.measure.intervals import Score
from studio.new_zoo.prepare import Prepared
from studio.training.checks import Check
from studio.training.comparison import HEAD_ONLY, Compared
from studio.training.cost import TrainingCost
from studio.ui.views.training import cost, curves, rows
from tests.training.test_expert import trained

ROW = {"text": "x", "label": "a"}
WORSE = Compared(
    Score(0.6, 100, 0.5, 0.69, "wilson"), Score(0.8, 100, 0.71, 0.87, "wilson"), HEAD_ONLY,
    Change(-0.2, 0.1, 100),
)  # fmt: skip


def test_rows_are_counted_by_split_with_their_labels_and_notes():
    made = Prepared(
        {"train": [ROW] * 1200, "validation": [ROW] * 2, "held_out": [ROW]},
        tuple(f"<{n}>" for n in range(8)), notes=("Drawn <so>.",),
    )  # fmt: skip
    found = rows({"<b>": made})
    assert "<th scope='row'>&lt;b&gt;</th><td class='num'>1,200</td><td class='num'>2</td>" in found
    assert "&lt;5&gt; and 2 more" in found
    assert "Drawn &lt;so&gt;." in found
    assert "told once the rows were looked at" in rows(None)


def test_the_cost_says_how_it_is_known():
    assert cost(None, 5) == ""
    guess = cost(TrainingCost(90.0, 2**20, 2**21, 0), 2**30)
    assert "a guess from sizes: nothing was trained on this computer before" in guess
    assert "as 3 earlier on this computer took" in cost(TrainingCost(90, 1, 1, 3), 1)


def test_a_curve_is_drawn_with_the_loss_before_training_and_at_the_kept_step():
    assert curves({}, {}, {}) == ""
    checks = (Check(0, 1.2, 0.4), Check(5, 0.9, 0.5), Check(10, 1.0, None))
    found = curves({"<x>": checks}, {}, {})
    assert "data-task='&lt;x&gt;'" in found
    told = "1.200 before training, 0.900 at step 5, 1.000 at step 10; accuracy where kept 50.0%"
    assert told in found
    assert "points='4.0,4.0 110.0,52.0 216.0,36.0'" in found
    assert "<circle cx='110.0' cy='52.0'" in found
    assert "scored at the end" in found
    assert "<svg" not in curves({"x": checks[:1]}, {}, {})


def test_a_loss_that_is_no_number_is_not_drawn():
    checks = (Check(0, 1.2, 0.4), Check(5, 0.9, 0.5), Check(10, float("nan"), 0.2))
    found = curves({"x": checks}, {}, {})
    assert "points='4.0,4.0 216.0,52.0'" in found
    assert "0.900 at step 5, nan at step 10" in found


def test_an_expert_that_is_worse_is_marked_with_both_intervals():
    name = "x"
    found = curves({name: trained().checks}, {name: trained("early")}, {name: WORSE})
    assert "<b class='down'>worse, and kept</b>: -20.0 ± 10.0 points (n = 100)" in found
    assert "expert <b>60.0%</b> (50.0% to 69.0%)" in found
    assert "<b>80.0%</b> (71.0% to 87.0%)" in found
    assert "ended early: nothing got better" in found
