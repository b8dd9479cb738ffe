"""All numbers, without a browser."""

from studio.ui.tabs.results import ResultsTab
from studio.ui.tabs.score_table import ScoreTable


def test_the_table_is_drawn_whichever_tab_is_open(driver):
    tab = next(each for each in driver.page.tabs if isinstance(each, ResultsTab))
    assert any(isinstance(each, ScoreTable) for each in tab.members)
    for opened in ("", "Results", "Files"):
        assert "accuracy by task" in driver.look(opened)["accuracy"]
