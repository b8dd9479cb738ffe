"""The page behind a reverse proxy, under the proxy's name and path."""

import datetime
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from studio.errors import StudioError
from studio.ui.hosts import LOOPBACK_PROXIES, Hosts, allowed_host, proxy_address, root_path
from studio.ui.launch import start
from tests.browser.conftest import BROWSER, PUBLIC, another_browser, at_rest, settled
from tests.browser.test_launch import ask

pytestmark = pytest.mark.browser


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def relay(
    upstream: str, cut: bool, own_host: bool, tell: bool, root: str = "/studio", scheme: str = ""
) -> type[BaseHTTPRequestHandler]:
    """A reverse proxy for a path.

    Args:
        upstream: address of the studio.
        cut: whether it cuts the root off the path.
        own_host: whether the studio is asked under the upstream's name, not the visitor's.
        tell: whether the visitor's name is passed on as X-Forwarded-Host.
        root: path that it passes on; empty for all.
        scheme: passed on as X-Forwarded-Proto; empty passes none on.
    """

    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def _pass_on(self) -> None:
            if not (self.path + "/").startswith(f"{root}/"):
                self.send_error(404)
                return
            path = (self.path.removeprefix(root) or "/") if cut else self.path
            headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            if own_host:
                headers["Host"] = urlsplit(upstream).netloc
            if tell:
                headers["X-Forwarded-Host"] = self.headers["Host"]
            if scheme:
                headers["X-Forwarded-Proto"] = scheme
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=60)
            connection.request(self.command, path, body or None, headers)
            answer = connection.getresponse()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # a visitor leaves
                while part := answer.read1(65536):
                    self.wfile.write(part)
                    self.wfile.flush()

        do_GET = do_POST = do_HEAD = _pass_on  # noqa: N815 (http.server's names)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Relay


@contextmanager
def proxied(
    upstream: str, port: int, context: ssl.SSLContext | None = None, **how: Any
) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", port), relay(upstream, **how))
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{port}/studio"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("cut", "own_host", "tell", "whole"),
    [
        (True, False, False, False),
        (False, False, False, False),
        (True, True, True, False),
        (True, True, False, True),
    ],
    ids=["name kept", "path kept", "name told", "name in the root"],
)
@pytest.mark.parametrize("ending", ["", "/"])
def test_a_slider_moves(engine, session, profile, cut, own_host, tell, whole, ending):
    port = free_port()
    root = f"http://127.0.0.1:{port}/studio" if whole else "/studio"
    hosts = Hosts(allowed=(allowed_host(f"127.0.0.1:{port}"),), root=root_path(root))
    upstream = start(engine, hosts, free_port(), None, browser=False)
    session.edit("reset")
    with (
        proxied(upstream, port, cut=cut, own_host=own_host, tell=tell) as url,
        another_browser(profile, f"http://127.0.0.1:{port}", BROWSER) as page,
    ):
        asked, failed = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("response", lambda r: failed.append(r.url) if r.status >= 400 else None)
        page.goto(url + ending, wait_until="domcontentloaded")
        at_rest(page)
        page.locator("#mix-0").fill("0.31")
        settled(page, session, lambda mix: mix.strips[0].coefficient == 0.31)
        assert all(each.startswith((url, "data:", "blob:")) for each in asked), asked
        assert failed == []


