"""The wall's strip without a browser."""

from types import SimpleNamespace

import pytest

from studio.ui.tabs.wall import WallStrip


def test_the_strip_stands_in_the_tab_and_starts_unprepared(driver):
    drawn = driver.look("Unmerge")
    assert "data-wall='start' disabled" in drawn["wall-strip"]
    assert "<option selected>color</option>" in drawn["wall-strip"]
    assert WallStrip.title == ""


@pytest.mark.parametrize("data", [None, {}, {"act": "take"}, {"act": "back", "task": ["x"]}])
def test_a_forged_press_changes_nothing(driver, data):
    strip = next(x for x in driver.blocks.blocks.values() if x.elem_id == "wall-strip")
    act = next(f.fn for f in driver.blocks.fns.values() if (strip._id, "click") in f.targets)
    before = driver.session.mix
    act(SimpleNamespace(_data=data), None)
    assert driver.session.mix == before


def test_a_forged_task_is_not_prepared(driver):
    strip = next(x for x in driver.blocks.blocks.values() if x.elem_id == "wall-strip")
    act = next(f.fn for f in driver.blocks.fns.values() if (strip._id, "click") in f.targets)
    drawn = act(SimpleNamespace(_data={"act": "prepare"}), None)
    assert any("reload the page" in str(value) for value in drawn.values())
