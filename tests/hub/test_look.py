"""A look at the Hub, against a stand-in of it: what is told before a byte of weights comes."""

import json
import struct
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save

from studio.checkpoints.checkpoint import open_base, open_checkpoint
from studio.checkpoints.deltas import Deltas
from studio.errors import BadRemote, NotAllowed, ShapeMismatch
from studio.hub.endpoint import Endpoint
from studio.hub.look import RemoteLook, look, parse_hub_id, sketch
from tests.hub.conftest import model_files
from tests.hub.stand_in import COMMIT, TOKEN, Repo, served, sha256, sibling


def test_a_look_tells_files_sizes_tensors_and_licence_and_reads_headers_alone(hub, red):
    large = save({"model.weight": torch.zeros(1000, 1000), "model.bias": torch.zeros(1000)})
    red.files["model.safetensors"] = large
    found = look("desk/red", endpoint=hub.endpoint)
    assert (found.commit, found.revision, found.kind) == (COMMIT, "main", "model")
    names = {"README.md", "config.json", "vocab.txt", "model.safetensors"}
    assert {each.name for each in found.files} == names
    assert found.size == sum(len(red.files[name]) for name in names)
    assert found.pinned == f"desk/red@{COMMIT}"
    assert (found.licence, found.refusal) == ("apache-2.0", "")
    assert {name: entry.shape for name, entry in found.tensors.items()} == {
        "model.bias": (1000,), "model.weight": (1000, 1000),
    }  # fmt: skip
    assert found.parameters == 1_001_000
    assert hub.sent < 2**17 + 100 < len(large) / 30
    assert RemoteLook.of(json.loads(json.dumps(found.plain()))) == found


def test_a_long_header_is_asked_for_again_whole(hub, red):
    many = {f"layer.{n:05}.weight": torch.zeros(1) for n in range(3000)}
    red.files["model.safetensors"] = save(many)
    assert len(look("desk/red", endpoint=hub.endpoint).tensors) == 3000
    spans = [span for _, path, span in hub.asked if path.endswith("model.safetensors")]
    assert [span.startswith("bytes=0-") for span in spans] == [True, True]


def test_a_server_that_knows_no_ranges_is_read_no_further_than_needed(hub, red):
    red.files["model.safetensors"] = save({"x": torch.zeros(10**6)})

    def all_of_it(handler) -> bool:
        handler.whole(200, red.files["model.safetensors"])
        return True

    hub.tricks["/model.safetensors"] = all_of_it
    assert look("desk/red", endpoint=hub.endpoint).parameters == 10**6


def test_shards_are_those_of_the_index_and_nothing_beside_them(hub):
    files = {name: content for name, content in model_files().items() if name == "config.json"}
    files |= {
        f"model-0000{n}-of-00002.safetensors": save({f"part{n}": torch.zeros(2)}) for n in (1, 2)
    }
    files |= {
        "model.safetensors.index.json": b"{}",
        "other.safetensors": save({"x": torch.ones(1)}),
    }
    hub.models["desk/red"] = Repo(files)
    assert sorted(look("desk/red", endpoint=hub.endpoint).tensors) == ["part1", "part2"]


def test_an_adapter_says_what_it_was_made_from(hub):
    config = {"peft_type": "LORA", "base_model_name_or_path": "desk/base"}
    hub.models["desk/red"] = Repo(
        {"adapter_config.json": json.dumps(config).encode(),
         "adapter_model.safetensors": save({"a": torch.zeros(1)})},
        {"base_model": ["desk/base", "desk/older", "/home/somebody/x"]},
    )  # fmt: skip
    found = look("desk/red", endpoint=hub.endpoint)
    assert (found.kind, found.base_models) == ("adapter", ("desk/base", "desk/older"))


def test_a_data_set_is_asked_for_by_its_own_address(hub):
    rows = {"train.jsonl": b"{}", "README.md": b"#", "load.py": b"import os", "x.parquet": b"PAR1"}
    hub.datasets["desk/rows"] = Repo(rows)
    found = look("datasets/desk/rows", endpoint=hub.endpoint)
    assert found.kind == "dataset"
    assert {each.name for each in found.files} == {"train.jsonl", "README.md", "x.parquet"}
    with pytest.raises(BadRemote, match="no model desk/rows, but a data set: ask for datasets/"):
        look("desk/rows", endpoint=hub.endpoint)
    hub.datasets["desk/rows"].files = {"load.py": b"import os"}
    assert "no CSV, JSON or Parquet" in look("datasets/desk/rows", endpoint=hub.endpoint).refusal


