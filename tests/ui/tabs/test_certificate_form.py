"""The certificate's form without a browser."""

from studio.evidence.certificate import REASONS
from studio.ui.tabs.certificate_form import CertificateForm

EXACT = "Remove exactly (rebuild)"


def test_a_replacement_asks_for_a_checkpoint_and_the_rest_for_something_that_is_out(driver):
    for operation, replaces in ((EXACT, False), ("Replace a checkpoint", True)):
        row, button = driver.use("operation", "input", operation).values()
        assert (row.visible, button.interactive) == (replaces, replaces)
        assert ("take a task out first" in button.value) != replaces


def test_of_a_mix_that_no_separate_process_can_repeat_nothing_is_signed(driver):
    driver.session.move(driver.session.mixer_value() | {"method": "regmean"})
    for operation in (EXACT, "Replace a checkpoint"):
        _, button = driver.use("operation", "input", operation).values()
        assert not button.interactive
        assert button.value == "Write certificate (no separate process could check it)"


def test_two_passphrases_that_differ_make_no_key_and_are_not_kept(driver):
    drawn = driver.use("unlock", "click", "one passphrase", "another passphrase")
    assert "The two passphrases differ; no key was made." in drawn["certificate-refusal"]
    assert (drawn["passphrase"], drawn["again"].value) == ("", "")
    assert driver.page.engine.key.demo


def test_a_certificate_of_nothing_is_refused_with_boxes_that_were_never_unfolded(driver):
    asked = (EXACT, "bundle", None, None, REASONS[0], "en", *[None] * 10)
    drawn = driver.use("certify", "click", *asked)
    assert list(drawn) == ["certificate-refusal"]
    assert "class='refusal'" in drawn["certificate-refusal"]


def test_a_page_opens_with_a_free_folder_and_the_first_operation(driver):
    loaded = driver.load()
    assert loaded["operation"] == EXACT
    assert "unmerged" in loaded["bundle-folder"]
    assert CertificateForm.title == ""
