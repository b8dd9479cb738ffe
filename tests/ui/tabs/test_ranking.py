"""The ranked table without a browser."""

from studio.ui.tabs.improve import ImproveTab
from studio.ui.tabs.ranking import RankingSection


def test_the_table_is_drawn_while_the_tab_is_open(driver):
    assert "Your mix" in driver.look(ImproveTab.title)["ranking"]
    assert "ranking" not in driver.look("Results")
    assert RankingSection.title == ""
