"""The Coefficients tab without a browser."""

from studio.ui.tabs.coefficients import CoefficientsTab
from studio.ui.tabs.search_results import SearchResults
from studio.ui.tabs.sweep import SweepSection


def test_the_tab_is_made_of_the_results_of_a_search_and_the_sweep(driver):
    tab = next(each for each in driver.page.tabs if isinstance(each, CoefficientsTab))
    assert [type(each) for each in tab.members] == [SearchResults, SweepSection]


def test_both_are_drawn_while_the_tab_is_open_and_neither_else(driver):
    assert {"coefficients", "sweep-takes"} <= set(driver.look(CoefficientsTab.title))
    assert not {"coefficients", "sweep-takes"} & set(driver.look("Scores"))
