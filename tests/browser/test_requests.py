"""Whatever a program posts to a running studio: refused in a sentence, the session unharmed."""

import http.client
import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from studio.disk import cache
from studio.evidence.ledger.keys import has_key, make_key
from studio.ui import guard
from studio.ui.browsers import COOKIE
from studio.ui.guard import LARGEST_BODY

pytestmark = pytest.mark.browser
ME, OTHER = "a" * 32, "b" * 32
BOUNDARY = "a-line-between-parts"


class Client:
    """A program that knows the page's own API, as one browser."""

    def __init__(self, url: str, browser: str = ME) -> None:
        self.url, self.browser = url, browser
        self.config = json.loads(self.ask("/config")[1])

    def ask(self, path: str, method: str = "GET", body=None, **headers: str) -> tuple[int, str]:
        sent = {"Cookie": f"{COOKIE}={self.browser}"} if self.browser else {}
        chunked = body is not None and not isinstance(body, bytes)
        address = urlsplit(self.url).netloc
        with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
            connection.request(method, path, body, sent | headers, encode_chunked=chunked)
            answer = connection.getresponse()
            try:
                return answer.status, answer.read().decode(errors="replace")
            except ConnectionResetError:  # it closed with a part of the request unread
                assert answer.status >= 400
                return answer.status, ""

    def call(
        self, element: str, event: str, *data: object, raw: str | None = None
    ) -> tuple[int, Any]:
        """What one callback of the page answers: status, and its outputs or the text."""
        component = next(
            each["id"]
            for each in self.config["components"]
            if each["props"].get("elem_id") == element
        )
        callback = next(
            each for each in self.config["dependencies"] if [component, event] in each["targets"]
        )
        body = {"data": data, "fn_index": callback["id"], "session_hash": self.browser[:10]}
        text = raw.replace("FN", str(callback["id"])) if raw else json.dumps(body)
        status, answer = self.ask("/gradio_api/run/predict", "POST", text.encode(), **JSON)
        return status, json.loads(answer)["data"] if status == 200 else answer

    def upload(self, content: bytes, name: str = "recipe.yaml") -> tuple[int, str]:
        return self.ask("/gradio_api/upload", "POST", form(content, name), **FORM)


JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(content: bytes, name: str = "recipe.yaml") -> bytes:
    head = f'Content-Disposition: form-data; name="files"; filename="{name}"'
    start = f"--{BOUNDARY}\r\n{head}\r\nContent-Type: text/plain\r\n\r\n"
    return start.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.fixture
def client(url):
    return Client(url)


@pytest.fixture
def session(engine):
    """The session of the client, at its start."""
    found = engine.session(ME)
    found.edit("reset")
    return found


def sizes(folder: str) -> int:
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def unharmed(client: Client, session, before: dict) -> None:
    """The session is as it was, and the next move works."""
    assert session.mixer_value() == before
    moved = json.loads(json.dumps(before))
    moved["rows"][0]["coefficient"] = 0.25
    status, outputs = client.call("mixer", "input", moved)
    assert status == 200
    assert outputs[0]["rows"][0]["coefficient"] == 0.25
    assert session.mix.strips[0].coefficient == 0.25


# T-30: files


def hidden_files(engine) -> list[str]:
    cache.keep("a" * 64, b"numbers")
    kept = str(cache.cache_folder() / ("a" * 64))
    folder = engine.ledger.folder
    if not has_key(folder):  # T-24; the studio goes on signing with its demo key
        make_key(folder, "a passphrase of a test")
    engine.ledger.append("looked for by a visitor", {})
    ledger = [str(folder / name) for name in ("signing_key.pem", "audit.jsonl", "actor")]
    return ["/etc/passwd", kept, *ledger, str(Path("pyproject.toml").absolute()),
            str(engine.zoo.folder / "zoo.yaml"), "pyproject.toml"]  # fmt: skip


