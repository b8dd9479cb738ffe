"""The push in the Files tab without a browser."""

import time

from studio.session.jobs import JobState
from studio.ui.tabs.push_form import PushForm
from studio.ui.views.push import pushed
from tests.hub.stand_in import TOKEN


def test_it_is_there_for_whoever_has_a_login(driver, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert not driver.load()["push-form"].visible
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    drawn = driver.load()
    assert drawn["push-form"].visible
    assert TOKEN not in str(drawn)
    assert PushForm.title == ""


def test_offline_a_sentence_says_what_to_do(driver, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    drawn = driver.use("push", "click", str(tmp_path), "desk/mix", "", False)
    assert "The studio is offline" in drawn["push-refusal"]
    assert "Restart it without --offline and HF_HUB_OFFLINE to allow it." in drawn["push-refusal"]


def test_the_folder_that_was_exported_last_is_the_one_to_push(driver, tmp_path):
    (tmp_path / "merge.json").write_text("{}")
    jobs = driver.session.engine.jobs
    jobs.start("Export to x", lambda progress: ("Wrote x.", str(tmp_path)), "")
    while jobs.state and jobs.state.running:
        time.sleep(0.01)
    drawn = driver.look("Files")
    jobs.dismiss()
    assert drawn["push-folder"] == str(tmp_path)
    assert drawn["pushed"] == ""


def test_what_came_of_a_push_stands_below_it_and_is_text():
    done = JobState("Push to a/b", "done", 1.0, "Pushed <b>.", 1.0, "https://hub.example/a/b")
    assert "Pushed &lt;b&gt;." in pushed(done)
    assert "href='https://hub.example/a/b'" in pushed(done)
    failed = JobState("Push to a/b", "failed", 0.5, "No <b>.", 1.0, advice="Start it again.")
    assert "role='alert'>No &lt;b&gt;. Start it again.</p>" in pushed(failed)
    assert pushed(None) == pushed(JobState("Export to x", "done", 1.0, "Wrote.", 1.0)) == ""
