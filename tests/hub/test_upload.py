"""A file as it is pushed: another header, the same numbers, and a count of what was read."""

import io
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from studio.errors import BadCheckpoint
from studio.hub.upload import Upload, with_notes

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(5, dtype=torch.int8)}


@pytest.fixture
def file(tmp_path) -> Path:
    save_file(TENSORS, tmp_path / "x.safetensors", {"format": "pt", "kept": "yes"})
    return tmp_path / "x.safetensors"


def test_a_file_says_more_of_itself_and_holds_the_same_numbers(file, tmp_path):
    head, start = with_notes(file, {"weights_root": "ab" * 32})
    told: list[int] = []
    upload = Upload(head, file, start, told.append)
    content = upload.read()
    assert len(content) == upload.size == sum(told)
    (tmp_path / "y.safetensors").write_bytes(content)
    with safe_open(tmp_path / "y.safetensors", "pt") as found:
        assert found.metadata() == {"format": "pt", "kept": "yes", "weights_root": "ab" * 32}
        assert all(torch.equal(found.get_tensor(name), value) for name, value in TENSORS.items())
    assert (8 + int.from_bytes(head[:8], "little")) % 8 == 0


def test_it_is_read_in_any_pieces_from_any_place(file):
    head, start = with_notes(file, {"weights_root": "x"})
    upload = Upload(head, file, start, lambda _: None)
    whole = upload.read()
    assert upload.read() == b""
    for size in (1, 7, len(head), len(head) + 3):
        assert upload.seek(0) == 0
        assert b"".join(iter(lambda size=size: upload.read(size), b"")) == whole
    assert upload.seek(-4, io.SEEK_END) == len(whole) - 4
    assert upload.read1(2) == whole[-4:-2]
    assert upload.seek(1, io.SEEK_CUR) == len(whole) - 1
    assert (upload.readable(), upload.seekable(), upload.tell()) == (True, True, len(whole) - 1)
    upload.close()


def test_text_alone_is_a_file_too():
    upload = Upload(b"# Red", None, 0, lambda _: None)
    assert (upload.size, upload.read(2), upload.read()) == (5, b"# ", b"Red")


def test_what_is_no_safetensors_file_or_says_too_much_is_refused(file, tmp_path, monkeypatch):
    (tmp_path / "no.safetensors").write_bytes(b"no")
    with pytest.raises(BadCheckpoint, match="cut off before its header"):
        with_notes(tmp_path / "no.safetensors", {})
    monkeypatch.setattr("studio.hub.upload.LARGEST_HEADER", 400)
    with pytest.raises(BadCheckpoint, match="with its recipe would have a header of"):
        with_notes(file, {"merge_recipe": "x" * 400})
