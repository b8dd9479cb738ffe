"""The state of sums in the Over time tab without a browser."""

from studio.ui.tabs.state_form import StateForm
from tests.session.test_evidence import ended


def test_a_state_is_begun_and_a_task_comes_and_leaves(driver):
    folder = driver.session.engine.roots[1]
    path = str(folder / "s.safetensors")
    assert StateForm.writes
    assert driver.load()["state-task"].value == "color"
    for button, boxes, words in [
        ("state-init", (path, "average"), "Began s.safetensors"),
        ("state-come", (path, "color", False, "0.75"), "&#x27;color&#x27; came with weight 0.75."),
        ("state-check", (path,), "Exact: Built again from its 1 tasks"),
        ("state-leave", (path, "color"), "left by its own checkpoint"),
        ("state-open", (path,), "s.safetensors is whole."),
        ("state-merge", (path, str(folder / "m")), "Wrote m: 0 merged"),
    ]:
        drawn = driver.use(button, "click", *boxes)
        assert drawn["state-refusal"] == ""
        assert ended(driver.session).phase == "done"
        assert words in driver.look("Over time")["state-shown"]


def test_a_refusal_stands_below_the_boxes(driver):
    drawn = driver.use("state-init", "click", "/etc/state", "average")
    assert "is outside the folders this studio may use" in drawn["state-refusal"]
    drawn = driver.use("state-come", "click", "x", "color", False, "heavy")
    assert "The weight: give a number." in drawn["state-refusal"]
