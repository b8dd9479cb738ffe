"""The salt of a ledger: made once, for its owner alone, and said when it is damaged or not here."""

import os
import re
from dataclasses import replace

import pytest

from studio.errors import BadLedger, NotAllowed
from studio.evidence.bundle import Operator, certify
from studio.evidence.certificate import Request
from studio.evidence.ledger.fingerprint import fingerprint, salted, scheme_id
from studio.evidence.ledger.keys import demo_key
from studio.evidence.ledger.register import refuse_removed, register_of, removed
from studio.evidence.ledger.report import lines, warnings
from studio.evidence.ledger.salt import SALT, own_salt, salt_of
from studio.evidence.unmerge import unmerging
from studio.merge import open_merge
from tests.evidence.clothes import dressed
from tests.evidence.ledger.test_copies import certificate


@pytest.fixture
def without_red(rebuilt_here, make_recipe, tmp_path, ledger):
    """The ledger after red was removed."""
    operator = Operator(ledger, replace(demo_key(), demo=False), Request())
    certify(open_merge, unmerging(make_recipe("red", "green"), ("red",)), tmp_path / "o", operator)
    return ledger


@pytest.fixture
def scaled(make_recipe, zoo_folder):
    """Deltas of a task whose change is red's, scaled."""
    recipe = make_recipe("green")
    one = dressed(zoo_folder, "scaled", lambda red, green: 1.1 * red)
    return open_merge(replace(recipe, tasks=(*recipe.tasks, one))).deltas


def test_a_salt_is_made_once_and_for_its_owner_alone(ledger):
    assert salt_of(ledger) is None
    assert not ledger.folder.exists()  # nothing was made by looking
    made = own_salt(ledger)
    assert (len(made), own_salt(ledger), salt_of(ledger)) == (32, made, made)
    assert (ledger.folder / SALT).stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}", (ledger.folder / SALT).read_text())


def test_two_ledgers_have_two_salts(ledger, tmp_path):
    assert own_salt(ledger) != own_salt(type(ledger)(tmp_path / "another"))


def test_a_process_that_is_slower_takes_the_salt_of_the_faster(ledger, monkeypatch):
    made = own_salt(ledger)
    answers = iter([None, made])
    monkeypatch.setattr("studio.evidence.ledger.salt.salt_of", lambda _: next(answers))
    assert own_salt(ledger) == made


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(ledger):
    ledger.folder.mkdir(mode=0o500)
    with pytest.raises(BadLedger, match="could not be written: Permission denied"):
        own_salt(ledger)


@pytest.mark.parametrize("content", [b"", b"0" * 63, b"\xff" * 64, b"g" * 64])
def test_a_damaged_salt_lets_nothing_in(without_red, scaled, content):
    (without_red.folder / SALT).write_bytes(content)
    with pytest.raises(BadLedger, match="is not 64 hex digits, so it is damaged"):
        refuse_removed(without_red, scaled)
    (words,) = warnings(without_red)
    assert "is damaged, and removed changes cannot be known again" in words


def test_a_certificate_says_with_which_salt_its_fingerprint_was_made(without_red, scaled):
    (gone,) = removed(without_red)
    scheme = salted(own_salt(without_red))
    assert scheme_id(gone.fingerprint) == scheme.id
    assert repr(scheme) == "Scheme(groups=8, sums=128)"
    with pytest.raises(NotAllowed, match="'scaled' changes the base as the checkpoint that was"):
        refuse_removed(without_red, scaled)


def test_a_ledger_that_was_copied_without_its_salt_says_so(without_red, scaled, make_recipe):
    salt = (without_red.folder / SALT).read_bytes()
    (without_red.folder / SALT).unlink()
    for _ in range(2):  # without one, and with one that was made anew
        (words,) = warnings(without_red)
        assert words.startswith("The fingerprint of what red changed was made with a salt that is ")
        assert f"WARNING: {words}" in lines(without_red)
        refuse_removed(without_red, scaled)
        with pytest.raises(NotAllowed, match="'red' is the checkpoint that was"):
            refuse_removed(without_red, open_merge(make_recipe("red", "green")).deltas)
        own_salt(without_red)
    (without_red.folder / SALT).write_bytes(salt)
    assert warnings(without_red) == []
    with pytest.raises(NotAllowed, match="'scaled' changes the base as"):
        refuse_removed(without_red, scaled)


def test_fingerprints_of_an_older_log_are_compared_as_they_were_made(ledger, make_recipe, scaled):
    merge = open_merge(make_recipe("red", "green"))
    red = merge.deltas.checkpoints[0]
    gone = {"task": "red", "digest": red.digest, "weights_root": red.weights.root}
    gone |= {"fingerprint": fingerprint(merge.deltas, "red")}
    certificate(ledger, merge, "red", removed=[gone])
    assert list(register_of(ledger).known(scaled)) == ["scaled"]
    own_salt(ledger)
    assert list(register_of(ledger).known(scaled)) == ["scaled"]
    assert warnings(ledger) == []


def test_a_log_that_was_edited_is_said_elsewhere(without_red):
    log = without_red.folder / "audit.jsonl"
    log.write_text(log.read_text().replace('"demo":false', '"demo":true'))
    assert warnings(type(without_red)(without_red.folder)) == []