def test_what_would_merge_is_known_from_headers(hub, red, tmp_path):
    hub.models["desk/base"] = Repo(model_files(seed=1))
    hub.models["desk/wide"] = Repo(model_files(rows=5))
    opened = {}
    for name in ("base", "red", "wide"):
        (tmp_path / name).mkdir()
        opened[name] = sketch(look(f"desk/{name}", endpoint=hub.endpoint), tmp_path / name)
    base = open_base(opened["base"])
    fitting = Deltas(base, [("red", open_checkpoint(opened["red"]))])
    assert fitting.names == ("model.bias", "model.weight")
    with pytest.raises(ShapeMismatch, match=r"model.weight \(5, 3\) instead of \(4, 3\)"):
        Deltas(base, [("wide", open_checkpoint(opened["wide"]))])


def test_a_repository_of_pickles_is_looked_at_and_refused_by_name(hub, red):
    del red.files["model.safetensors"], red.files["onnx/model.safetensors"]
    refusal = look("desk/red", endpoint=hub.endpoint).refusal
    assert refusal.startswith("desk/red holds its weights only as pytorch_model.bin: pickles")
    del red.files["pytorch_model.bin"]
    assert "no safetensors" in look("desk/red", endpoint=hub.endpoint).refusal


def test_what_does_not_exist_or_is_closed_is_said(hub, red):
    with pytest.raises(BadRemote, match="has no desk/blue, or it is private and you are not log"):
        look("desk/blue", endpoint=hub.endpoint)
    with pytest.raises(BadRemote, match="desk/red at 'v9': the Hub knows no such revision"):
        look("desk/red@v9", endpoint=hub.endpoint)
    red.gated = True
    with pytest.raises(BadRemote, match=r"is gated: .* Accept its terms .* `hf auth login`"):
        look("desk/red", endpoint=hub.endpoint)
    inside = replace(hub.endpoint, token=TOKEN)
    assert look("desk/red", endpoint=inside).kind == "model"
    assert TOKEN not in repr(inside)


def test_no_network_is_a_sentence(hub, red):
    gone = replace(hub.endpoint, url="http://127.0.0.1:9")
    with pytest.raises(BadRemote, match=r"could not be reached for desk/red \(ConnectError\)"):
        look("desk/red", endpoint=gone)


def test_offline_nothing_is_asked(hub, red, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(NotAllowed, match="The studio is offline: nothing is fetched"):
        look("desk/red", endpoint=hub.endpoint)
    assert hub.asked == []


@pytest.mark.parametrize("wrong", ["red", "a/b/c", "../x", "http://x/y", "desk/red@", "a/b@../c"])
def test_what_is_no_id_is_refused_before_anything_is_asked(wrong):
    with pytest.raises(BadRemote, match="is no id of the Hub: these are owner/name"):
        parse_hub_id(wrong)


def test_a_revision_stands_behind_the_id_or_beside_it():
    assert parse_hub_id("a/b@v1") == ("a/b", "v1")
    assert parse_hub_id("datasets/a/b", "v2") == ("datasets/a/b", "v2")
    assert parse_hub_id("a/b") == ("a/b", "main")


# A hostile or broken endpoint


def answers(hub, change) -> None:
    """Change what the endpoint says of its repositories."""

    def trick(handler) -> bool:
        repo = hub.models["desk/red"]
        told = {"id": "desk/red", "sha": COMMIT, "siblings": repo.siblings(), "cardData": {}}
        handler.json(change(told) or told)
        return True

    hub.tricks["/api/models/desk/red/revision"] = trick


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../../.bashrc", "would leave the folder"),
        ("/etc/passwd", "would leave the folder"),
        ("a/../../b.json", "would leave the folder"),
        ("a\\..\\b.json", "would leave the folder"),
        ("a\x1b[2J.json", "would leave the folder"),
        ("a//b.json", "would leave the folder"),
        (7, "would leave the folder"),
        ("CONFIG.json", "lists config.json twice, capitals apart"),
    ],
)
def test_a_name_that_leaves_the_folder_is_refused(hub, red, name, words):
    answers(hub, lambda told: told["siblings"].append(sibling("x.json", b"") | {"rfilename": name}))
    with pytest.raises(BadRemote, match=words):
        look("desk/red", endpoint=hub.endpoint)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "desk/blue"}, "calls 'desk/red' 'desk/blue'"),
        ({"sha": "../x"}, "names the commit '../x'; it must be a sha1"),
        ({"siblings": None}, "lists no files"),
        ({"siblings": [3]}, "a file must be a mapping"),
        ({"siblings": [sibling("a.json", b"") | {"size": -1}]}, "has the size '-1'"),
        ({"siblings": [sibling("a.json", b"") | {"size": 2**60}]}, "which is impossible"),
        ({"siblings": [sibling("a.json", b"") | {"blobId": "../../x"}]}, "which is none"),
    ],
)
def test_an_account_that_cannot_be_is_refused(hub, red, change, words):
    answers(hub, lambda told: told | change)
    with pytest.raises(BadRemote, match=words):
        look("desk/red", endpoint=hub.endpoint)


