"""What a hostile page or program on the network may ask of a running studio."""

import http.client
from urllib.parse import urlsplit

import pytest

from app import credentials
from studio.errors import NotAllowed

pytestmark = pytest.mark.browser


def ask(url: str, path: str = "/", method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    return connection.getresponse()


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
    ],
)
def test_other_sites_are_refused(url, headers, status):
    assert ask(url, **headers).status == status


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


def test_a_page_may_be_left_open_to_others_only_with_a_long_password():
    assert credentials("127.0.0.1", None) is None
    assert credentials("localhost", None) is None
    assert credentials("0.0.0.0", "me:twelve-letters") == ("me", "twelve-letters")
    for host, auth in (("0.0.0.0", None), ("example.org", None), ("0.0.0.0", "me:short"),
                       ("127.0.0.1", "no-colon-at-all-here")):  # fmt: skip
        with pytest.raises(NotAllowed, match="at least 12 characters"):
            credentials(host, auth)
