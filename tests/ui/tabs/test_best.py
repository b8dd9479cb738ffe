"""Find the best without a browser: its box, its refusal, its table."""

from studio.ui.tabs.best import BestSection
from studio.ui.tabs.improve import ImproveTab


def test_a_page_opens_with_the_budget_and_draws_the_table_while_the_tab_is_open(driver):
    assert BestSection.title == ""
    assert driver.load()["best-seconds"] == 600
    assert driver.look(ImproveTab.title)["best"] == ""
    assert "best" not in driver.look("Results")


def test_a_budget_that_is_none_is_refused_beside_its_button(driver):
    for value in (None, 0, -5):
        drawn = driver.use("best-start", "click", value)
        assert list(drawn) == ["best-refusal"]
        assert "class='refusal'" in drawn["best-refusal"]
