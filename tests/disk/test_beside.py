"""Files that are whole or not there: written beside their place, locked, named, swept."""

import errno
import os
import stat
from functools import partial

import pytest

from studio.disk import beside
from studio.disk.beside import link_new, replace, write_beside
from studio.disk.durable import replace_file, write_new
from studio.disk.files import write_file
from tests.hostile.hooks import forked, kill_at


def names(folder) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_new_file_has_its_content_and_mode_and_never_takes_a_name(tmp_path):
    file = tmp_path / "actor"
    write_new(file, b"one", 0o640)
    assert file.read_bytes() == b"one"
    assert oct(stat.S_IMODE(file.stat().st_mode)) == "0o640"
    with pytest.raises(FileExistsError):
        write_new(file, b"two")
    assert file.read_bytes() == b"one"
    replace_file(file, b"three")
    assert file.read_bytes() == b"three"
    assert oct(stat.S_IMODE(file.stat().st_mode)) == "0o600"
    assert names(tmp_path) == ["actor"]


def test_a_file_has_no_name_before_it_is_on_the_disk(tmp_path, monkeypatch):
    seen, really = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(names(tmp_path)) or really(handle))
    write_new(tmp_path / "actor", b"one")
    assert [["actor" in each for each in seen], len(seen[0])] == [[False, True], 1]


def test_a_disk_without_links_takes_a_new_file_and_no_name_twice(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    write_new(tmp_path / "actor", b"one")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "actor", b"two")
    assert (tmp_path / "actor").read_bytes() == b"one"
    assert names(tmp_path) == ["actor"]


def test_a_name_that_cannot_be_flushed_is_given_back(tmp_path, monkeypatch):
    def failing(path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(beside, "sync", failing)
    with pytest.raises(OSError, match="Input/output"):
        write_new(tmp_path / "actor", b"one")
    assert names(tmp_path) == []


@pytest.mark.parametrize("write", [write_new, replace_file], ids=["new", "replaced"])
def test_a_kill_leaves_a_whole_file_or_none_and_the_next_sweeps_what_it_left(write, tmp_path):
    file, left, number = tmp_path / "key.pem", 0, 0
    while ended := forked(partial(write, file, b"content"), kill_at(number)):
        assert ended == -9
        assert not file.exists() or file.read_bytes() == b"content"
        left += len(names(tmp_path)) > file.exists()
        file.unlink(missing_ok=True)
        number += 1
    assert number >= 5
    assert left >= 3
    assert names(tmp_path) == ["key.pem"]


def test_what_another_is_writing_is_not_swept(tmp_path):
    def meanwhile(part):
        replace_file(tmp_path / "places", b"theirs")
        assert part.read_bytes() == b"mine"
        replace(part, tmp_path / "places")

    write_beside(tmp_path / "places", b"mine", 0o600, meanwhile)
    assert (tmp_path / "places").read_bytes() == b"mine"


def test_a_file_that_was_swept_before_it_was_locked_is_made_anew(tmp_path, monkeypatch):
    really, late = beside.lock_handle, []

    def swept(handle, wait):
        if wait and not late:
            late.extend(tmp_path.iterdir())
            late[0].unlink()
        return really(handle, wait)

    monkeypatch.setattr(beside, "lock_handle", swept)
    write_beside(tmp_path / "a", b"one", 0o600, partial(link_new, path=tmp_path / "a"))
    assert len(late) == 1
    assert (tmp_path / "a").read_bytes() == b"one"


def test_a_link_or_a_pipe_of_such_a_name_is_left_alone(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    (tmp_path / ".a.0123abcd.part").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / ".a.0123abce.part")
    (tmp_path / ".a.0123abcf.part").write_bytes(b"left")
    write_file(tmp_path / "a", "one")
    assert names(tmp_path) == [".a.0123abcd.part", ".a.0123abce.part", "a", "elsewhere"]
    assert oct(stat.S_IMODE((tmp_path / "a").stat().st_mode)) == "0o644"
