"""Verification of bundles without a browser."""

from studio.ui.tabs.bundle_verification import BundleVerification


def test_only_folders_that_the_studio_may_read_are_verified_or_copied(driver):
    assert BundleVerification.title == ""
    for button in ("verify", "tamper"):
        for folder in (None, "/etc"):
            (words,) = driver.use(button, "click", folder).values()
            assert "class='refusal'" in words


def test_before_the_first_verification_nothing_is_said(driver):
    drawn = driver.look("Unmerge")
    assert drawn["evidence-verified"] == drawn["evidence-tampered"] == ""
