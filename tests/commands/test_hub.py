"""What the command line asks the Hub: sizes first, and nothing without a yes."""

import io
import json
from dataclasses import replace

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.hub.push import push
from studio.progress import silent
from tests.commands.conftest import run
from tests.conftest import draw, save_model
from tests.hub.conftest import hub, model_files, red  # noqa: F401 (fixtures)
from tests.hub.stand_in import COMMIT, TOKEN, Repo


@pytest.fixture
def here(hub, tmp_path, monkeypatch):  # noqa: F811
    """The person's own endpoint and cache are the stand-in and an empty folder."""
    monkeypatch.setattr("studio.commands.hub.show_progress", lambda *_: None)
    monkeypatch.setattr("studio.hub.look.own_endpoint", lambda: hub.endpoint)
    monkeypatch.setattr("studio.hub.fetch.own_endpoint", lambda: hub.endpoint)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_look_says_all_that_is_known_and_fetches_nothing(here, red, tmp_path, capsys):  # noqa: F811
    code, out, _ = run(capsys, "hub", "look", "desk/red", "--json", tmp_path / "look.json")
    assert code == 0
    assert f"desk/red at {COMMIT} (main): model, licence apache-2.0" in out
    assert "4 files, 264 bytes; 264 of them are not here" in out
    assert "2 tensors, 16 parameters, F32" in out
    assert not here.exists()
    told = json.loads((tmp_path / "look.json").read_text())
    assert told["tensors"]["model.weight"] == {"dtype": "F32", "shape": [4, 3]}
    assert told["files"]["vocab.txt"]["size"] == len(red.files["vocab.txt"])


def test_what_would_merge_is_said_of_a_folder_and_of_another_id(here, hub, red, tmp_path, capsys):  # noqa: F811
    hub.models["desk/base"] = Repo(model_files(seed=1))
    other = save_model(tmp_path / "other", draw(0))
    _, out, _ = run(capsys, "hub", "look", "desk/red", "--base", "desk/base")
    assert "on desk/base: 2 tensors would change, 0 of the base stay" in out
    _, out, _ = run(capsys, "hub", "look", "desk/red", "--base", other)
    assert f"on {other}: does not merge." in out
    assert not here.exists()


def test_nothing_is_fetched_without_a_yes(here, red, capsys, monkeypatch):  # noqa: F811
    code, out, err = run(capsys, "hub", "fetch", "desk/red")
    assert code == 1
    assert "of them are not here" in out
    assert "Nobody is there to answer; pass --yes to fetch." in err

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    code, out, err = run(capsys, "hub", "fetch", "desk/red")
    assert (code, err) == (1, "studio: Nothing was fetched.\n")
    assert not here.exists()
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    code, out, _ = run(capsys, "hub", "fetch", "desk/red")
    assert code == 0
    assert f"desk/red@{COMMIT}: {here}" in out
    assert open_checkpoint("desk/red").names == ("model.bias", "model.weight")
    code, out, _ = run(capsys, "hub", "fetch", "desk/red")  # there already, so nobody is asked
    assert code == 0
    assert "0 of them are not here" in out


def test_one_that_cannot_be_merged_holds_up_all(here, hub, red, capsys):  # noqa: F811
    hub.models["desk/blue"] = Repo({"pytorch_model.bin": b"pickle"})
    code, out, err = run(capsys, "hub", "fetch", "desk/red", "desk/blue", "--yes")
    assert code == 1
    assert "not mergeable: desk/blue holds its weights only as pytorch_model.bin" in out
    assert "Ask its owner for safetensors" in err
    assert not here.exists()


def test_offline_a_sentence_says_what_to_do(here, hub, capsys, monkeypatch):  # noqa: F811
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for command in ("look", "fetch"):
        code, _, err = run(capsys, "hub", command, "desk/red")
        assert code == 1
        assert "The studio is offline: nothing is fetched from the Hub or pushed to it." in err
        assert "Unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE" in err
    assert hub.asked == []


def test_json_is_of_one_look(here, capsys):
    code, _, err = run(capsys, "hub", "look", "a/b", "a/c", "--json", "x")
    assert code == 1
    assert "--json is for one ID; there are 2." in err


@pytest.fixture
def pushing(hub, monkeypatch):  # noqa: F811
    """A login, and pushes that go to the stand-in from this process."""

    def here(self, folder, name, licence="", public=False, progress=silent):
        return push(folder, name, licence, public, progress, replace(hub.endpoint, token=TOKEN))

    monkeypatch.setattr("studio.hub.errand.Hub.push", here)
    monkeypatch.setenv("HF_TOKEN", TOKEN)


def test_a_merge_is_pushed_once_it_is_written(pushing, hub, recipe_file, tmp_path, capsys):  # noqa: F811
    asked = ("merge", recipe_file, "--out", tmp_path / "m", "--check", "none")
    more = ("--push-to", "desk/mix", "--public", "--licence", "mit")
    code, out, err = run(capsys, *asked, *more)
    assert (code, err) == (0, "")
    assert f"bytes to {hub.url}/desk/mix. Its licence: mit." in out
    assert not hub.models["desk/mix"].private
    assert TOKEN not in out
    code, out, err = run(capsys, "hub", "push", tmp_path / "m", "--to", "desk/again")
    assert code == 0
    assert "Its licence: none: its card says why, and the choice is yours." in out
    assert hub.models["desk/again"].private
    code, _, err = run(capsys, "hub", "push", tmp_path / "m", "--to", "desk/mix")
    assert code == 1
    assert "choose another name" in err


def test_a_push_that_cannot_be_is_no_merge(hub, recipe_file, tmp_path, capsys, monkeypatch):  # noqa: F811
    asked = ("merge", recipe_file, "--out", tmp_path / "m")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, _, err = run(capsys, *asked, "--push-to", "desk/mix")
    assert code == 1
    assert "The studio is offline" in err
    assert "Unset HF_HUB_OFFLINE" in err
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    code, _, err = run(capsys, *asked, "--push-to", "desk/mix")
    assert "You are not logged in to the Hub. Run `hf auth login`" in err
    code, _, err = run(capsys, *asked, "--public")
    assert "--public and --licence are of what --push-to pushes; add it." in err
    assert not (tmp_path / "m").exists()
    assert hub.asked == []
