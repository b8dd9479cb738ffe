"""The results of a search without a browser."""

from studio.ui.tabs.search_results import SearchResults
from studio.ui.views.search import results


def test_before_the_first_search_there_is_nothing_to_lay_over(driver):
    drawn = driver.look("Improve")
    assert drawn["coefficients"] == results(None, False, None)
    assert not drawn["lay-over"].visible
    assert SearchResults.title == ""


def test_the_run_that_is_laid_over_is_remembered_and_none_is_none(driver):
    assert list(driver.use("lay-over", "input", "Adam 1")) == ["timer"]
    assert driver.session.searches.laid_over == "Adam 1"
    driver.use("lay-over", "input", "none")
    assert driver.session.searches.laid_over == ""
