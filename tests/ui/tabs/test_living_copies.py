"""Living copies without a browser."""

from studio.ui.tabs.living_copies import LivingCopies


def test_without_a_choice_nothing_is_recalled(driver):
    drawn = driver.use("recall", "click", None)
    assert "Choose a copy first." in drawn["copies-refusal"]
    assert LivingCopies.title == ""


def test_a_task_that_is_not_kept_out_cannot_be_let_in(driver):
    assert "certified as removed" in driver.use("allow", "click", None)["copies-refusal"]


def test_an_empty_ledger_has_no_copies(driver):
    drawn = driver.look("Unmerge")
    assert "This studio has exported nothing yet." in drawn["evidence-copies"]
    assert drawn["copy"].choices == []
