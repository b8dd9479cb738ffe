"""The New zoo tab without a browser."""

import shutil
import time

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
    drawn = driver.look(NewZooTab.title)
    assert [name for _, name in drawn["new-members"].choices] == ["animals-lora", "colors"]
    assert drawn["new-task"].choices
    assert "new-field-0" in drawn
    assert isinstance(driver.page.engine, object)
    drawn = driver.use("new-members", "input", ["colors"])
    assert list(driver.session.new_zoos.tasks) == ["colors"]


def test_a_folder_outside_the_roots_is_refused_in_words(driver):
    drawn = driver.use("new-search", "click", "/etc", "")
    assert any("class='refusal'" in str(value) for value in drawn.values())


def test_a_task_that_is_not_there_is_refused_in_words(driver):
    drawn = driver.use("new-labels", "blur", "gone", "a, b")
    assert any("Choose a task" in str(value) for value in drawn.values())
    assert RowsForm.__doc__
