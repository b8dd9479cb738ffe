"""The download: for the browser that exported it, behind the page's checks, and without a copy."""

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from studio.session.engine import Engine
from studio.ui.browsers import COOKIE
from studio.ui.download import add_download
from studio.ui.guard import OneOrigin
from studio.ui.hosts import Hosts
from studio.ui.views.files import download

ONE, OTHER = "1" * 32, "2" * 32


@pytest.fixture
def app(driver_engine: Engine) -> Any:
    """A page whose password is asked for once ``demanded`` is set."""
    made: Any = Starlette(middleware=[Middleware(OneOrigin, hosts=Hosts())])
    made.demanded = False

    async def check(request: Request) -> Response:
        known = request.cookies.get("login") == "right" or not made.demanded
        return Response(status_code=200 if known else 401)

    made.router.routes.append(Route("/gradio_api/login_check", check))
    add_download(made, driver_engine)
    return made


@pytest.fixture
def client(app: Any) -> TestClient:
    return TestClient(app, "http://127.0.0.1:7860", cookies={COOKIE: ONE})


@pytest.fixture
def out(driver_engine: Engine, tmp_path: Path) -> Path:
    """What the first browser has exported."""
    folder = tmp_path / 'merge "ä" 1'
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights" * 1000)
    driver_engine.session(ONE).exports.downloads.offer(folder)
    return folder


def address(engine: Engine, folder: Path) -> str:
    name = engine.session(ONE).exports.downloads.name_of(str(folder))
    assert f"href='download/{name}.zip'" in download(name)
    return f"/download/{name}.zip"


def test_an_export_is_sent_as_an_archive_and_no_copy_is_made(
    client, driver_engine, out, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no-temporary-folder"))
    answer = client.get(address(driver_engine, out))
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read('merge _ä_ 1/model.safetensors') == b"weights" * 1000  # fmt: skip
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''merge%20%22%C3%A4%22%201.zip"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [each.name for each in tmp_path.iterdir()] == [out.name]
    head = client.head(address(driver_engine, out))
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("cookie", [OTHER, "", "../../etc"])
def test_another_browser_is_given_nothing(app, driver_engine, out, cookie):
    other = TestClient(app, "http://127.0.0.1:7860", cookies={COOKIE: cookie})
    answer = other.get(address(driver_engine, out))
    assert (answer.status_code, answer.text) == (
        404, "This browser has exported nothing of that name.",
    )  # fmt: skip


def test_what_was_not_exported_is_not_served(client, out):
    for name in ("0" * 32, "x", "../" * 8 + "etc/passwd", str(out)):
        assert client.get(f"/download/{name}.zip").status_code == 404


def test_another_host_or_origin_is_refused(client, driver_engine, out):
    where = address(driver_engine, out)
    assert client.get(where, headers={"host": "evil.example"}).status_code == 400
    assert client.get(where, headers={"origin": "https://evil.example"}).status_code == 403
    assert client.get(where, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post(where).status_code == 404


def test_whoever_has_not_logged_in_is_given_nothing(app, client, driver_engine, out):
    app.demanded = True
    where = address(driver_engine, out)
    assert (client.get(where).status_code, client.get(where).text) == (401, "Log in first.")
    client.cookies.set("login", "other")
    assert client.get(where).status_code == 401
    client.cookies.set("login", "right")
    assert client.get(where).status_code == 200


def test_a_folder_that_changed_is_an_error(client, driver_engine, out):
    where = address(driver_engine, out)
    (out / "more").write_text("<script>")
    answer = client.get(where)
    assert answer.status_code == 409
    assert "is not as it was exported: more was added, changed or removed." in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_folder_that_changes_on_the_way_ends_without_an_end(
    client, driver_engine, out, monkeypatch
):
    where = address(driver_engine, out)
    monkeypatch.setattr("studio.ui.download.refuse_changed", lambda found: None)
    (out / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ConnectionAbortedError, match="not as it was exported"):
        client.get(where)


def test_nothing_exported_is_no_link():
    assert download(None) == ""
