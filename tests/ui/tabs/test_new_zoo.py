"""The New zoo tab without a browser."""

import shutil
import time
from types import SimpleNamespace
from typing import Any

import gradio as gr

from studio.ui.tabs.new_rows import RowsForm
from studio.ui.tabs.new_zoo import NewZooTab


def wait(driver) -> None:
    while (state := driver.session.job()) and state.running:
        time.sleep(0.02)


def test_models_are_searched_and_offered_with_their_rows(driver, runs):
    folder = driver.session.engine.roots[-1] / "runs"
    shutil.copytree(runs, folder, dirs_exist_ok=True)
    file = folder / "animals-lora" / "adapter_config.json"
    file.write_text(file.read_text().replace(str(runs / "base"), "../base"))
    driver.use("new-search", "click", str(folder), "")
    wait(driver)
    wait(driver)
    drawn = driver.look(NewZooTab.title)
    assert [name for _, name in drawn["new-members"].choices] == ["animals-lora", "colors"]
    assert drawn["new-task"].choices
    assert "new-field-0" in drawn
    assert isinstance(driver.page.engine, object)
    assert [drawn[each].visible for each in ("new-validation", "new-train")] == [False, False]
    assert drawn["new-apart"] is False
    driver.use("new-apart", "input", "animals-lora", True)
    wait(driver)
    drawn = driver.look(NewZooTab.title)
    boxes = [drawn[each] for each in ("new-file", "new-validation", "new-train")]
    assert [box.visible for box in boxes[1:]] == [drawn["new-apart"], True] == [True, True]
    assert boxes[0].label == "Held-out rows"
    one, other = folder / "animals.csv", folder / "colors" / "test.csv"
    assert [box.value for box in boxes] == [str(one), "", ""]
    driver.use("new-validation", "input", "animals-lora", True, str(one), str(other), "")
    assert driver.session.new_zoos.tasks["animals-lora"].files == {
        "held_out": one, "validation": other,
    }  # fmt: skip
    driver.use("new-file", "input", "animals-lora", False, str(other), "", "")
    assert driver.session.new_zoos.tasks["animals-lora"].files == {"all": other}
    wait(driver)
    drawn = driver.look(NewZooTab.title)
    assert "data-task='animals-lora' data-remedy='WITHOUT_ROWS'" not in drawn["new-tasks-told"]
    driver.use("new-labels", "blur", "colors", "a, b, c")
    wait(driver)
    pressed = driver.look(NewZooTab.title)["new-tasks-told"]
    assert "data-task='colors' data-remedy='WITHOUT_ROWS'" in pressed
    for clicked in ({"task": "colors", "remedy": "gone"}, None):
        driver.use("new-tasks-told", "click", SimpleNamespace(_data=clicked))
    driver.use(
        "new-tasks-told",
        "click",
        SimpleNamespace(_data={"task": "colors", "remedy": "WITHOUT_ROWS"}),
    )
    assert driver.session.new_zoos.tasks["colors"].files == {}
    driver.use("new-drop", "input", 3, True)
    wait(driver)
    drawn = driver.look(NewZooTab.title)
    assert (drawn["new-seed"], drawn["new-drop"]) == (3, True)
    driver.use("new-ended", "click", SimpleNamespace(_data={"task": "animals-lora"}))
    assert list(driver.session.new_zoos.tasks) == ["colors"]
    drawn = driver.use("new-members", "input", ["colors"])
    assert list(driver.session.new_zoos.tasks) == ["colors"]


def test_a_folder_outside_the_roots_is_refused_in_words(driver):
    drawn = driver.use("new-search", "click", "/etc", "")
    assert any("class='refusal'" in str(value) for value in drawn.values())


def test_a_task_that_is_not_there_is_refused_in_words(driver):
    drawn = driver.use("new-labels", "blur", "gone", "a, b")
    assert any("Choose a task" in str(value) for value in drawn.values())
    assert RowsForm.__doc__


def test_what_is_typed_stays_while_rows_are_read(driver, runs):
    folder = driver.session.engine.roots[-1] / "typed"
    shutil.copytree(runs, folder)
    driver.use("new-search", "click", str(folder), str(folder / "base"))
    wait(driver)
    made = driver.session.new_zoos
    with gr.Blocks():
        form = RowsForm(driver.session.engine)
        form.build()
    view: Any = SimpleNamespace(session=driver.session, chosen={form.task: "colors"})

    def keys() -> dict:
        return {piece.name: piece.key for piece in form.pieces(view)}

    before = keys()
    made.change("colors", rows="")
    wait(driver)
    after = keys()
    assert after["rows of a new task"] != before["rows of a new task"]
    assert after["texts of a new task"] == before["texts of a new task"]
    made.change("colors", labels="a, b, c")
    wait(driver)
    assert keys()["texts of a new task"] != before["texts of a new task"]
