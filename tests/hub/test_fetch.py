"""Fetching from the stand-in: found by everyone afterwards, resumed, and whole or not named."""

import resource
from pathlib import Path

import pytest
import torch
from huggingface_hub import scan_cache_dir, snapshot_download, try_to_load_from_cache
from safetensors.torch import save

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadRemote, Cancelled, StudioError
from studio.hub.cache import Cache
from studio.hub.fetch import fetch
from studio.hub.listing import RemoteFile
from studio.hub.look import RemoteLook, look
from tests.hub.stand_in import COMMIT, Repo, StandIn, sha256

LATER = "d4" * 20


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def fetched(hub: StandIn, source: str = "desk/red", **more) -> Path:
    return fetch(look(source, endpoint=hub.endpoint), endpoint=hub.endpoint, pause=0.0, **more)


def test_what_was_fetched_is_found_by_huggingface_hub_and_by_the_studio(hub, red, cache):
    folder = fetched(hub)
    assert folder == cache / "models--desk--red" / "snapshots" / COMMIT
    names = {"README.md", "config.json", "vocab.txt", "model.safetensors"}
    assert {each.name for each in folder.iterdir()} == names
    assert all((folder / name).read_bytes() == red.files[name] for name in names)
    assert snapshot_download("desk/red", local_files_only=True) == str(folder)
    assert try_to_load_from_cache("desk/red", "vocab.txt") == str(folder / "vocab.txt")
    assert open_checkpoint("desk/red").names == ("model.bias", "model.weight")
    assert open_checkpoint(f"desk/red@{COMMIT}").folder == folder
    found = scan_cache_dir(cache)
    assert found.warnings == []
    assert [(repo.repo_id, repo.nb_files) for repo in found.repos] == [("desk/red", 4)]
    assert not any(part in path for path in hub.paths() for part in (".bin", ".py", "onnx"))


def test_a_commit_that_was_asked_for_moves_no_branch(hub, red, cache):
    first = fetched(hub)
    red.commit, red.files["vocab.txt"] = LATER, b"[PAD]\nblue\n"
    second = fetched(hub, f"desk/red@{LATER}")
    assert snapshot_download("desk/red", local_files_only=True) == str(first)
    assert open_checkpoint(f"desk/red@{LATER}").folder == second
    assert (first / "vocab.txt").read_bytes() == b"[PAD]\nred\n"
    same = [(each / "model.safetensors").resolve() for each in (first, second)]
    assert same[0] == same[1]  # fetched once, kept once
    assert sum(path.endswith("model.safetensors") for path in hub.paths()) == 3  # two headers


def test_a_data_set_lies_among_the_data_sets(hub, cache):
    hub.datasets["desk/rows"] = Repo({"train.jsonl": b'{"text": "x"}\n', "x.py": b"import os"})
    folder = fetched(hub, "datasets/desk/rows")
    assert folder.parent.parent.name == "datasets--desk--rows"
    assert [each.name for each in folder.iterdir()] == ["train.jsonl"]


def test_progress_counts_bytes_and_a_second_fetch_gets_nothing(hub, red, cache):
    said: list[float] = []
    fetched(hub, progress=lambda share, words: said.append(share))
    assert said == sorted(said)
    assert said[-1] == 1.0
    before = hub.sent
    of = look("desk/red", endpoint=hub.endpoint)
    headers = hub.sent - before
    assert Cache(of).missing == 0
    fetch(of, endpoint=hub.endpoint)
    assert hub.sent == before + headers


LARGE = save({"x": torch.arange(2**20, dtype=torch.float32)})  # 4 MiB


def large(hub: StandIn) -> RemoteLook:
    hub.models["desk/red"] = Repo({"model.safetensors": LARGE, "config.json": b"{}"})
    return look("desk/red", endpoint=hub.endpoint)


def test_a_fetch_that_was_stopped_names_nothing_and_goes_on_where_it_was(hub, cache):
    of = large(hub)

    def stop(share: float, words: str) -> None:
        if share > 0.4:
            raise Cancelled("Cancelled; nothing was written.")

    with pytest.raises(Cancelled):
        fetch(of, endpoint=hub.endpoint, progress=stop)
    place = Cache(of)
    assert not place.snapshot.exists()
    assert not (place.repo / "refs").exists()
    with pytest.raises(StudioError, match="nor in the local hub cache"):
        open_checkpoint("desk/red")
    (part,) = place.repo.glob("blobs/*.incomplete")
    kept, before = part.stat().st_size, hub.sent
    assert len(LARGE) * 0.2 < kept < len(LARGE)
    folder = fetch(of, endpoint=hub.endpoint)
    assert [span for _, path, span in hub.asked if "model" in path][-1] == f"bytes={kept}-"
    assert hub.sent - before == len(LARGE) - kept + len(b"{}")
    assert sha256((folder / "model.safetensors").read_bytes()) == sha256(LARGE)
    assert not [*place.repo.glob("blobs/*.incomplete")]


