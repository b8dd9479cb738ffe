"""What programs may ask for beside the page."""

import base64
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from studio.ui.guard import OneOrigin
from studio.ui.hosts import Hosts
from studio.ui.programs import MCP, Programs, is_agents


def basic(words: str) -> str:
    return "Basic " + base64.b64encode(words.encode()).decode()


def client(programs: Programs | None) -> TestClient:
    async def answer(request: Any) -> PlainTextResponse:
        return PlainTextResponse("answered")

    routes = [
        Route(path, answer, methods=["GET", "POST", "DELETE"])
        for path in (MCP, MCP + "/", MCP + "/sse", "/gradio_api/call/merge", "/config")
    ]
    app: Any = Starlette(
        routes=routes, middleware=[Middleware(OneOrigin, hosts=Hosts(), programs=programs)]
    )
    return TestClient(app, base_url="http://127.0.0.1")


def test_without_the_api_there_are_no_such_addresses():
    asks = client(None)
    for path in (MCP, MCP + "/", "/gradio_api/call/merge"):
        assert asks.post(path).status_code == 404
        assert asks.get(path).status_code == 404


def test_with_it_there_are_these_and_no_more():
    asks = client(Programs())
    for path in (MCP, MCP + "/", "/gradio_api/call/merge"):
        assert asks.post(path).text == "answered"
    for method, path in (("POST", MCP + "/sse"), ("GET", MCP + "/sse"), ("GET", MCP + "/schema"),
                         ("POST", MCP + "/messages/"), ("POST", "/gradio_api/call/predict"),
                         ("GET", "/gradio_api/call/merge"), ("POST", "/gradio_api/call/merge/x"),
                         ("GET", "/gradio_api/call/merge/../../x")):  # fmt: skip
        assert asks.request(method, path).status_code == 404, (method, path)
    for method in ("GET", "DELETE", "PUT"):  # what a client of MCP takes for "not offered"
        assert asks.request(method, MCP).status_code == 405
    assert Programs().answers("GET", "/gradio_api/call/merge/" + "0" * 32)


def test_another_site_cannot_ask():
    asks = client(Programs())
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert asks.post(MCP, headers=headers).status_code == 403
    assert asks.post(MCP, headers={"Host": "evil.example"}).status_code == 400
    assert asks.post(MCP, content=b"x" * (2**20 + 1)).status_code == 413


def test_where_a_password_is_demanded_an_agent_brings_it():
    asks = client(Programs(("me", "twelve-letters")))
    assert asks.post(MCP, headers={"Authorization": basic("me:twelve-letters")}).text == "answered"
    for path in (MCP, MCP + "/"):
        refused = asks.post(path)
        assert refused.status_code == 401
        assert "Authorization header" in refused.text
    assert asks.get("/config").text == "answered", "Gradio asks there itself"


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic ", "Basic !!!", basic("me:"), basic("me:twelve-letter"), basic("you:x"), "x",
     "Bearer " + base64.b64encode(b"me:twelve-letters").decode(), basic(""), "Basic Ã¤"],
)  # fmt: skip
def test_nothing_else_is_the_password(header):
    assert not Programs(("me", "twelve-letters")).is_right(header)
    assert not Programs().is_right(header)


def test_guesses_of_agents_take_longer_and_longer():
    asks = client(Programs(("me", "twelve-letters")))
    wrong = {"Authorization": basic("me:wrong-letters")}
    found = [asks.post(MCP, headers=wrong).status_code for _ in range(5)]
    assert found[:3] == [401, 401, 401]
    assert found[-1] == 429
    assert asks.post(MCP).status_code == 401, "who brings nothing guesses nothing"


def test_the_address_of_agents():
    assert is_agents(MCP)
    assert is_agents(MCP + "/")
    assert not is_agents(MCP + "/sse")
