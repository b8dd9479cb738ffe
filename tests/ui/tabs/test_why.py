"""The Geometry tab without a browser."""

from studio.ui.tabs.why import WhyTab


class Click:
    """A click into a component, with what its script says of it."""

    def __init__(self, data: object) -> None:
        self._data = data


def test_a_row_of_the_heat_map_chooses_a_scope_and_what_is_no_row_only_wakes(driver):
    heat = next(each for each in driver.blocks.blocks.values() if each.elem_id == "heat")
    choose = next(f.fn for f in driver.blocks.fns.values() if (heat._id, "click") in f.targets)
    for data in (None, "x", {"scope": "galaxy"}, {"place": "x"}):
        assert [type(each).__name__ for each in choose(Click(data))] == ["Timer"]
    drawn = list(choose(Click({"scope": "layer", "place": "none"})).values())
    assert drawn[:2] == ["layer", "none"]
    back = list(choose(Click({"scope": "model", "place": ""})).values())
    assert back[:2] == ["model", None]


def test_choices_wake_the_page(driver):
    assert list(driver.use("measure", "input")) == ["timer"]


def test_the_pairs_are_measured_as_a_job_or_it_is_said_why_not(driver):
    assert "timer" in driver.use("disturb", "click")


def test_the_tab_follows_the_mix_while_it_is_open(driver):
    assert "matrices" not in driver.look("Results")
    assert "matrices" in driver.look(WhyTab.title)


def test_shared_directions_are_counted_where_that_is_wanted(driver):
    assert list(driver.use("count", "input")) == ["timer"]
    assert driver.look(WhyTab.title)["counted"] == ""
