"""All numbers, without a browser."""

from studio.ui.components import static
from studio.ui.tabs.results import ResultsTab
from studio.ui.tabs.score_table import ScoreTable


def test_the_table_is_drawn_whichever_tab_is_open(driver):
    tab = next(each for each in driver.page.tabs if isinstance(each, ResultsTab))
    assert any(isinstance(each, ScoreTable) for each in tab.members)
    for opened in ("", "Results", "Files"):
        assert "accuracy by task" in driver.look(opened)["accuracy"]


def test_it_is_folded_at_first_and_no_look_closes_what_a_person_has_unfolded(driver):
    tab = next(each for each in driver.page.tabs if isinstance(each, ResultsTab))
    (table,) = (each for each in tab.members if isinstance(each, ScoreTable))
    assert "<details class='fold' id='scores-fold'><summary>" in table.head.value
    shown = driver.look("Results")
    assert "value" not in shown["scores-head"].constructor_args
    assert shown["before-scores"] == ""
    assert "#scores-fold:not([open])" in static("scores.css")
