"""Verification of certificates of both kinds."""

import shutil

from studio.evidence.bundle import KEY_FILE
from studio.evidence.certificate import CERTIFICATE_FILE
from studio.evidence.tamper import tamper
from studio.sequence.verification import verify_bundle


def verified(folder, *more):
    return verify_bundle(folder, folder / CERTIFICATE_FILE, folder / KEY_FILE, *more)


def test_a_bundle_of_a_state_is_verified_without_a_log_or_checkpoints(certified_removal):
    found = verified(certified_removal.folder)
    assert found.good
    assert found.statement == certified_removal.statement
    assert [each.words[:16] for each in found.findings] == ["The signature is", "All 6 files are "]


def test_a_changed_byte_is_found(certified_removal, tmp_path):
    folder = certified_removal.folder
    assert not tamper(folder, folder / KEY_FILE, tmp_path).found.good


def test_another_log_is_found_before_anything_is_built_again(certified_removal, tmp_path):
    (tmp_path / "audit.jsonl").write_text("")
    found = verified(certified_removal.folder, tmp_path / "audit.jsonl", (tmp_path, []))
    assert not found.good
    assert not any("built again" in each.words for each in found.findings)


def test_a_base_that_is_none_is_a_finding_and_no_stop(certified_removal, tmp_path):
    found = verified(certified_removal.folder, None, (tmp_path / "nothing", []))
    assert found.findings[-1].words.startswith("It cannot be built again: ")


def test_a_file_that_was_added_is_found(certified_removal, tmp_path):
    copy = shutil.copytree(certified_removal.folder, tmp_path / "copy")
    (copy / "more.txt").write_text("more")
    found = verified(copy)
    assert [each.words for each in found.findings if not each.good] == [
        "more.txt is in the bundle, but not in the certificate."
    ]
