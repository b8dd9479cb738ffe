"""Password guesses that take longer and longer, and uploads that do not fill the disk."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from studio.ui import guard, limits
from studio.ui.guard import OneOrigin
from studio.ui.hosts import Hosts
from studio.ui.limits import FREE, LONGEST, Guesses, uploads_full


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_delay_doubles_from_the_third_guess_on_and_has_an_end():
    clock = Clock()
    guesses, waited = Guesses(clock), []
    for _ in range(12):
        assert guesses.wait("10.0.0.1") == 0.0
        waited.append(guesses.wait("10.0.0.1") if len(waited) >= FREE - 1 else 0.0)
        clock.now += waited[-1]
    assert waited == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, *[LONGEST] * 5]


def test_a_minute_has_a_handful_of_guesses_however_many_are_sent():
    clock = Clock()
    guesses, tried = Guesses(clock), 0
    for _ in range(60 * 468):
        tried += guesses.wait("10.0.0.1") == 0.0
        clock.now += 1 / 468
    assert tried == 8


def test_a_right_password_and_another_address_have_no_delay():
    guesses = Guesses(Clock())
    for _ in range(FREE):
        guesses.wait("10.0.0.1")
    assert guesses.wait("10.0.0.1") > 0
    assert guesses.wait("::ffff:10.0.0.1") > 0
    assert guesses.wait("10.0.0.2") == 0.0
    guesses.right("10.0.0.1")
    assert guesses.wait("10.0.0.1") == 0.0


def test_a_network_of_ipv6_is_one_visitor_and_few_are_remembered(monkeypatch):
    monkeypatch.setattr(limits, "_MOST_ADDRESSES", 2)
    guesses = Guesses(Clock())
    for number in range(FREE):
        guesses.wait(f"fd00::{number}")
    assert guesses.wait("fd00::ffff") > 0
    guesses.wait("a")
    guesses.wait("b")
    assert guesses.wait("fd00::1") == 0.0


def test_uploads_have_a_sum_and_a_count(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert not uploads_full(1000)
    assert uploads_full(limits.MOST_BYTES + 1)
    (tmp_path / "a").write_bytes(b"x" * 1000)
    monkeypatch.setattr(limits, "MOST_BYTES", 1500)
    assert (uploads_full(500), uploads_full(501)) == (False, True)
    monkeypatch.setattr(limits, "MOST_FILES", 1)
    assert uploads_full(0)


@pytest.fixture
def client() -> TestClient:
    async def login(request: Request) -> Response:
        return JSONResponse({}, 200 if await request.body() == b"right" else 400)

    async def upload(request: Request) -> Response:
        return JSONResponse(len(await request.body()))

    routes = [
        Route("/login", login, methods=["POST"]),
        Route("/gradio_api/upload", upload, methods=["POST"]),
    ]
    app: Any = Starlette(routes=routes, middleware=[Middleware(OneOrigin, hosts=Hosts())])
    return TestClient(app, "http://127.0.0.1:7860")


def test_a_guesser_is_told_to_wait_and_whoever_knows_is_not(client):
    answers = [client.post("/login", content="wrong") for _ in range(FREE + 1)]
    assert [each.status_code for each in answers] == [400] * FREE + [429]
    assert answers[-1].text == "Too many wrong passwords; try again in 1 s."
    assert answers[-1].headers["retry-after"] == "1"
    assert client.post("/login/", content="right").status_code == 429


def test_a_right_password_clears_the_guesses(client):
    for _ in range(5):
        assert client.post("/login", content="wrong").status_code == 400
        assert client.post("/login", content="right").status_code == 200


def test_uploads_that_fill_the_folder_are_refused_in_a_sentence(client, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert client.post("/gradio_api/upload", content=b"x").status_code == 200
    (tmp_path / "left").write_bytes(b"x" * 100)
    monkeypatch.setattr(guard, "LARGEST_DROP", 99)  # of two that may lie there, one may come
    answer = client.post("/gradio_api/upload", content=b"x")
    assert answer.status_code == 413
    assert answer.text.startswith("Refused: the uploads of all visitors that nobody has loaded")
