"""The Scores tab without a browser."""

from studio.ui.tabs.accuracy import AccuracyTab


def test_the_table_is_drawn_whichever_tab_is_open(driver):
    assert AccuracyTab.title == "Scores"
    for opened in ("", "Scores", "Files"):
        assert "Held-out accuracy by task" in driver.look(opened)["accuracy"]
