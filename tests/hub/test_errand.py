"""Errands: done by another process, stopped with it, and silent where they are forbidden."""

import io
import json
import os

import pytest

from studio.errors import BadRemote, Cancelled, NotAllowed, OutputExists, Remedy
from studio.hub import errand
from studio.hub.endpoint import Endpoint, forbidden_by
from studio.hub.errand import Hub, has_login
from tests.hub.stand_in import COMMIT, TOKEN
from tests.hub.test_push import OLD


@pytest.fixture
def online(hub, tmp_path, monkeypatch):
    """Variables of a person whose Hub is the stand-in."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # as a page's process is
    return tmp_path / "home" / "hub"


@pytest.mark.slow
def test_a_page_that_is_offline_looks_and_fetches_through_another_process(hub, red, online):
    red.gated = True
    said: list[str] = []
    of = Hub().look("desk/red", progress=lambda share, words: said.append(words))
    assert "reading the header of model.safetensors" in said
    folder = Hub().fetch(of)
    assert folder == online / "models--desk--red" / "snapshots" / COMMIT
    assert (folder / "vocab.txt").read_bytes() == red.files["vocab.txt"]
    assert set(hub.tokens) == {f"Bearer {TOKEN}"}
    with pytest.raises(BadRemote, match="has no desk/blue"):
        Hub().look("desk/blue")
    assert os.environ["HF_HUB_OFFLINE"] == "1"


@pytest.mark.slow
def test_a_cancel_ends_the_other_process(hub, red, online):
    def never(handler) -> bool:
        handler.server.shutting = handler.rfile.read(1)  # until the other side leaves
        return True

    hub.tricks["/vocab.txt"] = never
    of = Hub().look("desk/red")

    def stop(share: float, words: str) -> None:
        if any(path.endswith("/vocab.txt") for path in hub.paths()):
            raise Cancelled("Cancelled; nothing was written.")

    with pytest.raises(Cancelled):
        Hub().fetch(of, progress=stop)
    assert not (online / "models--desk--red" / "snapshots").exists()


@pytest.mark.slow
def test_a_push_goes_out_under_the_persons_own_login_and_nothing_shows_it(hub, online):
    said: list[str] = []
    made = Hub().push(OLD / "merged", "desk/mix", progress=lambda _, words: said.append(words))
    assert made.url == f"{hub.url}/desk/mix"
    assert "model.safetensors" in hub.models["desk/mix"].files
    assert set(hub.tokens) == {f"Bearer {TOKEN}"}
    assert TOKEN not in "".join([*said, made.words, str(made)])
    with pytest.raises(OutputExists, match="choose another name"):
        Hub().push(OLD / "merged", "desk/mix")


def test_a_page_that_others_visit_lends_no_login(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert Hub().login
    assert not Hub(visited=True).login
    with pytest.raises(NotAllowed, match="under the login of whoever started the studio"):
        Hub(visited=True).refuse_push("desk/mix")


def test_a_push_is_refused_before_there_is_anything_to_push(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(NotAllowed, match="The studio is offline"):
        Hub(forbidden=True).refuse_push("desk/mix")
    with pytest.raises(BadRemote, match="is no name to push to"):
        Hub().refuse_push("mix")
    with pytest.raises(NotAllowed, match="You are not logged in"):
        Hub().refuse_push("desk/mix")


def test_where_it_is_forbidden_no_process_is_started(hub, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("started a process"))
    with pytest.raises(NotAllowed) as refused:
        Hub(forbidden=True).look("desk/red")
    assert refused.value.remedy is Remedy.GO_ONLINE
    assert hub.asked == []


@pytest.mark.parametrize(
    ("environment", "forbidden"),
    [({}, False), ({"HF_HUB_OFFLINE": "1"}, True), ({"TRANSFORMERS_OFFLINE": "yes"}, True),
     ({"HF_HUB_OFFLINE": "0"}, False), ({"HF_HUB_OFFLINE": ""}, False)],
)  # fmt: skip
def test_the_hubs_own_variables_forbid_it(environment, forbidden):
    assert forbidden_by(environment) is forbidden


def test_a_login_is_seen_and_not_read(tmp_path, monkeypatch):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "token"
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(file))
    assert not has_login()
    file.write_text("")
    assert not has_login()
    file.write_text(TOKEN)
    file.chmod(0)
    assert has_login()
    file.unlink()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert has_login()


def told_by_the_process(monkeypatch, work) -> list[dict]:
    """The lines of an errand that does some work."""
    monkeypatch.setattr(errand, "_do", work)
    monkeypatch.setattr(errand, "own_endpoint", lambda: Endpoint("http://127.0.0.1:9", TOKEN))
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    errand.main()
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_no_line_holds_the_login_whatever_goes_wrong(monkeypatch):
    def refuse(asked, progress):
        progress(0.5, f"sent {TOKEN}")
        raise NotAllowed(f"{TOKEN} may not", Remedy.GO_ONLINE)

    first, second = told_by_the_process(monkeypatch, refuse)
    assert first == {"share": 0.5, "words": "sent …"}
    assert second == {
        "refused": "… may not", "kind": "NotAllowed", "remedy": "GO_ONLINE", "about": "",
    }  # fmt: skip

    def fail(asked, progress):
        raise KeyError(TOKEN)

    (bug,) = told_by_the_process(monkeypatch, fail)
    assert "KeyError: '…'" in bug["bug"]


def answered(*lines: dict) -> dict:
    return errand._answer(
        io.StringIO("".join(json.dumps(line) + "\n" for line in lines)), lambda *_: None
    )


def test_a_process_that_says_nothing_or_fails_is_a_bug_and_a_refusal_is_none():
    assert answered({"share": 0.1, "words": "x"}, {"made": {"a": 1}}) == {"a": 1}
    with pytest.raises(RuntimeError, match="it ended without an answer"):
        answered()
    with pytest.raises(RuntimeError, match="KeyError"):
        answered({"bug": "KeyError: 'x'"})
    told = {"refused": "no.", "kind": "NotAllowed", "remedy": "", "about": ""}
    with pytest.raises(NotAllowed, match="^no.$"):
        answered(told)
