"""What a hostile page or program on the network may ask of a running studio."""

import http.client
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from studio.ui.browsers import COOKIE
from studio.ui.guard import OneOrigin

pytestmark = pytest.mark.browser


def ask(url: str, path: str = "/", method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_its_own_page_is_served_with_strict_headers(url):
    answer = ask(url)
    assert answer.status == 200
    assert answer.getheader("x-frame-options") == "DENY"
    assert "default-src 'self'" in (answer.getheader("content-security-policy") or "")
    assert answer.getheader("x-content-type-options") == "nosniff"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 400),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}, 200),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate",
          "Sec_Fetch_Dest": "iframe"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 400),
        ({"Host": "localhost"}, 200),
    ],
)  # fmt: skip
def test_other_sites_are_refused(url, headers, status):
    answer = ask(url, **headers)
    assert answer.status == status
    granted = answer.getheader("access-control-allow-origin")
    # to another program on this computer Gradio grants the reading of a refusal, and no more
    assert granted is None or granted == "http://127.0.0.1:1"


def test_a_websocket_is_closed_at_once():
    said = []

    async def send(message):
        said.append(message)

    with suppress(StopIteration):
        OneOrigin(None)({"type": "websocket", "path": "/"}, None, send).send(None)
    assert said == [{"type": "websocket.close", "code": 1008}]


def test_the_cookie_is_random_and_for_this_site_alone(url):
    given = [ask(url).getheader("set-cookie") or "" for _ in range(3)]
    assert all("; HttpOnly; SameSite=Strict" in each and "; Path=/;" in each for each in given)
    ids = {each.partition(";")[0].partition("=")[2] for each in given}
    assert len(ids) == 3
    assert all(len(bytes.fromhex(each)) == 16 for each in ids)
    own, forged = f"{COOKIE}={ids.pop()}", f"{COOKIE}=../../etc"
    assert ask(url, Cookie=own).getheader("set-cookie") is None
    assert ask(url, Cookie=forged).getheader("set-cookie") is not None


def test_a_link_from_another_site_keeps_the_cookie(url):
    """Chromium leaves a strict cookie out there; the answer asks again and sets no other."""
    site = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    answer = ask(url, **site)
    assert answer.getheader("set-cookie") is None


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../etc/passwd",
        "/gradio_api/file=http://127.0.0.1:1/",
        "/gradio_api/file%3Dhttps%3A%2F%2Fevil.example/",
    ],
)
def test_files_and_addresses_are_not_served(url, path):
    assert ask(url, path).status in (403, 404)
