"""Tampering: what is changed in a copy, what is found, and what is left behind."""

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from studio.errors import BadCertificate, Cancelled
from studio.evidence import tamper
from studio.evidence.bundle import Certified, Operator, certify
from studio.evidence.certificate import Request
from studio.evidence.ledger.keys import demo_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.unmerge import unmerging
from studio.evidence.verify import verify
from studio.merge import open_merge
from tests.conftest import refusal


@pytest.fixture
def made(make_recipe, tmp_path, rebuilt_here) -> Certified:
    unmerged = unmerging(make_recipe(), ("red",))
    operator = Operator(Ledger(tmp_path / "ledger"), demo_key(), Request())
    return certify(open_merge, unmerged, tmp_path / "out", operator)


@pytest.fixture
def within(tmp_path) -> Path:
    (tmp_path / "within").mkdir()
    return tmp_path / "within"


def contents(folder: Path) -> dict[str, str]:
    files = (each for each in sorted(folder.rglob("*")) if each.is_file())
    return {str(each): sha256(each.read_bytes()).hexdigest() for each in files}


def test_one_bit_of_the_weights_is_changed_in_a_copy_that_is_gone_again(made, within, monkeypatch):
    before, seen = contents(made.folder), []

    def look(copy: Path, *given, **more):
        weights = (made.folder / "model.safetensors").read_bytes()
        changed = (copy / "model.safetensors").read_bytes()
        apart = [i for i, pair in enumerate(zip(weights, changed, strict=True)) if len({*pair}) > 1]
        seen.append((apart, [(weights[i], changed[i]) for i in apart], copy.is_relative_to(within)))
        return verify(copy, *given, **more)

    monkeypatch.setattr(tamper, "verify", look)
    found = tamper.tamper(made.folder, made.folder / "public_key.pem", within)
    assert seen == [([found.place], [(found.before, found.after)], True)]
    assert found.before ^ found.after == 1
    assert found.file == "model.safetensors"
    assert [each.words for each in found.found.findings if not each.good] == [
        "model.safetensors was changed: it is not the file that was signed."
    ]
    assert contents(made.folder) == before
    assert list(within.iterdir()) == []


def test_the_changed_byte_is_one_of_a_tensor_and_not_of_the_header(made, within):
    found = tamper.tamper(made.folder, made.folder / "public_key.pem", within)
    header = int.from_bytes((made.folder / found.file).read_bytes()[:8], "little")
    assert 8 + header <= found.place < (made.folder / found.file).stat().st_size


def test_the_largest_file_of_weights_is_changed(made, within):
    shutil.copyfile(made.folder / "model.safetensors", made.folder / "a.safetensors")
    with (made.folder / "a.safetensors").open("ab") as stream:
        stream.write(bytes(8))
    found = tamper.tamper(made.folder, made.folder / "public_key.pem", within)
    assert found.file == "a.safetensors"


def test_a_bundle_without_weights_is_refused(made, within):
    (made.folder / "model.safetensors").unlink()
    with pytest.raises(BadCertificate) as error:
        tamper.tamper(made.folder, made.folder / "public_key.pem", within)
    assert refusal(error) == "out holds no weights that could be changed."


def test_without_room_nothing_is_copied(made, within, monkeypatch):
    monkeypatch.setattr(tamper, "free_space", lambda target: 0)
    size = sum(each.stat().st_size for each in made.folder.rglob("*") if each.is_file())
    with pytest.raises(BadCertificate) as error:
        tamper.tamper(made.folder, made.folder / "public_key.pem", within)
    assert refusal(error) == f"There is no room for a copy of out ({size:,} bytes)."
    assert list(within.iterdir()) == []


def test_a_copy_of_a_cancelled_demonstration_is_gone_too(made, within):
    def stop(share: float, words: str) -> None:
        if share:
            assert len(list(within.iterdir())) == 1
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        tamper.tamper(made.folder, made.folder / "public_key.pem", within, stop)
    assert list(within.iterdir()) == []


@pytest.mark.parametrize("name", ["link", "model.safetensors"])
def test_a_link_is_refused_and_what_it_leads_to_is_left_alone(made, within, tmp_path, name):
    (tmp_path / "secret").write_bytes(b"x" * 1000)
    (made.folder / name).unlink(missing_ok=True)
    (made.folder / name).symlink_to(tmp_path / "secret")
    with pytest.raises(BadCertificate) as error:
        tamper.tamper(made.folder, made.folder / "public_key.pem", within)
    assert "holds a symbolic link, so it is no bundle; verify it." in refusal(error)
    assert (tmp_path / "secret").read_bytes() == b"x" * 1000
