"""The signing key of a command, and that its passphrase stays nowhere."""

import io
import sys
from pathlib import Path

import pytest

from studio.__main__ import main
from studio.commands import passphrase
from studio.commands.passphrase import signing_key
from studio.errors import BadCertificate
from studio.evidence.ledger import keys
from studio.evidence.ledger.keys import has_key
from studio.recipe import save_recipe
from tests.conftest import refusal

SECRET = "correct horse battery"
WRONG = "  correct horse battery"


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of a second for each guess is tested in test_keys.py."""
    monkeypatch.setattr(keys, "ROUNDS", 100_000)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch):
    def give(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return give


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> list[str]:
    """Lines typed on a terminal, one for each question; the questions."""
    answers, asked = iter(lines), []
    monkeypatch.setattr(sys, "stdin", Terminal())

    def answer(words: str) -> str:
        asked.append(words)
        return next(answers)

    monkeypatch.setattr(passphrase, "getpass", answer)
    return asked


def holding(folder: Path, secret: str) -> list[Path]:
    files = [each for each in folder.rglob("*") if each.is_file()]
    assert files
    return [each for each in files if secret.encode() in each.read_bytes()]


def test_a_line_of_stdin_makes_a_key_and_the_same_line_opens_it(tmp_path, given, capsys):
    given(f"{SECRET}\nanother line\n")
    made = signing_key(tmp_path / "ledger", demo=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"There is no signing key in {tmp_path / 'ledger'} yet; it is made now.\n"
        f"Fingerprint: {made.fingerprint}. Hand it out by another channel.\n"
    )
    assert sys.stdin.read() == "another line\n"  # one line was taken
    given(f"{SECRET}\n")
    opened = signing_key(tmp_path / "ledger", demo=False)
    assert capsys.readouterr() == ("", "")
    assert (opened.fingerprint, opened.demo, made.demo) == (made.fingerprint, False, False)
    assert holding(tmp_path, SECRET) == []


@pytest.mark.parametrize("line", [f"{WRONG}\n", "\n", f"{SECRET} \n"])
def test_a_wrong_passphrase_is_refused_and_the_key_stays(tmp_path, given, line):
    given(f"{SECRET}\n")
    made = signing_key(tmp_path, demo=False)
    given(line)
    with pytest.raises(BadCertificate) as error:
        signing_key(tmp_path, demo=False)
    assert str(tmp_path / "signing_key.pem") in refusal(error)
    assert SECRET not in refusal(error)
    given(SECRET)  # without a newline at the end
    assert signing_key(tmp_path, demo=False).fingerprint == made.fingerprint


def test_without_stdin_it_is_said_how_to_give_one(tmp_path, given):
    given("")
    with pytest.raises(BadCertificate) as error:
        signing_key(tmp_path / "ledger", demo=False)
    assert refusal(error) == ("No passphrase was given: type it, or pass it as a line of stdin.")
    assert not has_key(tmp_path / "ledger")


def test_a_short_passphrase_makes_no_key_and_is_not_repeated(tmp_path, given):
    given("swordfish\n")
    with pytest.raises(BadCertificate) as error:
        signing_key(tmp_path / "ledger", demo=False)
    assert refusal(error).startswith("The passphrase has 9 characters; it needs at least 12.")
    assert "swordfish" not in refusal(error)
    assert not has_key(tmp_path / "ledger")


def test_on_a_terminal_a_new_passphrase_is_typed_twice(tmp_path, monkeypatch):
    asked = typed(monkeypatch, SECRET, WRONG)
    with pytest.raises(BadCertificate) as error:
        signing_key(tmp_path / "ledger", demo=False)
    assert refusal(error) == "The two passphrases differ; no key was made."
    assert not has_key(tmp_path / "ledger")
    assert asked == ["New passphrase (at least 12 characters): ", "The same again: "]
    typed(monkeypatch, SECRET, SECRET)
    made = signing_key(tmp_path / "ledger", demo=False)
    asked = typed(monkeypatch, SECRET)
    assert signing_key(tmp_path / "ledger", demo=False).fingerprint == made.fingerprint
    assert asked == ["Passphrase of the signing key: "]


def test_a_demo_key_asks_nothing_and_writes_nothing(tmp_path, given):
    given("")
    one, two = (signing_key(tmp_path / "ledger", demo=True) for _ in range(2))
    assert one.demo
    assert one.fingerprint != two.fingerprint
    assert not (tmp_path / "ledger").exists()


def test_a_certificate_of_the_command_line_holds_no_passphrase_anywhere(
    make_recipe, tmp_path, given, capsys, rebuilt_here
):
    save_recipe(make_recipe(), tmp_path / "recipe.json")
    recipe, ledger = str(tmp_path / "recipe.json"), str(tmp_path / "ledger")
    command = ["unmerge", recipe, "--task", "red", "--certify", "--ledger", ledger, "--out"]
    given(f"{SECRET}\n")
    assert main([*command, str(tmp_path / "one")]) == 0
    first = capsys.readouterr()
    assert "pass: red has no influence on these weights" in first.out
    given(f"{WRONG}\n")
    assert main([*command, str(tmp_path / "two")]) == 1
    second = capsys.readouterr()
    assert "the passphrase is wrong, or the file is damaged" in second.err
    assert not (tmp_path / "two").exists()
    assert not any(SECRET in text for text in (*first, *second))
    assert holding(tmp_path, SECRET) == []
    assert (tmp_path / "one" / "certificate.dsse.json").is_file()
