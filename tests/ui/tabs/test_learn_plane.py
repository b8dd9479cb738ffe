"""The landscape's section without a browser: boxes, what it takes, a job, and the map."""

import time

import pytest

from studio.session.planes import PlaneWish
from studio.ui.tabs.learn_plane import _wish
from tests.ui.tabs.test_learn import looked


@pytest.fixture(autouse=True)
def afresh(driver):
    planes = driver.session.planes
    planes.wish, planes.found, planes.version = PlaneWish(), None, 0


def test_the_two_most_alike_are_offered_with_what_a_map_takes(driver):
    drawn = looked(driver)
    boxes = [drawn[f"plane-{name}"] for name in ("one", "other")]
    assert [(box.value, [name for name, _ in box.choices]) for box in boxes] == [
        ("color", ["color", "animal"]), ("animal", ["color", "animal"]),
    ]  # fmt: skip
    assert "color and animal: 85 models on" in drawn["plane-takes"]
    assert drawn["plane-map"] == ""


def test_boxes_are_told_what_they_take_or_why_not(driver):
    looked(driver)
    drawn = driver.use("plane-rows", "input", "color", "animal", 2, 5)
    assert "29 models on 10 validation rows each" in drawn["plane-takes"]
    drawn = driver.use("plane-rows", "input", "color", "color", 2, 5)
    assert "two tasks that differ" in drawn["plane-takes"]
    drawn = driver.use("plane-rows", "input", "color", "animal", 2, 0.5)
    assert "no whole number" in drawn["plane-takes"]
    assert _wish("a", None, 3, 7) == PlaneWish(("a", ""), 3, 7)


def test_the_button_starts_the_job_and_the_map_is_drawn(driver):
    looked(driver)
    driver.use("start-plane", "click", "color", "animal", 2, 5)
    while driver.session.engine.jobs.state.running:
        time.sleep(0.01)
    drawn = driver.look("Learn")
    assert "class='cell'" in drawn["plane-map"]
    assert "mean accuracy of color and animal" in drawn["plane-map"]
    assert drawn["plane-view"].visible
