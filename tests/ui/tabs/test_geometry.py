"""The Geometry tab without a browser."""

from studio.ui.tabs.geometry import GeometryTab


class Click:
    """A click into a component, with what its script says of it."""

    def __init__(self, data: object) -> None:
        self._data = data


def test_a_row_of_the_heat_map_chooses_a_scope_and_what_is_no_row_only_wakes(driver):
    heat = next(each for each in driver.blocks.blocks.values() if each.elem_id == "heat")
    choose = next(f.fn for f in driver.blocks.fns.values() if (heat._id, "click") in f.targets)
    for data in (None, "x", {"scope": "galaxy"}, {"place": "x"}):
        assert [type(each).__name__ for each in choose(Click(data), None)] == ["Timer"]
    drawn = {
        getattr(each, "elem_id", None): value
        for each, value in choose(Click({"scope": "layer", "place": "none"}), None).items()
    }
    assert drawn["scope"] == "layer"
    assert drawn["place"].value is None  # nothing is computed, so there is no place


def test_the_places_follow_the_scope_and_choices_wake_the_page(driver):
    assert list(driver.use("scope", "input", "layer")) == ["place"]
    assert list(driver.use("measure", "input")) == ["timer"]


def test_the_tab_follows_the_mix_while_it_is_open(driver):
    assert "matrices" not in driver.look("Scores")
    assert "matrices" in driver.look(GeometryTab.title)
