"""The Results tab without a browser."""

from studio.ui.tabs.results import ResultsTab


def test_the_choice_of_rows_and_the_text_are_the_browsers_own(driver):
    assert ResultsTab.title == "Results"
    driver.use("only-changed", "input", True)
    driver.use("own-text", "change", " a text ")
    loaded = driver.load()
    assert (loaded["only-changed"], loaded["own-text"]) == (True, "a text")
    driver.use("only-changed", "input", False)
    driver.use("own-text", "change", "")
    assert driver.session.examples.own_text == ""


def test_a_text_that_is_too_long_is_refused_where_it_would_be_read(driver):
    drawn = driver.use("own-text", "change", "x" * 10_001)
    assert list(drawn) == ["readings"]
    assert "The text has 10,001 letters; at most 10,000 are read." in drawn["readings"]
    assert driver.session.examples.own_text == ""