def breaking(hub: StandIn, times: int, most: int) -> None:
    """The line breaks so many times, each after so many bytes."""
    left = [times]

    def trick(handler) -> bool:
        if left[0] == 0:
            return False
        left[0] -= 1
        handler.part(LARGE, most)
        return True

    hub.tricks["/model.safetensors"] = trick


def test_a_line_that_breaks_while_something_comes_is_taken_up_again(hub, cache):
    of = large(hub)
    breaking(hub, 12, 10**5)  # more often than it is tried without a byte
    folder = fetch(of, endpoint=hub.endpoint, pause=0.0)
    assert (folder / "model.safetensors").read_bytes() == LARGE


def test_a_line_on_which_nothing_comes_any_more_is_given_up_in_words(hub, cache):
    of = large(hub)
    breaking(hub, 99, 0)
    with pytest.raises(BadRemote, match=r"model.safetensors of desk/red"):
        fetch(of, endpoint=hub.endpoint, pause=0.0)
    assert sum(path.endswith("model.safetensors") for path in hub.paths()) == 1 + 4
    assert not Cache(of).snapshot.exists()


def test_other_bytes_than_listed_are_thrown_away(hub, cache):
    of = large(hub)
    hub.models["desk/red"].files["model.safetensors"] = LARGE[:-1] + b"\x01"
    with pytest.raises(BadRemote, match=r"model.safetensors of desk/red came with the hash"):
        fetch(of, endpoint=hub.endpoint)
    place = Cache(of)
    assert not place.snapshot.exists()
    assert [each.name for each in (place.repo / "blobs").iterdir() if "safetens" in each.name] == []
    assert not [*place.repo.glob("blobs/*.incomplete")]


def test_more_bytes_than_listed_are_not_read_on(hub, cache):
    of = large(hub)

    def trick(handler) -> bool:
        handler.whole(200, LARGE * 2, {"Content-Length": "", "Connection": "close"})
        handler.close_connection = True
        return True

    hub.tricks["/model.safetensors"] = trick
    with pytest.raises(BadRemote, match="More than the 4,194,3.. bytes listed came"):
        fetch(of, endpoint=hub.endpoint, pause=0.0)
    assert not Cache(of).snapshot.exists()


def test_a_server_that_sends_all_again_is_not_added_to_what_is_there(hub, cache):
    of = large(hub)
    part = Cache(of).part(next(each for each in of.files if each.is_weights))
    part.parent.mkdir(parents=True)
    part.write_bytes(LARGE[:1000])
    hub.tricks["/model.safetensors"] = lambda handler: bool(handler.whole(200, LARGE) or 1)
    assert (fetch(of, endpoint=hub.endpoint) / "model.safetensors").read_bytes() == LARGE


def test_a_full_disk_in_the_middle_leaves_what_was_there(hub, red, cache):
    first = fetched(hub)
    red.commit, red.files["model.safetensors"] = LATER, LARGE
    of = look("desk/red", endpoint=hub.endpoint)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))
    try:
        with pytest.raises(
            StudioError, match=r"could not be written .*File too large\. Files that"
        ):
            fetch(of, endpoint=hub.endpoint)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [*Cache(of).repo.glob("blobs/*.incomplete")]  # its room is given back
    assert snapshot_download("desk/red", local_files_only=True) == str(first)
    assert open_checkpoint("desk/red").names == ("model.bias", "model.weight")
    assert fetch(of, endpoint=hub.endpoint).name == LATER


def test_a_disk_without_room_is_refused_before_a_byte(hub, cache):
    of = RemoteLook(
        "desk/red", "main", COMMIT, "model", (RemoteFile("model.safetensors", 2**49, "ab" * 32),)
    )
    with pytest.raises(StudioError, match=r"desk/red needs .* bytes with a margin .* free there"):
        fetch(of, endpoint=hub.endpoint)
    assert hub.asked == []


def test_what_a_look_refuses_is_not_fetched(hub, red, cache):
    of = RemoteLook("desk/red", "main", COMMIT, "model", (), refusal="It holds only pickles.")
    with pytest.raises(BadRemote, match="It holds only pickles"):
        fetch(of, endpoint=hub.endpoint)
    assert not cache.exists()


def test_a_disk_without_links_gets_copies(hub, red, cache, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    folder = fetched(hub)
    assert not any(each.is_symlink() for each in folder.iterdir())
    assert open_checkpoint("desk/red").names == ("model.bias", "model.weight")
