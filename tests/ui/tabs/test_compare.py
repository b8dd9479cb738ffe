"""The comparison without a browser."""

from studio.ui.tabs.improve import ImproveTab
from studio.ui.views.compare import NOTHING, usual


def test_the_budget_follows_the_choice_and_a_page_opens_with_it(driver):
    assert driver.load()["compare-budget"]
    few = driver.use("methods", "change", ["average"], False)["compare-budget"]
    more = driver.use("methods", "change", ["average", "ties"], True)["compare-budget"]
    assert few != more
    assert "class='refusal'" in driver.use("methods", "change", [], False)["compare-budget"]


def test_a_comparison_of_nothing_is_refused_beside_its_button(driver):
    drawn = driver.use("start-compare", "click", [], False)
    assert list(drawn) == ["compare-refusal"]
    assert "class='refusal'" in drawn["compare-refusal"]


def test_one_button_compares_the_usual_methods(driver):
    words = driver.look(ImproveTab.title)["compare-usual"].value
    assert words == "Compare the 4 usual methods"  # nothing was timed yet
    assert usual("about 12 s") == "Compare the 4 usual methods (about 12 s)"


def test_the_table_is_drawn_while_the_tab_is_open(driver):
    assert "compare-results" not in driver.look("Files")
    assert driver.look(ImproveTab.title)["compare-proposal"] == NOTHING
