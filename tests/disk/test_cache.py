"""What is kept between two openings of a zoo: numbers, and only while the files are the same."""

import os
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.stored import Stored
from studio.disk import cache
from studio.errors import NothingToMerge
from studio.inspection import checkpoint_summaries
from studio.measure import score_cache
from studio.measure.bench import Bench
from studio.zoo import load_zoo

CPU = torch.device("cpu")


@pytest.fixture
def settled(tiny_copy, monkeypatch, tmp_path):
    """A zoo whose files were last touched long ago, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    really = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: really() + 3600 * 10**9)
    return tiny_copy


@pytest.fixture
def reads(monkeypatch):
    """Names of the tensors that are read."""
    found, read = [], Stored.read

    def counted(stored, *given):
        found.append(stored.name)
        return read(stored, *given)

    monkeypatch.setattr(Stored, "read", counted)
    return found


def test_a_second_opening_reads_no_shared_weights_and_finds_the_same_numbers(settled, reads):
    first = Bench(load_zoo(settled), CPU)
    blocks, rows = first.gram.blocks, checkpoint_summaries(first.deltas)
    assert reads
    reads.clear()
    second = Bench(load_zoo(settled), CPU)
    assert second.gram.blocks.equal(blocks)
    assert checkpoint_summaries(second.deltas) == rows
    assert {name.removeprefix("classifier.") for name in reads} == {"weight", "bias"}  # heads
    assert second.base.known_digest == open_checkpoint(settled / "base").digest


def test_a_changed_file_is_measured_anew_even_if_its_time_is_put_back(settled):
    before = Bench(load_zoo(settled), CPU).gram.blocks
    file = settled / "color" / "model.safetensors"
    was, entries = file.stat(), open_checkpoint(file.parent).weights.entries
    entry = next(entries[name] for name in entries if name.endswith("query.weight"))
    content = bytearray(file.read_bytes())
    content[entry.start + 2] ^= 64  # an exponent
    file.write_bytes(content)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    after = Bench(load_zoo(settled), CPU)
    assert not after.gram.blocks.equal(before)
    assert after.deltas.checkpoints[0].known_digest == after.deltas.checkpoints[0].digest


def test_a_file_written_a_moment_ago_is_not_known_by_its_time(tiny_copy, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tiny_copy / "base" / "model.safetensors").touch()
    checkpoint = open_checkpoint(tiny_copy / "base")
    assert checkpoint.known_digest == checkpoint.digest
    assert not cache.cache_folder().exists()


def test_what_was_damaged_is_measured_again(settled):
    blocks = Bench(load_zoo(settled), CPU).gram.blocks
    files = list(cache.cache_folder().iterdir())
    assert len(files) == 4  # a digest for the base and either task, and a Gram
    for file in files:
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    assert Bench(load_zoo(settled), CPU).gram.blocks.equal(blocks)


def test_a_copy_and_a_zero_delta_are_refused_at_the_second_opening_too(settled):
    color = settled / "color" / "model.safetensors"
    heads = {k: v for k, v in load_file(color).items() if k.startswith("classifier")}
    save_file(heads | load_file(settled / "base" / "model.safetensors"), color)
    for _ in range(2):
        with pytest.raises(NothingToMerge, match="'color' is equal to the base"):
            Bench(load_zoo(settled), CPU)


def test_a_disk_that_refuses_a_cache_is_no_error(settled, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert Bench(load_zoo(settled), CPU).gram.blocks.isfinite().all()


def test_the_oldest_are_dropped_and_nobody_else_can_read_them(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cache, "MOST_KEPT", 3)
    for i in range(5):
        cache.keep(cache.cache_key("n", i), bytes([i]))
    found = [cache.recall(cache.cache_key("n", i)) for i in range(5)]
    assert found == [None, None, b"\2", b"\3", b"\4"]
    assert Path(tmp_path / "mdm-oc-studio").stat().st_mode & 0o77 == 0


def test_a_room_of_the_cache_has_a_limit_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for i in range(4):
        cache.keep("outside", bytes([i]))
        cache.keep(cache.cache_key("n", i), bytes([i]), "room", 2)
    found = [cache.recall(cache.cache_key("n", i), "room") for i in range(4)]
    assert found == [None, None, b"\2", b"\3"]
    assert cache.recall("outside") == b"\3"
    assert cache.recall(cache.cache_key("n", 3)) is None
    for folder in (tmp_path / "mdm-oc-studio", tmp_path / "mdm-oc-studio" / "room"):
        assert folder.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("content", [b"", b"x", b"null", b"[1]", b"[" * 100_000, b"{}", b"\xff"])
def test_what_is_whole_and_makes_no_sense_is_as_good_as_none(settled, content):
    """As a program of another version, or a stranger, leaves it."""
    before = Bench(load_zoo(settled), CPU).gram.blocks
    kept = [file for file in cache.cache_folder().iterdir() if file.is_file()]
    assert kept
    for file in kept:
        cache.keep(file.name, content)
    assert Bench(load_zoo(settled), CPU).gram.blocks.equal(before)
    for room in ("scores", ""):
        cache.keep("known", content, room)
    assert score_cache._read("known") in ({}, None)


def test_a_file_that_is_recalled_is_not_touched_for_another_studio_may_have_it_open(tmp_path):
    def write(path: Path) -> None:
        path.write_text("statistics")

    file = cache.keep_file(tmp_path, "k", write, 1000)
    before = file.stat()
    assert cache.recall_file(tmp_path, "k") == file
    after = file.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)
