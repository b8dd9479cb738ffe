"""T-01 to T-04: headers that lie, bombs, and names from strangers."""

import json
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.checkpoints.weights import read_header
from studio.errors import BadCheckpoint, StudioError
from studio.export.model import export
from studio.merge import open_merge
from studio.recipe import Recipe, TaskEntry
from studio.ui.views.files import checkpoints
from studio.ui.views.notices import refusal as refusal_notice
from tests.conftest import draw, refusal, save_model

F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


def raw(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def header_of(count: int, padding: int = 0) -> bytes:
    """A header of tensors that hold nothing."""
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    text = json.dumps({f"t{i:06}": empty for i in range(count)}, separators=(",", ":"))
    return text.encode() + b" " * max(padding - len(text), 0)


def seconds_and_memory(work) -> tuple[float, int]:
    tracemalloc.start()
    begun = time.monotonic()
    try:
        work()
        return time.monotonic() - begun, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_pickle_is_refused_and_never_run(tmp_path):
    canary = tmp_path / "canary"

    class Trap:
        def __reduce__(self):
            return Path.touch, (canary,)

    for name in ("pytorch_model.bin", "adapter_model.bin"):
        folder = tmp_path / name
        folder.mkdir()
        torch.save({"w": Trap()}, folder / name)
        if name.startswith("adapter"):
            (folder / "adapter_config.json").write_text("{}")
        with pytest.raises(BadCheckpoint, match=f"only (a )?pickled .*{name}.*run code when read"):
            open_checkpoint(folder)
    assert not canary.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (struct.pack("<Q", 2**63) + b"{}", "claims 9,223,372,036,854,775,808 bytes"),
        (struct.pack("<Q", 200 * 2**20) + b"{}", "claims 209,715,200 bytes, but only 2 follow"),
        (b"\x02\x00", "has 2 bytes; it is cut off before its header"),
        (raw(b"{}"), "holds no tensors"),
        (raw({"a": F32 | {"shape": [2**47, 2**47]}}), "impossible shape [140737488355328,"),
        (raw({"a": F32 | {"shape": [2**47, 2**47, 0]}}), "impossible shape [140737488355328,"),
        (raw({"a": F32 | {"shape": [2**62]}}), "shape [4611686018427387904]; they must be whole"),
        (raw({"a": F32 | {"shape": [1] * 65}}, bytes(4)), "impossible shape"),
        (raw({"a": F32 | {"data_offsets": [4, 0]}}), "needs 4 bytes, its offsets span -4"),
        (raw({"a": F32, "b": F32}, bytes(4)), "b starts at byte 0, expected 4"),
        (raw({"a": F32, "b": F32 | {"data_offsets": [8, 12]}}, bytes(12)), "byte 8, expected 4"),
        (raw({"a": F32}, bytes(9)), "need 4 bytes, the file holds 9"),
        (raw({"a": F32}, bytes(3)), "need 4 bytes, the file holds 3"),
        (raw(b'{"a":%s,"a":%s}' % ((json.dumps(F32).encode(),) * 2), bytes(4)), "names a twice"),
        (raw(b'{"a":{"dtype":"F32","dtype":"I32"}}'), "names dtype twice"),
        (raw({"a": F32 | {"data_offsets": [0]}}), "has 1 data_offsets; there must be 2"),
        (raw({"a": F32 | {"shape": [True]}}, bytes(4)), "shape [True]; they must be whole"),
        (raw({"a": F32 | {"shape": [1.0]}}, bytes(4)), "shape [1.0]; they must be whole"),
        (raw(b'{"a":{"shape":[NaN]}}'), "the number NaN, which is not finite"),
        (raw(b'{"__metadata__": 3}'), "__metadata__ must be a mapping"),
        (raw({"__metadata__": {"step": 7}, "a": F32}, bytes(4)), "holds 'step': 7; safetensors"),
        (raw({"__metadata__": {"c": [1]}, "a": F32}, bytes(4)), "'c': [1]; safetensors allows"),
        (raw(b"[" * 10**6), "too deep or too long"),
        (raw({"\ud800": F32}, bytes(4)), "not Unicode text"),
    ],
)
def test_a_header_that_lies_is_refused_with_its_numbers(tmp_path, content, words):
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)

    def read() -> None:
        with pytest.raises(BadCheckpoint) as error:
            open_checkpoint(tmp_path)
        assert words in refusal(error)
        assert str(file) in refusal(error)

    seconds, memory = seconds_and_memory(read)
    assert seconds < 5
    assert memory < 100 * 2**20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("header", "words"),
    [
        (header_of(500_000), "a header of 29,500,001 bytes; at most 16,777,216"),
        (header_of(100_001), "names 100,001 tensors; at most 100,000"),
        (b'{"a":[' + b"{}," * 5_000_000 + b"{}]}", "about 10,000,003 values; at most 1,600,000"),
        (b'{"a":[' + b"[]," * 700_000 + b"[]]}", "must be a mapping of names to values"),
        (
            b'{"a":{"dtype":"F32","shape":[' + b"281474976710655," * 900_000 + b"1]}}",
            "data_offsets None",
        ),
    ],
    ids=["28 MiB", "one tensor too many", "values", "brackets", "dimensions"],
)
def test_a_header_bomb_costs_bounded_memory_and_time(tmp_path, header, words):
    file = tmp_path / "model.safetensors"
    file.write_bytes(raw(header))

    def read() -> None:
        with pytest.raises(BadCheckpoint) as error:
            read_header(file)
        assert words in refusal(error)
        assert len(refusal(error)) < 2000 + len(str(file))

    seconds, memory = seconds_and_memory(read)
    assert seconds < 30  # about 1 s where nothing else runs, several times that while traced
    assert memory < 200 * 2**20