def test_an_answer_without_end_is_read_to_its_bound(hub, red, monkeypatch):
    monkeypatch.setattr("studio.hub.endpoint.LARGEST_ANSWER", 10)
    with pytest.raises(BadRemote, match="is longer than 10 bytes"):
        look("desk/red", endpoint=hub.endpoint)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (struct.pack("<Q", 2**62) + b"{}" * 20, "claims a header of 4,611,686,018,427,387,904"),
        (struct.pack("<Q", 20) + b"\xff" * 30, "the header is not UTF-8"),
        (struct.pack("<Q", 20) + b"{" * 30, "desk/red: model.safetensors: the header is not JSON"),
        (b"short", "has 5 bytes; it is no safetensors file"),
        (save({"x": torch.zeros(9)})[:-4], "the tensors need 36 bytes, the file holds 32"),
    ],
)
def test_a_header_that_lies_is_refused(hub, red, content, words):
    red.files["model.safetensors"] = content
    with pytest.raises(BadRemote, match=words):
        look("desk/red", endpoint=hub.endpoint)


def test_a_configuration_with_other_bytes_is_refused(hub, red):
    def changed(handler) -> bool:
        handler.part(red.files["config.json"].replace(b"3", b"4"))
        return True

    hub.tricks["/config.json"] = changed
    with pytest.raises(BadRemote, match=r"config.json of desk/red came with the hash .* Nothing"):
        look("desk/red", endpoint=hub.endpoint)


def test_another_size_than_listed_or_a_coding_is_refused(hub, red):
    for headers, words in (
        ({"Content-Range": "bytes 0-9/99999"}, "has .* bytes, and its answer 99,999"),
        ({"Content-Range": "bytes 5-9/60"}, "with another part than was asked for"),
        ({"Content-Encoding": "gzip", "Content-Range": None}, "in the coding 'gzip', unasked"),
    ):
        size = len(red.files["config.json"])
        sent = {k: v or f"bytes 0-{size - 1}/{size}" for k, v in headers.items()}

        def trick(handler, sent=sent) -> bool:
            handler.whole(206, red.files["config.json"], sent)
            return True

        hub.tricks["/config.json"] = trick
        with pytest.raises(BadRemote, match=words):
            look("desk/red", endpoint=hub.endpoint)


def redirected(to: str):
    def trick(handler) -> bool:
        handler.whole(302, b"", {"Location": to})
        return True

    return trick


def test_a_redirect_to_a_store_is_followed_without_the_token(hub, red):
    with served() as store:
        store.tricks["/blob"] = lambda handler: bool(handler.part(red.files["config.json"]) or 1)
        hub.tricks["/config.json"] = redirected(f"{store.url}/blob")
        found = look("desk/red", endpoint=replace(hub.endpoint, token=TOKEN))
    assert sha256(found.texts["config.json"].encode()) == sha256(red.files["config.json"])
    assert set(hub.tokens) == {f"Bearer {TOKEN}"}
    assert (len(store.asked), store.tokens) == (1, [])


def test_a_redirect_in_a_circle_or_to_nowhere_is_refused(hub, red):
    hub.tricks["/config.json"] = redirected("/desk/red/resolve/x/config.json")
    with pytest.raises(BadRemote, match="sends on from config.json of desk/red more than 5 times"):
        look("desk/red", endpoint=hub.endpoint)
    for nowhere in ("", "file:///etc/passwd", "ftp://x/y"):
        hub.tricks["/config.json"] = redirected(nowhere)
        with pytest.raises(BadRemote, match=r"to no address|is not followed"):
            look("desk/red", endpoint=hub.endpoint)


@pytest.mark.parametrize(
    ("target", "followed"),
    [
        ("https://cdn.example/x", True),
        ("http://cdn.example/x", False),
        ("https://169.254.169.254/latest", False),
        ("https://[::1]/x", False),
        ("https://localhost/x", False),
        ("/api/models/a/b", True),
    ],
)
def test_from_an_encrypted_hub_only_encrypted_addresses_outside_are_followed(target, followed):
    there = Endpoint("https://hub.example")
    if followed:
        assert there._next("https://hub.example/x", target, "x").startswith("https://")
    else:
        with pytest.raises(BadRemote, match="which is not followed"):
            there._next("https://hub.example/x", target, "x")