def test_no_file_of_the_computer_is_served(client, engine):
    for file in hidden_files(engine):
        for spelling in (file, quote(file, safe=""), "/" + file, "../" * 12 + file.lstrip("/"),
                         ("..%2f" * 12) + file.lstrip("/"), "%2e%2e/" * 12 + file.lstrip("/"),
                         "..%5c" * 4 + file, file + "%00.png", "file://" + file):  # fmt: skip
            for route in ("/gradio_api/file=", "/file=", "/gradio_api/file/", "/file/", "/static/",
                          "/assets/", "/svelte/", "/gradio_api/proxy="):  # fmt: skip
                status, text = client.ask(route + spelling)
                assert status in (400, 403, 404), (route, spelling, text[:80])
                assert "root:" not in text
                assert "numbers" not in text
                assert "PRIVATE KEY" not in text


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:22", "http:%2F%2F127.0.0.1:22", "HTTP://169.254.169.254/latest",
     "https://example.org/x", "ftp://127.0.0.1/", "gopher://127.0.0.1:70/"],
)  # fmt: skip
def test_nothing_is_fetched_for_a_visitor(client, address):
    for method in ("GET", "HEAD"):
        assert client.ask("/gradio_api/file=" + address, method)[0] == 403
    assert client.ask("/gradio_api/proxy=" + address)[0] == 404


def test_only_what_the_page_needs_has_an_address(client):
    for path in ("/gradio_api/deep_link?session_hash=x", "/monitoring", "/monitoring/summary",
                 "/docs", "/redoc", "/openapi.json", "/gradio_api/openapi.json", "/gradio_api/runs",
                 "/gradio_api/mcp/sse", "/gradio_api/vibe-code/", "/gradio_api/dev/reload",
                 "/gradio_api/profiling/traces", "/%2fgradio_api/runs"):  # fmt: skip
        assert client.ask(path)[0] == 404, path
    for path in ("process_recording", "vibe-edit/", "call/predict", "api/predict", "run/other",
                 "component_server", "component_server/"):  # fmt: skip
        assert client.ask(f"/gradio_api/{path}", "POST", b"{}", **JSON)[0] == 404, path
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.ask("/", method)[0] == 404
    assert json.loads(client.ask("/gradio_api/info")[1]) == {
        "named_endpoints": {},
        "unnamed_endpoints": {},
    }


# T-31: values


def broken(value: Any) -> dict[str, object]:
    first, *others = value["rows"]

    def rows(**changes) -> dict:
        return value | {"rows": [first | changes, *others]}

    return {
        "nothing": None, "a number": 3, "a list": [], "text": "mix", "empty": {},
        "no rows": value | {"rows": []}, "text for rows": value | {"rows": "color"},
        "numbers for rows": value | {"rows": [1, 2]}, "a row twice": value | {"rows": [first] * 2},
        "another task": rows(name="none"), "a list for a name": rows(name=[]),
        "quoted": rows(coefficient="0.5"), "true": rows(coefficient=True),
        "no coefficient": rows(coefficient=None), "too long a number": rows(coefficient=10**400),
        "an object": rows(coefficient={"default": 1}),
        "method": value | {"method": "rm -rf"}, "method type": value | {"method": {}},
        "option": value | {"options": {"nothing": 1}},
        "choice": value | {"options": value["options"] | {"basis": "other"}},
        "option type": value | {"options": value["options"] | {"basis": [1]}},
        "options type": value | {"options": 5},
        "action": {"action": "drop"}, "action with task": {"action": "equal:color"},
        "action of no task": {"action": "earlier:none"}, "action type": {"action": ["flip"]},
    }  # fmt: skip


def test_a_mix_that_the_page_cannot_have_made_is_refused_in_a_sentence(client, session):
    before = session.mixer_value()
    for what, value in broken(before).items():
        status, outputs = client.call("mixer", "input", value)
        assert status == 200, (what, outputs)
        assert "class='refusal'" in outputs[-2], what
        assert "Internal error" not in outputs[-2]
        assert session.mixer_value() == before, what
    unharmed(client, session, before)


