"""An archive that is made while it is sent, and refused where its folder has changed."""

import io
import zipfile
from pathlib import Path

import pytest

from studio.disk import archive
from studio.disk.archive import Listing, listing, refuse_changed, zipped
from studio.errors import StudioError
from tests.conftest import refusal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    (made / "heads").mkdir(parents=True)
    (made / "heads" / "a.txt").write_text("one")
    (made / "model.safetensors").write_bytes(bytes(range(256)) * 10_000)
    (made / "empty").write_bytes(b"")
    (made / "elsewhere").symlink_to("/etc/hosts")
    return made


def whole(of: Listing) -> bytes:
    return b"".join(zipped(of))


def test_an_archive_holds_the_files_as_they_are_below_the_folders_name(folder, monkeypatch):
    monkeypatch.setattr(archive, "_PIECE", 1000)
    found = listing(folder)
    with zipfile.ZipFile(io.BytesIO(whole(found))) as made:
        assert made.testzip() is None
        assert sorted(made.namelist()) == ["out/empty", "out/heads/a.txt", "out/model.safetensors"]
        assert made.read("out/heads/a.txt") == b"one"
        assert made.read("out/model.safetensors") == (folder / "model.safetensors").read_bytes()
        assert {each.compress_type for each in made.infolist()} == {zipfile.ZIP_STORED}
    assert found.size == 2_560_003
    assert sorted(each.name for each in folder.parent.iterdir()) == ["out"]


def test_no_more_than_a_piece_is_held_at_once(folder, monkeypatch):
    monkeypatch.setattr(archive, "_PIECE", 1000)
    assert max(map(len, zipped(listing(folder)))) < 2000


def test_names_that_lead_elsewhere_on_another_system_are_made_plain(tmp_path):
    made = tmp_path / "o:ut"
    made.mkdir()
    (made / "..\\..\\evil\n.bat").write_text("x")
    with zipfile.ZipFile(io.BytesIO(whole(listing(made)))) as found:
        assert found.namelist() == ["o_ut/.._.._evil_.bat"]


def changes(file: Path) -> dict:
    return {
        "grown": lambda: file.write_text("more"),
        "replaced": lambda: (file.parent / "empty").replace(file),
        "gone": file.unlink,
    }


@pytest.mark.parametrize("way", ["grown", "replaced", "gone"])
def test_a_folder_that_changed_is_refused_before_and_breaks_off_meanwhile(folder, way):
    before = listing(folder)
    refuse_changed(before)
    pieces = zipped(before)
    next(pieces)
    changes(folder / "model.safetensors")[way]()
    with pytest.raises(StudioError) as error:
        refuse_changed(before)
    assert "out is not as it was exported: " in refusal(error)
    with pytest.raises(StudioError, match="model.safetensors was added, changed or removed"):
        list(pieces)


def test_a_folder_that_is_gone_or_has_more_in_it_is_refused(folder):
    before = listing(folder)
    (folder / "new").write_text("")
    with pytest.raises(StudioError, match="new was added"):
        refuse_changed(before)
    folder.rename(folder.with_name("moved"))
    with pytest.raises(StudioError, match="not as it was exported"):
        refuse_changed(before)
