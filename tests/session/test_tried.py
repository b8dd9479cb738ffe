"""What was tried: each model once, the latest kept, the oldest forgotten."""

from dataclasses import replace

from studio.recipe import Recipe, TaskEntry
from studio.session.tried import MOST, TriedModels
from tests.outcomes import outcome

RECIPE = Recipe("/b", (TaskEntry("red", "/r", 0.5),), "average")


def test_the_same_model_is_one_row_and_keeps_its_seconds():
    tried = TriedModels()
    tried.land(RECIPE, "Average", "all 0.5", outcome({"red": [1, 0]}), 2.5)
    tried.land(replace(RECIPE, options_set_by="person"), "Average", "", outcome({"red": [1, 1]}))
    (only,) = tried.all
    assert only.seconds == 2.5
    assert only.outcome
    assert only.outcome.scores["red"].value == 1.0
    assert tried.version == 2


def test_the_oldest_go_first():
    tried = TriedModels()
    for k in range(MOST + 3):
        made = replace(RECIPE, tasks=(TaskEntry("red", "/r", k / 100),))
        tried.land(made, f"{k}", "", outcome({"red": [1]}))
    assert len(tried.all) == MOST
    assert tried.all[0].what == "3"
