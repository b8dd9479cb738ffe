"""Frames of other sites: refused, unless the page is a Space that its site shows in a frame."""

from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from studio.ui.guard import OneOrigin
from studio.ui.hosts import Hosts, allowed_host

NAME = "me-studio.hf.space"
FRAMED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}


def client(hosts: Hosts) -> TestClient:
    async def answer(request: Any) -> PlainTextResponse:
        return PlainTextResponse("answered", headers={"x-asked-by": str(request.cookies)})

    app: Any = Starlette(
        routes=[Route("/", answer), Route("/gradio_api/queue/join", answer, methods=["POST"])],
        middleware=[Middleware(OneOrigin, hosts=hosts)],
    )
    return TestClient(app, base_url=f"https://{NAME}")


def test_no_other_site_shows_the_page():
    asks = client(Hosts(allowed=(allowed_host(NAME),)))
    assert asks.get("/", headers=FRAMED).status_code == 403
    headers = asks.get("/").headers
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["set-cookie"].endswith("HttpOnly; SameSite=Strict; Secure")


def test_a_space_is_shown_in_a_frame_of_its_site_alone():
    site = "https://huggingface.co"
    asks = client(Hosts("0.0.0.0", (allowed_host(NAME),), strangers=True, frames=site))
    answer = asks.get("/", headers=FRAMED)
    assert answer.text == "answered"
    assert "x-frame-options" not in answer.headers
    assert f"frame-ancestors {site};" in answer.headers["content-security-policy"]
    assert answer.headers["set-cookie"].endswith("HttpOnly; SameSite=None; Secure; Partitioned")
    fetched = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    assert asks.post("/gradio_api/queue/join", headers=fetched).status_code == 403
    assert asks.post("/gradio_api/queue/join", headers={"Origin": site}).status_code == 403


def test_a_person_s_first_request_bears_the_id_that_its_answer_gives():
    asks = client(Hosts(allowed=(allowed_host(NAME),)))
    given = asks.get("/", headers={"Sec-Fetch-Mode": "navigate"})
    name, _, own = given.headers["set-cookie"].partition(";")[0].partition("=")
    assert given.headers["x-asked-by"] == str({name: own})
    asks.cookies.clear()
    assert asks.get("/").headers["x-asked-by"] == "{}"  # of what only fetches the address