@pytest.fixture(scope="module")
def https(tmp_path_factory) -> ssl.SSLContext:
    """Of a server with a certificate that it signed itself."""
    folder, key = tmp_path_factory.mktemp("https"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, PUBLIC)])
    day, now = datetime.timedelta(days=1), datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
    pem = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "both.pem").write_bytes(secret + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


@pytest.mark.parametrize(
    ("own_host", "tell", "scheme", "whole"),
    [
        (False, False, "https", False),
        (True, True, "https", False),
        (True, False, "", True),
    ],
    ids=["name kept, scheme told", "name and scheme told", "both in the root"],
)
def test_https_in_front_serves_the_page_under_its_own_name(
    engine, session, profile, https, tmp_path, own_host, tell, scheme, whole
):
    """The stream of what changes, and an upload, at another host than the one that is bound."""
    port = free_port()
    public = f"https://{PUBLIC}:{port}"
    hosts = Hosts(allowed=(allowed_host(f"{PUBLIC}:{port}"),), root=public if whole else "")
    upstream = start(engine, hosts, free_port(), None, browser=False)
    session.edit("reset")
    recipe = tmp_path / "dropped.yaml"
    recipe.write_text(session.recipe_text())
    how = {"cut": False, "own_host": own_host, "tell": tell, "root": "", "scheme": scheme}
    with (
        proxied(upstream, port, https, **how),
        another_browser(profile, public, BROWSER, own_certificate=True) as page,
    ):
        asked, failed = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("response", lambda r: failed.append(r.url) if r.status >= 400 else None)
        page.goto(public, wait_until="domcontentloaded")
        at_rest(page)
        page.locator("#mix-0").fill("0.31")
        settled(page, session, lambda mix: mix.strips[0].coefficient == 0.31)
        page.get_by_role("tab", name="Files").click()
        page.locator("#recipe-file input[type=file]").set_input_files(recipe)
        settled(page, session, lambda mix: mix.strips[0].coefficient != 0.31)
        assert all(each.startswith((f"{public}/", "data:", "blob:")) for each in asked), asked
        assert failed == []


def test_what_a_proxy_says_counts_only_where_there_is_one_and_the_name_was_allowed(engine, url):
    """Gradio would build its addresses from X-Forwarded-Host, whoever sent it."""
    told = {"X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "https"}
    assert b"evil.example" not in body(url, "/config", **told)
    assert b"https://" + urlsplit(url).netloc.encode() not in body(url, "/config", **told)
    assert ask(url, Host="127.0.0.1", X_Forwarded_Host="evil.example").status == 200
    hosts = Hosts(allowed=(allowed_host("merge.test"),), root="/studio")
    behind = start(engine, hosts, free_port(), None, browser=False)
    assert ask(behind, **told).status == 400
    told["X_Forwarded_Host"] = "merge.test"
    assert b"https://merge.test/studio" in body(behind, "/config", **told)
    own, other = "https://merge.test", "https://evil.test"
    assert ask(behind, Origin=own).status == 200
    assert ask(behind, Origin=other).status == 403
    assert ask(behind, Origin=other, X_Forwarded_Host="evil.test").status == 400
    assert ask(behind, Host="merge.test", Origin=own).status == 200
    assert "; Secure" in (ask(behind, X_Forwarded_Proto="https").getheader("set-cookie") or "")
    assert "; Secure" not in (ask(behind).getheader("set-cookie") or "; Secure")
    assert "; Secure" not in (ask(url, **told).getheader("set-cookie") or "; Secure")
    assert ask(behind, "/studio/config").status == 200
    assert ask(behind, "/studioconfig").status == 404
    assert ask(behind, "/studio/gradio_api/file=/etc/passwd").status in (403, 404)
    assert ask(behind, "/studio/gradio_api/file=http://127.0.0.1:1/").status == 403


def body(url: str, path: str, **headers: str) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    content = connection.getresponse().read()
    connection.close()
    return content


def test_ipv6_is_served_and_named_in_brackets(engine):
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        port = probe.getsockname()[1]
    address = start(engine, Hosts("::1"), port, None, browser=False)
    assert urlsplit(address).netloc == f"[::1]:{port}"
    assert ask(address).status == 200
    assert ask(address, Host=f"localhost:{port}").status == 200
    assert ask(address, Host="[fd00::7]").status == 400
    with pytest.raises(StudioError, match=f"Port {port} is in use"):
        start(engine, Hosts("::1"), port, None, browser=False)


@pytest.mark.parametrize(("sent", "counted"), [(("10.0.0.1", "10.0.0.2"), 2), ((), 1)])
def test_visitors_behind_a_proxy_on_this_computer_guess_on_their_own(engine, sent, counted):
    """The last address that such a proxy adds is the visitor's; others' proxies are not asked."""
    behind = start(
        engine, Hosts(root="/studio"), free_port(), ("me", "twelve-letters"), browser=False
    )
    form = "username=me&password=wrong-letters"

    def guess(visitor: str) -> int:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"X-Forwarded-For": visitor} if visitor else {}
        connection = http.client.HTTPConnection(urlsplit(behind).netloc, timeout=30)
        connection.request("POST", "/login", form, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    found = [[guess(visitor) for _ in range(4)] for visitor in (sent or ("",))]
    assert len(found) == counted
    assert all(each[:3] == [400, 400, 400] and each[3] == 429 for each in found)


@pytest.mark.parametrize("named", [True, False])
def test_what_another_computers_proxy_says_of_a_visitor_counts_if_it_is_named(engine, named):
    proxies = (proxy_address("127.0.0.2"),) if named else LOOPBACK_PROXIES
    hosts = Hosts(root="/studio", proxies=proxies)
    behind = start(engine, hosts, free_port(), ("me", "twelve-letters"), browser=False)

    def guess(visitor: int) -> int:
        connection = http.client.HTTPConnection(
            urlsplit(behind).netloc, timeout=30, source_address=("127.0.0.2", 0)
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"X-Forwarded-For": f"10.0.0.{visitor}"}
        connection.request("POST", "/login", "username=me&password=wrong-letters", headers)
        status = connection.getresponse().status
        connection.close()
        return status

    assert (429 in [guess(visitor) for visitor in range(1, 6)]) is not named
