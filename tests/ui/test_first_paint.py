"""The first paint without a browser: what is put into which answers, and what stands in it."""

import asyncio
import json
from typing import Any

import gradio as gr
from starlette.requests import Request

from studio.ui.browsers import COOKIE
from studio.ui.first_paint import FirstPaint, paint_of, props, script_safe
from studio.ui.picture import picture
from tests.ui.conftest import Driver

_PAGE = b'<script>{"elem_id":"headline"}</script><body><gradio-app></gradio-app></body>'
_LOGIN = b"<body><gradio-app></gradio-app></body>"


def answered(content: bytes, path: str = "/", cookie: str = "0" * 32, method: str = "GET") -> bytes:
    """What is sent of an answer whose body comes in two pieces."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        length = (b"content-length", str(len(content)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": content[:30], "more_body": True})
        await send({"type": "http.response.body", "body": content[30:]})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"cookie", f"{COOKIE}={cookie}".encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(FirstPaint(app, lambda _: "<i>é</i>")(scope, None, send))
    body = b"".join(each.get("body", b"") for each in sent)
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(body)).encode()
    return body


def test_the_page_alone_is_painted_and_for_a_known_browser_alone():
    assert answered(_PAGE) == _PAGE.replace(b"<gradio-app>", "<i>é</i><gradio-app>".encode())
    assert answered(_LOGIN) == _LOGIN
    assert answered(_PAGE, path="/config") == _PAGE
    assert answered(_PAGE, method="POST") == _PAGE
    assert answered(_PAGE, cookie="mine") == _PAGE


def test_nothing_that_is_told_ends_its_script():
    told = {"name": "</script><!-- & 'x'"}
    assert "<" not in script_safe(told)
    assert json.loads(script_safe(told)) == told


def test_a_component_begins_with_what_a_first_look_would_draw():
    assert props(gr.HTML(), "<p>x</p>") == {"value": "<p>x</p>"}
    assert props(gr.Button("Undo"), gr.Button(interactive=False)) == {"interactive": False}
    drawn = gr.Button("Prove it", visible=True)
    assert props(gr.Button(), drawn) == {"value": "Prove it", "visible": True}


def test_the_picture_holds_the_mix_the_headline_and_the_names_escaped(driver: Driver):
    held = {b: props(b, v) for b, v in driver.page.first(driver.session).items()}
    drawn = picture(driver.page, held)
    for words in ("Tiny &lt;zoo&gt;", "One model from", "Undo", "Results", "Only rows changed"):
        assert words in drawn
    assert "<zoo>" not in drawn
    mix = held[driver.page.mixer.mix]["value"]
    assert [row["name"] for row in mix["rows"]] == ["color", "animal"]


def test_what_is_put_in_is_one_script_that_knows_every_component_by_its_number(driver: Driver):
    asked = Request({"type": "http", "headers": [(b"cookie", f"{COOKIE}={'0' * 32}".encode())]})
    words = paint_of(driver.page, lambda: ":root{--ink:red}")(asked)
    told = json.loads(words.partition("const first = ")[2].partition(";\n")[0])
    assert str(driver.page.mixer.mix._id) in told["props"]
    assert told["mixer"]["method"] == "mdm_oc"
    assert words.count("<script>") == words.count("</script>") == 1
    assert "<style>:root{--ink:red}" in words
