"""T-05 to T-08: weights too large, cut off, or not where they say."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCheckpoint, BadData, BadZoo, StudioError
from studio.export.model import export
from studio.merge import open_merge
from studio.recipe import load_recipe
from studio.tasks.kinds.text_classification import read_rows
from studio.tasks.rows import read_labels
from studio.zoo import load_zoo
from tests.conftest import ROOT, draw, refusal, save_adapter, save_model
from tests.hostile.hooks import forked
from tests.hostile.test_headers import raw, seconds_and_memory


def sparse(folder: Path, tensors: dict[str, int]) -> Path:
    """A model whose float32 tensors of so many elements take no room on the disk."""
    folder.mkdir()
    header, at = {}, 0
    for name, numel in tensors.items():
        span = [at, at + 4 * numel]
        header[name], at = {"dtype": "F32", "shape": [numel], "data_offsets": span}, span[1]
    with (folder / "model.safetensors").open("wb") as stream:
        stream.write(raw(header))
        stream.truncate(stream.tell() + at)
    return folder


def studio(*arguments: object, memory: int = 4 * 2**30) -> subprocess.CompletedProcess[str]:
    """The command line in a process that may take so much memory."""
    return subprocess.run(
        [sys.executable, "-m", "studio", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)),
    )  # fmt: skip


@pytest.mark.slow
def test_a_model_of_200_gigabytes_is_refused_for_want_of_disk_with_what_it_needs(tmp_path):
    sparse(tmp_path / "base", {"w": 50 * 10**9})
    sparse(tmp_path / "red", {"w": 50 * 10**9})
    recipe = tmp_path / "r.yaml"
    recipe.write_text("base: base\nmethod: average\ntasks: [{name: red, checkpoint: red}]")
    done = studio("merge", recipe, "--out", tmp_path / "deep" / "out", "--threads", "1")
    assert done.returncode == 1
    assert "needs 210,067,108,864 bytes with a margin, but only" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "deep").exists()


@pytest.mark.slow
def test_a_tensor_larger_than_the_memory_is_refused_with_what_it_needs(tmp_path):
    """A 200 GB head beside a small encoder, read because the architecture says how to use it."""
    sparse(tmp_path / "base", {"w": 2})
    (tmp_path / "base" / "config.json").write_text('{"model_type": "bert"}')
    sparse(tmp_path / "red", {"w": 2, "classifier.weight": 50 * 10**9})
    recipe = tmp_path / "r.yaml"
    recipe.write_text("base: base\nmethod: average\ntasks: [{name: red, checkpoint: red}]")
    done = studio("merge", recipe, "--out", tmp_path / "out", "--threads", "1")
    assert done.returncode == 1
    assert "classifier.weight needs 200,000,000,000 bytes of memory, but only" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_opening_200_gigabytes_reads_only_the_header(tmp_path):
    folder = sparse(tmp_path / "base", {"w": 50 * 10**9})
    seconds, memory = seconds_and_memory(lambda: open_checkpoint(folder))
    assert seconds < 1
    assert memory < 2**20


@pytest.mark.parametrize("victim", ["base", "red"])
def test_a_checkpoint_cut_off_in_the_middle_of_a_merge_is_a_sentence(tmp_path, one_thread, victim):
    """In a process of its own: with mapped memory this would be a SIGBUS."""
    shapes = {f"layer.{i}": (2**16,) for i in range(40)}
    for seed, name in enumerate(("base", "red")):
        save_model(tmp_path / name, draw(seed, shapes))
    (tmp_path / "r.yaml").write_text(
        "base: base\nmethod: average\ntasks: [{name: red, checkpoint: red}]"
    )
    file = tmp_path / victim / "model.safetensors"

    def cut(share: float, words: str) -> None:
        if 0.2 < share < 0.7:
            os.truncate(file, file.stat().st_size // 2)

    def merged() -> None:
        words = f"{file} was changed or cut off while it was in use"
        with pytest.raises(StudioError, match=words):
            export(
                open_merge(load_recipe(tmp_path / "r.yaml")), tmp_path / "deep" / "out",
                progress=cut,
            )  # fmt: skip

    assert forked(merged) == 0
    assert not (tmp_path / "deep").exists()


def shards(folder: Path) -> dict:
    """A model of two shards; returns its index."""
    folder.mkdir(parents=True)
    tensors = {"a": torch.ones(2), "b": torch.ones(2)}
    for name in tensors:
        save_file({name: tensors[name]}, folder / f"{name}.safetensors")
    index = {"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return index["weight_map"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"a": "/etc/passwd"}, "places a in '/etc/passwd'; a shard must lie in the same folder"),
        ({"a": "../x.safetensors"}, "places a in '../x.safetensors'"),
        ({"a": "..\\x.safetensors"}, "places a in"),
        ({"a": "a.bin"}, "places a in 'a.bin'; a shard must lie in the same folder and be called"),
        ({"a": "a.safetensors\n"}, "places a in"),
        ({"a": ["a.safetensors"]}, "places a in ['a.safetensors']"),
        ({"a": "c.safetensors"}, "There is no file"),
        ({"a": "x" * 300 + ".safetensors"}, "There is no file"),
        ({"a": "b.safetensors"}, "disagree on 1 tensors, the first is a"),
        ({"c": "b.safetensors"}, "disagree on 1 tensors, the first is c"),
        ({"a": None}, "places a in None"),
    ],
)
def test_an_index_that_points_elsewhere_or_lies_is_refused(tmp_path, change, words):
    content = shards(tmp_path / "m") | change
    index = tmp_path / "m" / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": content}))
    with pytest.raises(BadCheckpoint) as error:
        open_checkpoint(tmp_path / "m")
    assert words in refusal(error)


def test_a_tensor_in_two_shards_is_refused_by_name(tmp_path):
    shards(tmp_path / "m")
    save_file({"a": torch.ones(2), "b": torch.ones(2)}, tmp_path / "m" / "b.safetensors")
    with pytest.raises(BadCheckpoint, match="both a.safetensors and b.safetensors hold .* a\\."):
        open_checkpoint(tmp_path / "m")


def test_a_shard_that_links_outside_is_refused(tmp_path):
    shards(tmp_path / "m")
    (tmp_path / "m" / "a.safetensors").rename(tmp_path / "secret")
    (tmp_path / "m" / "a.safetensors").symlink_to(tmp_path / "secret")
    with pytest.raises(BadCheckpoint, match="a.safetensors leads to .*secret, outside its folder"):
        open_checkpoint(tmp_path / "m")


def test_links_of_a_hub_cache_are_followed_within_their_own_repository(tmp_path):
    def snapshot(name: str, blob: str) -> Path:
        folder = tmp_path / name / "snapshots" / "0f3a"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").symlink_to(blob)
        return folder

    blobs = tmp_path / "models--a--b" / "blobs"
    blobs.mkdir(parents=True)
    save_file({"a": torch.ones(2)}, blobs / "sha")
    assert open_checkpoint(snapshot("models--a--b", "../../blobs/sha")).names == ("a",)
    for name, blob in [
        ("models--c--d", "../../../models--a--b/blobs/sha"),
        ("models--e--f", str(blobs / "sha")),
    ]:
        with pytest.raises(BadCheckpoint, match="leads to .*models--a--b.*, outside its folder"):
            open_checkpoint(snapshot(name, blob))
    deeper = tmp_path / "models--a--b" / "snapshots" / "0f3a" / "tasks" / "red"
    deeper.mkdir(parents=True)
    (deeper / "model.safetensors").symlink_to(blobs / "sha")
    assert open_checkpoint(deeper).names == ("a",)


@pytest.mark.parametrize("key", ["head", "labels", "data"])
def test_what_a_zoo_names_is_not_a_link_to_elsewhere(tmp_path, key):
    (tmp_path / "secret").write_text("root:x:0:0")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "file").symlink_to("../secret")
    named = {"held_out": "file"} if key == "data" else "file"
    task = {"name": "a", "checkpoint": "a", key: named}
    (tmp_path / "zoo" / "zoo.yaml").write_text(json.dumps({"base": "b", "tasks": [task]}))
    with pytest.raises(BadZoo, match=f"task 1: {key}.* leads to .*secret, outside its folder"):
        load_zoo(tmp_path / "zoo")


def test_a_tokenizer_that_links_elsewhere_is_not_copied(make_recipe, zoo_folder, tmp_path):
    (tmp_path / "secret").write_text("root:x:0:0")
    (zoo_folder / "base" / "tokenizer.json").symlink_to(tmp_path / "secret")
    with pytest.raises(BadCheckpoint, match="tokenizer.json leads to .*secret"):
        export(open_merge(make_recipe("red", method="average")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


OPENERS = {
    "model.safetensors": lambda folder: open_checkpoint(folder),
    "model.safetensors.index.json": lambda folder: open_checkpoint(folder),
    "adapter_config.json": lambda folder: open_checkpoint(folder),
    "adapter_model.safetensors": lambda folder: open_checkpoint(folder),
    "config.json": lambda folder: open_checkpoint(folder).config,
    "zoo.yaml": load_zoo,
    "recipe.yaml": lambda folder: load_recipe(folder / "recipe.yaml"),
    "rows.jsonl": lambda folder: read_rows(folder / "rows.jsonl", ("a",)),
    "labels.json": lambda folder: read_labels(folder / "labels.json"),
}


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "dangling link", "link to itself"])
@pytest.mark.parametrize("name", OPENERS)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, name, kind):
    """Opening a pipe that nobody writes to would wait forever."""
    folder = tmp_path / "m"
    if name.startswith("adapter"):
        save_adapter(folder, {"m": (torch.ones(1, 2), torch.ones(2, 1))})
    else:
        save_model(folder, {"a": torch.ones(2)})
    file = folder / name
    file.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "device":
        file.symlink_to("/dev/zero")
    else:
        file.symlink_to("nowhere" if kind == "dangling link" else name)
    begun = time.monotonic()
    with pytest.raises(StudioError) as error:
        OPENERS[name](folder)
    assert time.monotonic() - begun < 1
    assert str(file) in refusal(error) or str(folder) in refusal(error)
    if kind == "pipe":
        assert "is not a regular file" in refusal(error)


def test_a_pipe_among_the_rows_is_refused_when_the_zoo_is_read(tmp_path):
    os.mkfifo(tmp_path / "rows.jsonl")
    task = {"name": "a", "checkpoint": "a", "data": {"held_out": "rows.jsonl"}}
    (tmp_path / "zoo.yaml").write_text(json.dumps({"base": "b", "tasks": [task]}))
    with pytest.raises(BadZoo, match="rows.jsonl is not a regular file"):
        load_zoo(tmp_path)
    with pytest.raises(BadData, match="rows.jsonl is not a regular file"):
        read_rows(tmp_path / "rows.jsonl", ("a",))
