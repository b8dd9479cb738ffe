"""The Improve tab without a browser."""

from studio.ui.tabs.best import BestSection
from studio.ui.tabs.compare import CompareSection
from studio.ui.tabs.fusion import FusionSection
from studio.ui.tabs.improve import ImproveTab
from studio.ui.tabs.ranking import RankingSection
from studio.ui.tabs.search_results import SearchResults
from studio.ui.tabs.sweep import SweepSection


def test_the_tab_is_the_table_of_what_was_tried_and_five_ways_to_try_more(driver):
    tab = next(each for each in driver.page.tabs if isinstance(each, ImproveTab))
    assert [type(each) for each in tab.members] == [
        RankingSection, BestSection, CompareSection, FusionSection, SearchResults, SweepSection,
    ]  # fmt: skip


def test_all_are_drawn_while_the_tab_is_open_and_neither_else(driver):
    assert {"coefficients", "sweep-takes"} <= set(driver.look(ImproveTab.title))
    assert not {"coefficients", "sweep-takes"} & set(driver.look("Results"))
