"""The list of zoos in the title, without a browser."""

import time

from studio.ui.zoo_choice import ZooChoice


def test_it_writes_nothing_of_its_own_and_is_left_out_for_strangers():
    assert ZooChoice.writes


def test_a_zoo_of_the_list_is_opened_as_a_job_and_another_path_is_refused(
    driver, tiny_copy, monkeypatch
):
    engine, old = driver.session.engine, driver.session.engine.path
    drawn = driver.use("zoo-asked", "input", {"open": str(tiny_copy)})
    assert "not in the list" in drawn["zoo-refused"]
    monkeypatch.setattr(engine, "roots", (*engine.roots, tiny_copy.resolve()))
    monkeypatch.setattr(engine, "recent", lambda: [str(tiny_copy)])
    driver.session.edit("halve")
    drawn = driver.use("zoo-asked", "input", {"open": str(tiny_copy)})
    assert drawn["zoo-refused"] == ""
    while (state := engine.jobs.state) and state.running:
        time.sleep(0.02)
    assert state.phase == "done"
    assert engine.path == tiny_copy
    assert not driver.session.mixer_value()["can_undo"]  # the old zoo's moves are not this one's
    engine.open(str(old))
    engine.jobs.dismiss()