def test_numbers_beyond_every_range_are_refused(client, session):
    before = session.mixer_value()
    for number in ("NaN", "Infinity", "-Infinity", "1e999", "1e300", "-1e12"):
        mix = json.dumps(before).replace('"coefficient": 0.71', f'"coefficient": {number}', 1)
        raw = f'{{"data": [{mix}], "fn_index": FN, "session_hash": "x"}}'
        status, outputs = client.call("mixer", "input", raw=raw)
        assert status in (200, 400, 422), number
        assert status != 200 or "class='refusal'" in outputs[-2], number
        assert session.mixer_value() == before, number
    unharmed(client, session, before)


OUTSIDE = ["/etc", "~", "~root", "~nobody-of-this-name", "../../..", "/", "a" * 5000, "\0", "",
           "/proc/self/environ", "\udcff", "x/" * 3000,
 None, 5, ["/etc"], {"path": "/etc"}]  # fmt: skip


def test_paths_outside_the_roots_are_refused_for_export_and_zoo(client, session, engine):
    before, zoo = session.mixer_value(), engine.zoo
    for path in OUTSIDE:
        for element, data in (("export", (path, "Complete model", None, False)),
                              ("open-zoo", (path,))):  # fmt: skip
            status, outputs = client.call(element, "click", *data)
            said = json.dumps(outputs)
            assert status in (200, 500), (path, said)
            assert status != 200 or "refusal" in said, (path, said)
            assert "Traceback" not in said
            assert str(Path.home()) not in said.replace(str(path), "")
        assert engine.zoo is zoo
        assert engine.jobs.state is None or not engine.jobs.state.running
    unharmed(client, session, before)


def test_values_that_no_control_offers_are_refused(client, session, tmp_path_factory):
    before, target = session.mixer_value(), str(tmp_path_factory.getbasetemp() / "never")
    for form_, rank, classifiers in (("Pickle", None, False), ("One LoRA adapter", -1, False),
                                     (["Complete model"], None, False), (None, "x", "yes"),
                                     ("One LoRA adapter", 1e308, {}), (5, [], [])):  # fmt: skip
        status, _ = client.call("export", "click", target, form_, rank, classifiers)
        assert status in (200, 422, 500)
    for scope in ("galaxy", 3, None, ["layer"]):
        assert client.call("measure", "input", scope)[0] in (200, 422, 500)
    session.engine.jobs.cancel()
    assert not Path(target).exists()
    unharmed(client, session, before)


def test_what_is_no_call_at_all_is_refused(client, session):
    before = session.mixer_value()
    for text in ("", "{", "[]", "5", '"x"', "null", '{"data": 5, "fn_index": FN}',
                 '{"data": [], "fn_index": 99999}', '{"data": [], "fn_index": "x"}',
                 '{"data": [[1,2,3,4,5,6,7,8]], "fn_index": FN}', "[" * 100_000,
                 '{"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}], '
                 '"fn_index": FN}'):  # fmt: skip
        status, answer = client.call("mixer", "input", raw=text or " ")
        assert status in (200, 400, 422, 500), text[:40]
        assert "Traceback" not in json.dumps(answer)
        assert "site-packages" not in json.dumps(answer)
    unharmed(client, session, before)


def test_a_file_that_was_not_uploaded_is_not_read_as_a_recipe(client, session, engine):
    before = session.mixer_value()
    for file in hidden_files(engine):
        value = {"path": file, "meta": {"_type": "gradio.FileData"}}
        status, answer = client.call("recipe-file", "upload", value)
        assert "root:" not in json.dumps(answer)
        assert status != 200
        assert Path(file).exists()
    unharmed(client, session, before)


# T-33: sizes


def chunks(count: int):
    yield form(b"")[:-60]
    for _ in range(count):
        yield b"x" * 65536


