"""T-18 to T-20: exports that are killed, run out of disk, or meet one another."""

import contextlib
import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest

from studio.__main__ import main
from studio.checkpoints.checkpoint import open_checkpoint
from studio.disk import folders
from studio.disk.files import write_file
from studio.disk.folders import new_folder
from studio.errors import OutputExists, StudioError
from studio.export.folder import RECORD
from studio.export.model import export
from studio.merge import Merge, open_merge
from studio.recipe import load_recipe
from tests.conftest import draw, refusal, save_model
from tests.hostile.hooks import begun, counted, ended, fail_at, forked, kill_at, watched


@pytest.fixture
def merge(make_recipe, zoo_folder, one_thread) -> Merge:
    (zoo_folder / "base" / "tokenizer.json").write_text("{}")
    found = open_merge(make_recipe(method="average"))
    found.prepare()
    return found


def left_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def is_whole(folder: Path, root: str) -> bool:
    """Whether all that belongs to an export is there and is what it says."""
    record = json.loads((folder / RECORD).read_text())
    names = ("README.md", RECORD, "model.safetensors", "recipe.yaml", "tokenizer.json")
    return (
        record["weights_root"] == root == open_checkpoint(folder).digest
        and len(load_recipe(folder / "recipe.yaml").tasks) == 3
        and left_in(folder) == sorted(names)
    )


@pytest.mark.slow
def test_an_export_killed_at_any_step_is_whole_or_not_there(merge, tmp_path):
    """Every write, fsync, rename, copy and mkdir, before and after; then the same again."""
    place = tmp_path / "place"
    place.mkdir()
    root = export(merge, tmp_path / "model")
    steps = counted(lambda: export(merge, place / "dry"))
    shutil.rmtree(place / "dry")
    # five files and the folder, where a cancel is heard and again before the rename; the place
    assert steps.count("before fsync") == 2 * (5 + 1) + 1
    assert {"write", "before copy", "before rename", "after rename"} <= set(steps)
    found = {}
    for number, name in enumerate(steps):
        target = place / "out"
        assert forked(lambda: export(merge, target), kill_at(number)) == -signal.SIGKILL  # noqa: B023
        found[number, name] = target.exists()
        if target.exists():
            assert is_whole(target, root), f"torn after {number} {name}"
            shutil.rmtree(target)
        assert len(left_in(place)) <= 1  # what the last one left, at most
        if number % 10 == 0:
            assert export(merge, target) == root
            assert left_in(place) == ["out"]
            shutil.rmtree(target)
    at = steps.index("before rename")
    assert not any(there for (number, _), there in found.items() if number <= at)
    assert all(there for (number, _), there in found.items() if number > at)
    assert [there for (_, name), there in found.items() if "rename" in name] == [False, True]


def test_what_a_killed_export_left_is_swept_by_the_next_but_never_a_live_one(merge, tmp_path):
    target = tmp_path / "place" / "out"
    middle = counted(lambda: export(merge, tmp_path / "dry")).index("before fsync")
    assert forked(lambda: export(merge, target), kill_at(middle)) == -signal.SIGKILL
    (dead,) = left_in(target.parent)
    assert dead.startswith(".out.")
    assert dead.endswith(".part")
    for name in (".out.notes.part", ".other.abcdefgh.part", ".out.abcdefgh.txt"):
        (target.parent / name).mkdir()  # of others, or of another export
    with new_folder(target) as work:
        (work / "file").write_text("x")
        with pytest.raises(StudioError, match="stop"), new_folder(target):  # noqa: PT012
            assert work.exists()
            assert not (target.parent / dead).exists()
            raise StudioError("stop.")
    assert left_in(target.parent) == [
        ".other.abcdefgh.part", ".out.abcdefgh.txt", ".out.notes.part", "out",
    ]  # fmt: skip


def test_a_folder_that_was_swept_before_it_was_locked_is_made_anew(tmp_path, monkeypatch):
    lock, calls = folders._lock, []

    def late(folder: Path, wait: bool):
        calls.append(folder)
        if len(calls) <= 2:
            folder.rmdir()
        return lock(folder, wait)

    monkeypatch.setattr(folders, "_lock", late)
    with new_folder(tmp_path / "out") as work:
        (work / "file").write_text("x")
    assert len(calls) == 3
    assert left_in(tmp_path) == ["out"]