@pytest.mark.slow
def test_the_largest_header_that_is_allowed_is_read(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(raw(header_of(100_000, padding=159 * 2**20 // 10)))
    found = {}
    seconds, memory = seconds_and_memory(lambda: found.update(read_header(file)))
    assert len(found) == 100_000
    assert seconds < 60
    assert memory < 300 * 2**20


NAMES = ["../../x", "/etc/passwd", "<img src=x onerror=alert(1)>", "=cmd()", "a b", "ä" * 512]


def test_tensor_names_never_become_paths(tmp_path):
    """Names that look like paths or markup are names: merged, written and read back."""
    base, red = (dict(zip(NAMES, draw(s, dict.fromkeys(NAMES, (2,))).values())) for s in (0, 1))  # noqa: B905
    recipe = Recipe(
        str(save_model(tmp_path / "base", base)),
        (TaskEntry("red", str(save_model(tmp_path / "red", red))),),
        "average",
    )
    before = {*tmp_path.rglob("*")}
    export(open_merge(recipe), tmp_path / "out")
    assert open_checkpoint(tmp_path / "out").names == tuple(sorted(NAMES))
    assert all(file.is_relative_to(tmp_path / "out") for file in {*tmp_path.rglob("*")} - before)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x" * 10**6, "(1,000,000 characters); names have at most 512"),
        ("x" * 513, "(513 characters)"),
        ("\x1b[2Jgone", r"'\\x1b[2Jgone' (8 characters)"),
        ("a\nstudio: all is well", r"'a\\nstudio: all is well'"),
        ("‮txt.", r"'\\u202etxt.'"),
    ],
)
def test_a_name_too_long_or_not_printable_is_refused_and_shown_as_escapes(tmp_path, name, words):
    (tmp_path / "model.safetensors").write_bytes(raw({name: F32}, bytes(4)))
    with pytest.raises(BadCheckpoint) as error:
        open_checkpoint(tmp_path)
    assert words.replace("\\\\", "\\") in refusal(error)
    assert refusal(error).isprintable()
    assert len(refusal(error)) < 1000


def test_a_sentence_cannot_move_the_cursor_and_is_never_endless():
    sentence = str(StudioError(f"\x1b]0;owned\a {'x' * 10**6} \ud800 \x9b31m"))
    assert sentence.isprintable()
    assert sentence.startswith("\\x1b]0;owned\\x07 xxx")
    assert sentence.endswith("\\ud800 \\x9b31m")
    assert len(sentence) < 2100


def test_the_page_shows_names_as_text_and_not_as_markup():
    row = {
        "task": "<script>1</script>", "kind": "full", "rank": None, "tensors": 1, "parameters": 1,
        "prefix": "<s>", "private": ["<img src=x onerror=alert(1)>"], "notes": ["'\"<i>"],
        "digest": "0" * 64,
    }  # fmt: skip
    shown = checkpoints([row], ["<u>"], "name: </a><script>")
    for markup in ("<script", "<img", "<s>", "<i>", "<u>"):
        assert markup not in shown
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<img" not in refusal_notice("<img src=x onerror=alert(1)>")