def test_too_long_an_upload_or_call_is_refused_and_the_disk_stays_as_it_was(
    client, session, monkeypatch
):
    folder, before = os.environ["GRADIO_TEMP_DIR"], session.mixer_value()
    was = sizes(folder)
    monkeypatch.setattr(guard, "LARGEST_DROP", LARGEST_BODY)  # else a model may come
    assert client.upload(b"x" * 2**21)[0] == 413
    try:
        status = client.ask("/gradio_api/upload", "POST", chunks(64), **FORM)[0]
    except OSError:  # it stopped reading what was sent
        status = 413
    assert status in (400, 413, 500)
    huge = json.dumps({"data": ["x" * LARGEST_BODY], "fn_index": 0}).encode()
    assert client.ask("/gradio_api/run/predict", "POST", huge, **JSON)[0] == 413
    negative = {"Content-Length": "-5"}
    assert client.ask("/gradio_api/run/predict", "POST", b"{}", **JSON, **negative)[0] in (400, 413)
    assert sizes(folder) == was
    unharmed(client, session, before)


def test_a_passphrase_and_what_the_evidence_tab_posts_are_checked(client, engine):
    """T-24 and T-31: sentences, no traceback, and no path outside the roots."""
    make_key(engine.ledger.folder, "a passphrase of a test") if not has_key(
        engine.ledger.folder
    ) else None
    status, outputs = client.call("unlock", "click", "not the passphrase", "")
    assert status == 200
    assert outputs[0] == ""
    assert "the passphrase is wrong" in outputs[5]
    assert engine.key.demo
    for folder in ("/etc", "", "../../../../etc", None):
        status, outputs = client.call("verify", "click", folder)
        assert status == 200
        assert "outside the folders" in outputs[0] or "Give a path" in outputs[0]
        status, outputs = client.call("tamper", "click", folder)
        assert status == 200
        assert "outside the folders" in outputs[0] or "Give a path" in outputs[0]
    status, outputs = client.call("recall", "click", "no such copy")
    assert "knows no copy" in outputs[0]
    status, outputs = client.call("allow", "click", "cow")
    assert "certified as removed" in outputs[0]
    asked = ["Remove exactly (rebuild)", "/etc/out", None, None, "erasure request", "en"]
    asked += [None] * 10
    status, outputs = client.call("certify", "click", *asked)
    assert "outside the folders" in outputs[0]
    asked[1], asked[4] = "out", "whim"
    status, outputs = client.call("certify", "click", *asked)
    assert status != 200 or "reason must be one of" in outputs[0]


# T-34: another browser


def test_an_uploaded_recipe_is_gone_once_it_is_read(client, session):
    recipe = session.recipe_text().encode()
    status, answer = client.upload(recipe)
    path = json.loads(answer)[0]
    assert status == 200
    assert (
        Path(path).stat().st_mode & 0o077 == 0 or Path(path).parents[1].stat().st_mode & 0o77 == 0
    )
    value = {"path": path, "meta": {"_type": "gradio.FileData"}}
    status, _ = client.call("recipe-file", "upload", value)
    assert status == 200
    assert not Path(path).exists()
    assert Client(client.url, OTHER).ask("/gradio_api/file=" + path)[0] == 403


@pytest.mark.parametrize("forged", ["../../etc/passwd", "", "A" * 32, "a" * 31, "a" * 33, "%00",
                                    "a" * 4000, "'; --", "a" * 32 + " "])  # fmt: skip
def test_a_forged_cookie_is_no_key_to_anything(url, session, engine, forged):
    session.move(session.mixer_value() | {"method": "average", "options": {}})
    before = session.mixer_value()
    stranger = Client(url, forged.strip() if forged != "a" * 32 + " " else "c" * 32)
    status, outputs = stranger.call("mix-halve", "click")
    assert status == 200
    assert outputs[0]["method"] == "mdm_oc"
    assert session.mixer_value() == before
    if stranger.browser != "c" * 32:
        assert cache.recall(engine.session(f"tab {stranger.browser[:10]}").mixer.key) is None


def test_looking_with_many_made_up_cookies_writes_nothing(engine):
    for number in range(20):
        session = engine.session(f"{2**64 + number:032x}")
        session.attend()
        assert cache.recall(session.mixer.key) is None