@pytest.mark.parametrize("kind", ["write", "fsync", "rename", "copy", "mkdir"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing(merge, tmp_path, kind):
    """No room from the k-th write (fsync, rename, …) on, for every k."""
    place = tmp_path / "deep" / "place"
    place.mkdir(parents=True)
    total = sum(
        s in (kind, f"before {kind}") for s in counted(lambda: export(merge, tmp_path / "dry"))
    )
    assert total
    for number in range(total):
        with (
            pytest.raises(StudioError, match="out could not be written: No space left") as error,
            watched(fail_at(number, kind)),
        ):
            export(merge, place / "out")
        assert "nothing was kept" in refusal(error)
        assert left_in(place) == []


def test_a_rename_that_cannot_be_flushed_is_taken_back(tmp_path, monkeypatch):
    sync = folders.sync

    def failing(path: Path) -> None:
        if path == tmp_path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(path)

    monkeypatch.setattr(folders, "sync", failing)
    with pytest.raises(StudioError, match="Input/output error; nothing was kept"):  # noqa: SIM117
        with new_folder(tmp_path / "out") as work:
            (work / "file").write_text("x")
    assert left_in(tmp_path) == []


def test_a_real_limit_on_file_size_is_a_sentence_and_leaves_nothing(merge, tmp_path):
    """The system itself refuses the write, as a full disk would; also while heads are written."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
        with pytest.raises(StudioError, match="could not be written: File too large"):
            export(merge, tmp_path / "place" / "out")

    assert forked(limited) == 0
    assert not (tmp_path / "place").exists()


def test_a_real_disk_that_is_full_is_a_sentence_and_leaves_nothing(merge, tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        with pytest.raises(StudioError, match="needs 67,1.* bytes with a margin, but only 8,192"):
            export(merge, disk / "deep" / "out")
        monkeypatch.setattr(folders, "MARGIN", -(2**20))
        with pytest.raises(StudioError, match="could not be written: No space left"):
            export(merge, disk / "deep" / "out")
        assert left_in(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_too_little_room_is_found_before_anything_is_computed(make_recipe, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=67_108_864))
    merge = open_merge(make_recipe(method="average"))
    monkeypatch.setattr(
        "studio.export.merged.refuse_copies", lambda _: pytest.fail("began to work")
    )
    size = sum(x.numel() for x in draw(0).values()) * 4
    need = f"{size * 105 // 100 + 2**26:,}"
    with pytest.raises(
        StudioError, match=f"needs {need} bytes .* only 67,108,864 are free there. Make room"
    ):
        export(merge, tmp_path / "deep" / "out")
    assert not (tmp_path / "deep").exists()


def test_a_sentence_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    file = tmp_path / "found.json"
    write_file(file, "old")
    for kind in ("write", "fsync"):
        with pytest.raises(StudioError, match="found.json cannot be written: No space left"):  # noqa: SIM117
            with watched(fail_at(0, kind)):
                write_file(file, "new")
    assert file.read_text() == "old"
    assert left_in(tmp_path) == ["found.json"]


def test_of_two_exports_at_once_one_wins_and_nothing_is_mixed(merge, make_recipe, tmp_path):
    """Both in the block before either renames: two threads, each waiting for the other."""
    other = open_merge(make_recipe("red", "blue", method="average"))
    other.prepare()
    roots = {export(m, tmp_path / f"alone{i}"): i for i, m in enumerate((merge, other))}
    both, ended = threading.Barrier(2), {}

    def run(number: int, which: Merge) -> None:
        def meet(share: float, words: str) -> None:
            if share >= 1:
                both.wait(60)

        try:
            ended[number] = export(which, tmp_path / "out", progress=meet)
        except StudioError as refused:
            ended[number] = refused

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate((merge, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (won,) = (number for number, end in ended.items() if isinstance(end, str))
    lost = ended[1 - won]
    assert isinstance(lost, OutputExists)
    assert "out appeared meanwhile; choose another output folder." in str(lost)
    assert roots[open_checkpoint(tmp_path / "out").digest] == won
    assert len(load_recipe(tmp_path / "out" / "recipe.yaml").tasks) == (3, 2)[won]
    assert not [name for name in left_in(tmp_path) if name.endswith(".part")]


def test_of_two_processes_at_once_one_wins_and_the_other_says_so(tmp_path, one_thread):
    for seed, name in enumerate(("base", "red")):
        save_model(tmp_path / name, draw(seed))
    (tmp_path / "r.yaml").write_text(
        "base: base\nmethod: average\ntasks: [{name: red, checkpoint: red}]"
    )

    def merged(number: int) -> None:
        (tmp_path / str(number)).mkdir()
        with (
            (tmp_path / str(number) / "said").open("w") as said,
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            code = main(["merge", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "place/out")])
        (tmp_path / str(number) / "code").write_text(str(code))

    pair = [begun(partial(merged, number)) for number in range(2)]
    assert [ended(each) for each in pair] == [0, 0]
    words = {(tmp_path / n / "code").read_text(): (tmp_path / n / "said").read_text() for n in "01"}
    assert sorted(words) == ["0", "1"]
    words = words["1"]
    assert "out exists already" in words or "out appeared meanwhile" in words
    assert "Traceback" not in words
    assert left_in(tmp_path / "place") == ["out"]
    assert len(open_checkpoint(tmp_path / "place" / "out").digest) == 64
