"""Other programs at a running studio: Gradio's own client, an agent, and plain requests."""

import asyncio
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError, AuthenticationError

from studio.progress import Progress
from studio.session.questions import Questions, Wanted
from studio.ui.api import Api
from studio.ui.hosts import Hosts
from studio.ui.launch import has_mcp, start
from tests.browser.test_launch import ask
from tests.browser.test_proxy import free_port
from tests.ui.test_programs import basic

pytestmark = pytest.mark.browser
ENDPOINTS = {
    "inspect", "geometry", "evaluate", "compare", "unmerge_check", "merge", "verify", "stop",
}  # fmt: skip
ME = ("me", "twelve-letters")
agents = pytest.mark.skipif(not has_mcp(), reason="the extra 'api' is not installed")


@pytest.fixture(scope="module")
def api(engine) -> str:
    return start(engine, Hosts(), free_port(), None, browser=False, api=True)


@pytest.fixture(scope="module")
def locked(engine) -> str:
    return start(engine, Hosts(), free_port(), ME, browser=False, api=True)


@pytest.fixture
def client(api, jobs) -> Client:
    return connected(api)


def connected(address: str, auth: tuple[str, str] | None = None) -> Client:
    return Client(address, auth=auth, verbose=False, analytics_enabled=False)


def test_it_is_off_unless_it_was_asked_for(url):
    named: Any = connected(url).view_api(return_format="dict", print_info=False)
    assert named["named_endpoints"] == {}
    assert ask(url, "/gradio_api/mcp", "POST").status == 404
    assert ask(url, "/gradio_api/call/inspect", "POST").status == 404


def test_the_endpoints_are_few_and_every_argument_is_told_of(client):
    named: Any = client.view_api(return_format="dict", print_info=False)
    assert {name.strip("/") for name in named["named_endpoints"]} == ENDPOINTS
    for name in ENDPOINTS:
        words = getattr(Api, name).__doc__
        for each in named["named_endpoints"][f"/{name}"]["parameters"]:
            assert f"            {each['parameter_name']}: " in words


def test_gradios_client_is_answered_as_the_library_answers(client, engine, session):
    mix = session.mixer_value()
    found = client.predict("average", None, None, "validation", api_name="/evaluate")
    assert found == Questions(engine).evaluate(Wanted("average"), "validation")
    assert session.mixer_value() == mix
    assert client.predict(api_name="/inspect")["zoo"] == engine.zoo.name


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("/evaluate", {"method": "magic"}, "There is no merge method 'magic'"),
        ("/merge", {"out": "/etc/x"}, "outside the folders this studio may use"),
        ("/verify", {"folder": "\0"}, "Give a path"),
        ("/evaluate", {"coefficients": "much"}, "'coefficients' must be an object"),
        ("/compare", {"methods": [[]]}, "'methods' must be names"),
        ("/unmerge_check", {"remove": []}, "Name at least one task"),
    ],
)
def test_what_is_refused_is_refused_in_words(client, name, given, words):
    with pytest.raises(AppError, match=words):
        client.predict(**given, api_name=name)


def test_a_password_is_asked_of_programs_too(locked, jobs):
    with pytest.raises(AuthenticationError):
        connected(locked)
    assert connected(locked, ME).predict(api_name="/stop") == {"stopped": False}
    assert ask(locked, "/gradio_api/call/inspect", "POST").status == 401


def test_a_plain_request_is_answered_in_two_steps(api, engine, jobs):
    def send(method: str, path: str, body: str | None = None) -> bytes:
        with closing(http.client.HTTPConnection(urlsplit(api).netloc, timeout=120)) as asked:
            asked.request(method, path, body, {"Content-Type": "application/json"})
            answer = asked.getresponse()
            assert answer.status == 200
            return answer.read()

    event = json.loads(send("POST", "/gradio_api/call/inspect", '{"data": []}'))["event_id"]
    said = send("GET", f"/gradio_api/call/inspect/{event}").decode()
    assert said.startswith("event: complete")
    assert json.loads(said.partition("data: ")[2])[0]["zoo"] == engine.zoo.name


def tools(
    address: str, *calls: tuple[str, dict], headers: dict[str, str] | None = None, heard: Any = None
) -> Any:
    """What an agent sees of the tools, and what its calls are answered.

    Args:
        address: of the studio.
        calls: names of tools with arguments.
        headers: sent with every request.
        heard: told progress, the total, and words, of whoever wants to know.
    """
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def talk():
        async with (
            httpx.AsyncClient(headers=headers, timeout=120) as web,
            streamable_http_client(f"{address}gradio_api/mcp", http_client=web) as (
                reading,
                writing,
                _,
            ),
            ClientSession(reading, writing) as agent,
        ):
            await agent.initialize()
            known = (await agent.list_tools()).tools
            return known, [
                await agent.call_tool(name, given, progress_callback=heard) for name, given in calls
            ]

    with ThreadPoolExecutor(1) as aside:  # the browser's driver has a loop in this thread
        return aside.submit(lambda: asyncio.run(talk())).result()


@agents
def test_an_agent_sees_tools_with_descriptions_and_is_answered(api, engine, jobs):
    calls = [("evaluate", {"method": "average"}), ("evaluate", {"method": "magic"}),
             ("merge", {"out": "/etc/x"}), ("nothing", {})]  # fmt: skip
    known, (scores, magic, outside, nothing) = tools(api, *calls)
    assert {tool.name for tool in known} == ENDPOINTS
    for tool in known:
        assert len(tool.description) > 40
        for argument in tool.inputSchema["properties"].values():
            assert argument["description"]
    assert not scores.isError
    found = json.loads(scores.content[0].text)
    assert found == Questions(engine).evaluate(Wanted("average"), "held_out")
    assert "no merge method 'magic'" in magic.content[0].text
    assert "outside the folders" in outside.content[0].text
    assert [each.isError for each in (magic, outside, nothing)] == [True] * 3
    assert "Traceback" not in nothing.content[0].text


@agents
def test_an_agent_that_wants_to_know_is_told_how_far_its_question_is(api, jobs, monkeypatch):
    started, told = threading.Event(), []

    def half(self: Questions) -> dict:
        def ask(progress: Progress) -> dict:
            progress(0.5, "half of it")
            assert started.wait(60)
            return {"end": True}

        return self._answer("Half", ask)

    async def heard(progress: float, total: float | None, words: str | None) -> None:
        told.append((progress, total, words))
        if progress == 0.5:
            started.set()

    monkeypatch.setattr(Questions, "inspect", half)
    _, (answer,) = tools(api, ("inspect", {}), heard=heard)
    assert answer.content[0].text == '{"end": true}'
    assert told[-1] == (0.5, 1.0, "half of it")
    assert sorted(told) == told


@agents
def test_an_agent_must_bring_the_password(locked, jobs):
    with pytest.raises(BaseException) as refused:  # noqa: PT011 (the client wraps it in groups)
        tools(locked)
    assert "401" in repr(innermost(refused.value))
    known, (answer,) = tools(
        locked, ("stop", {}), headers={"Authorization": basic("me:twelve-letters")}
    )
    assert {tool.name for tool in known} == ENDPOINTS
    assert answer.content[0].text == '{"stopped": false}'


def innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
