import hashlib
import json
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.weights import Weights, read_header, read_header_and_notes
from studio.checkpoints.writer import write_weights
from studio.errors import BadCheckpoint
from tests.conftest import draw, refusal, save_model


def raw(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def shard(folder, tensors, largest=60):
    folder.mkdir()
    layout = {k: (v.dtype, tuple(v.shape)) for k, v in tensors.items()}
    root = write_weights(folder, layout, lambda k: [tensors[k].flatten()], largest_shard=largest)
    return folder, root


def test_the_root_is_the_digest_of_sorted_lines_and_ignores_sharding(tmp_path):
    tensors = draw(1)
    lines = "".join(
        json.dumps([k, "F32", list(v.shape), hashlib.sha256(v.numpy().tobytes()).hexdigest()],
                   separators=(",", ":")) + "\n"
        for k, v in sorted(tensors.items())
    )  # fmt: skip
    expected = hashlib.sha256(lines.encode()).hexdigest()
    single = open_checkpoint(save_model(tmp_path / "one", tensors))
    folder, root = shard(tmp_path / "many", tensors)
    assert len(list(folder.glob("model-*-of-*.safetensors"))) > 2
    assert single.digest == open_checkpoint(folder).digest == root == expected


def test_one_changed_bit_changes_the_root(tmp_path):
    tensors = draw(1)
    first = open_checkpoint(save_model(tmp_path / "a", tensors)).digest
    tensors["layer.0.dense.bias"].view(torch.int32)[3] ^= 1
    assert open_checkpoint(save_model(tmp_path / "b", tensors)).digest != first


def test_written_files_are_read_by_the_safetensors_library(tmp_path):
    tensors = draw(2) | {
        "ids": torch.arange(5),
        "half": torch.randn(3).half(),
        "brain": torch.randn(3).bfloat16(),
        "odd": torch.tensor([True, False, True]),
        "empty": torch.zeros(0, 4),
        "scalar": torch.tensor(1.5).double(),
    }
    folder, _ = shard(tmp_path / "x", tensors, largest=10**6)
    loaded = load_file(folder / "model.safetensors")
    assert set(loaded) == set(tensors)
    assert all(loaded[k].equal(tensors[k]) and loaded[k].dtype == tensors[k].dtype for k in tensors)
    ours = Weights((folder / "model.safetensors",))
    assert all(ours.tensor(k).equal(tensors[k]) for k in tensors)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut off before its header"),
        (struct.pack("<Q", 10**6) + b"{}", "claims 1,000,000 bytes, but only 2 follow"),
        (raw(b"{"), "not JSON"),
        (raw(b"\xff\xff"), "not UTF-8"),
        (raw([1]), "must be a mapping"),
        (raw(b'{"a":1,"a":2}'), "names a twice"),
        (raw({"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}), "dtype 'F99'"),
        (raw({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}), r"shape \[-1\]"),
        (raw({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}), "needs 8 bytes"),
        (
            raw({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, bytes(8)),
            "expected 0",
        ),
        (raw({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(3)), "cut off"),
    ],
)
def test_a_broken_file_is_refused_with_its_name_and_what_is_wrong(tmp_path, content, words):
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    with pytest.raises(BadCheckpoint, match=words) as error:
        read_header(file)
    assert str(file) in refusal(error)


@pytest.mark.parametrize("notes", [{}, {"__metadata__": None}, {"__metadata__": {}},
                                   {"__metadata__": {"format": "pt"}}])  # fmt: skip
def test_what_a_file_says_of_itself_may_be_nothing(tmp_path, notes):
    file = tmp_path / "model.safetensors"
    tensor = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    file.write_bytes(raw(notes | tensor, bytes(4)))
    entries, said = read_header_and_notes(file)
    assert list(entries) == ["a"]
    assert said == (notes.get("__metadata__") or {})


def test_a_truncated_file_is_refused(tmp_path):
    folder = save_model(tmp_path / "m", draw(1))
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(BadCheckpoint, match="cut off or damaged"):
        open_checkpoint(folder)


def test_missing_and_pickled_and_ambiguous_folders(tmp_path):
    with pytest.raises(BadCheckpoint, match="no folder .*nowhere"):
        open_checkpoint(tmp_path / "nowhere")
    folder = tmp_path / "pickled"
    folder.mkdir()
    with pytest.raises(BadCheckpoint, match="no safetensors file"):
        open_checkpoint(folder)
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(BadCheckpoint, match=r"only pickled weights \(pytorch_model.bin\)"):
        open_checkpoint(folder)
    for name in "ab":
        save_file(draw(1), folder / f"{name}.safetensors")
    with pytest.raises(BadCheckpoint, match="2 safetensors files"):
        open_checkpoint(folder)


def test_a_hub_id_is_never_downloaded(monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("asked the network"))
    with pytest.raises(BadCheckpoint, match="hub fetch nobody/nothing"):
        open_checkpoint("nobody/nothing")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("../secret.safetensors", "must lie in the same folder"),
        ("/etc/passwd", "must lie in the same folder"),
        ("model-00009-of-00009.safetensors", "no file .*model-00009"),
        (7, "must lie in the same folder"),
    ],
)
def test_an_index_may_only_point_at_shards_beside_it(tmp_path, target, words):
    folder, _ = shard(tmp_path / "m", draw(1))
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    content["weight_map"]["layer.0.dense.bias"] = target
    index.write_text(json.dumps(content))
    with pytest.raises(BadCheckpoint, match=words):
        open_checkpoint(folder)


def test_an_index_that_disagrees_with_its_shards_is_refused(tmp_path):
    folder, _ = shard(tmp_path / "m", draw(1), largest=200)
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    content["weight_map"].pop("layer.0.dense.bias")
    index.write_text(json.dumps(content))
    with pytest.raises(
        BadCheckpoint, match="disagree on 1 tensors, the first is layer.0.dense.bias"
    ):
        open_checkpoint(folder)


def test_links_are_followed_only_within_a_hub_cache(tmp_path):
    secret = save_model(tmp_path / "elsewhere", draw(1)) / "model.safetensors"
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(secret)
    with pytest.raises(BadCheckpoint, match="outside its folder"):
        open_checkpoint(folder)
    cache = tmp_path / "models--a--b"
    (cache / "blobs").mkdir(parents=True)
    secret.rename(cache / "blobs" / "abc")
    snapshot = cache / "snapshots" / "123"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to("../../blobs/abc")
    assert len(open_checkpoint(snapshot).names) == 5
