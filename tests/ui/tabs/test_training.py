"""Train experts on the New zoo tab, without a browser."""

import shutil

import gradio as gr
import pytest

from studio.ui.tabs.new_zoo import NewZooTab
from studio.ui.tabs.training import TrainingForm
from tests.own_models import ANIMALS, save_csv, sentences
from tests.ui.tabs.test_new_zoo import wait

pytestmark = pytest.mark.slow  # trains


def test_experts_are_trained_from_the_page_with_cost_before_and_curves_after(driver, runs):
    home = driver.session.engine.roots[-1]
    folder = home / "only-a-base"
    shutil.copytree(runs / "base", folder / "base")
    save_csv(folder / "animals.csv", sentences(ANIMALS, 60))
    driver.use("new-search", "click", str(folder), "")
    wait(driver)
    drawn = driver.look(NewZooTab.title)
    form = driver.page.tabs[NewZooTab.title].training if hasattr(driver.page, "tabs") else None
    assert form is None or isinstance(form, TrainingForm)
    assert drawn["train-tasks"].value == ["animals"]
    settings = [False, 2, "5e-3", 2, 8, 3, 0]
    told = driver.use("train-rank", "blur", False, 0, "", 2, 8, 3, 0)
    assert "has epochs 0; it must be a whole number" in str(told["train-refused"])
    driver.use("train-rank", "blur", *settings)
    assert driver.session.trainings.course.rate == 5e-3
    driver.use("train-look", "click", 0)
    wait(driver)
    assert driver.session.trainings.cost()
    out = home / "trained-here"
    driver.use("train-start", "click", str(out), *settings)
    wait(driver)
    drawn = driver.look(NewZooTab.title)
    assert (out / "zoo.yaml").is_file()
    assert "validation loss" in drawn["train-curves"]
    assert "held-out rows: expert" in drawn["train-curves"]
    assert isinstance(drawn["train-start"], gr.Button)
