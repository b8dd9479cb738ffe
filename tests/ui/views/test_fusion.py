"""AdapterFusion's words on the page: numbers as they were measured, names escaped."""

from dataclasses import replace

import numpy as np
import pytest

from studio.compare.fusion_row import FusionRow
from studio.fusion.training import FusionPlan, Training
from studio.measure.change import Change
from studio.measure.marks import Marks
from studio.measure.outcomes import Outcome
from studio.ui.views import fusion as views


@pytest.fixture
def row() -> FusionRow:
    values = np.array([1.0, 1.0, 0.0, 1.0])
    marks = {name: Marks(values) for name in ("a<b", "c")}
    training = Training(10, 5, 1.2, 0.8, 600, 300, 12.3)
    better, tie = Change(0.1, 0.02, 8), Change(0.01, 0.05, 8)
    tasks = ("a<b", "c")
    outcome = Outcome(marks, dict.fromkeys(tasks))
    rival = ("mdm_oc", tie)
    return FusionRow(outcome, training, FusionPlan(), tasks, 5000, 100000, 2.5, rival, better, tie)


def test_scores_differences_and_price_are_shown(row):
    shown = views.result(row)
    assert "on 8 held-out rows" in shown
    assert shown.count("75.0%") >= 3
    assert "against not merging +10.0 ± 2.0" in shown
    assert "against MDM-OC +1.0 ± 5.0 (tie)" in shown
    assert "2 adapters and 0.01 million numbers" in shown
    assert "a<b" not in shown
    assert "a&lt;b" in shown


def test_without_a_rival_and_without_a_row(row):
    assert "MDM-OC" not in views.result(replace(row, rival=None))
    assert views.result(None) == ""
    assert views.cost("x < y") == "<p class='quiet' id='fusion-words'>x &lt; y</p>"
