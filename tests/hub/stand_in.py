"""A stand-in of the Hub on this computer: the endpoints that the studio uses, and their tricks."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

from studio.hub.endpoint import Endpoint

TOKEN = "hf_secretsecretsecretsecret"
COMMIT = "c0" * 20


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Repo:
    """A repository: what it holds and how its owner lets people in."""

    files: dict[str, bytes] = field(default_factory=dict)
    card: dict = field(default_factory=dict)
    gated: bool = False
    private: bool = False
    commit: str = COMMIT
    commits: list[dict] = field(default_factory=list)

    def siblings(self) -> list[dict]:
        return [sibling(name, content) for name, content in self.files.items()]


def is_large(name: str) -> bool:
    return name.endswith((".safetensors", ".bin", ".parquet"))


def sibling(name: str, content: bytes) -> dict:
    told: dict = {"rfilename": name, "size": len(content), "blobId": git_sha1(content)}
    if is_large(name):
        told["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 130}
    return told


Trick = Callable[["Handler"], bool]
"""Answers in place of the endpoint; False to let it answer."""


class StandIn(ThreadingHTTPServer):
    """The server; tests look at what it holds and was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models: dict[str, Repo] = {}
        self.datasets: dict[str, Repo] = {}
        self.tricks: dict[str, Trick] = {}
        self.asked: list[tuple[str, str, str]] = []  # method, path, range
        self.tokens: list[str] = []
        self.sent = 0  # bytes of files
        self.stored: dict[str, bytes] = {}  # large files that were uploaded, by sha256

    def handle_error(self, *_: object) -> None:
        """Who leaves in the middle is no error of the server."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.url)

    def repo(self, path: str) -> tuple[str, Repo | None]:
        kind, _, name = path.partition("/")
        return name, (self.datasets if kind == "datasets" else self.models).get(name)

    def paths(self, method: str = "GET") -> list[str]:
        return [path for asked, path, _ in self.asked if asked == method]


@contextmanager
def served() -> Iterator[StandIn]:
    server = StandIn()
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    server: StandIn  # type: ignore[assignment]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.begun():
            return
        path = unquote(urlsplit(self.path).path)
        if path == "/api/whoami-v2":
            self.whoami()
        elif found := re.fullmatch(r"/api/((?:models|datasets)/[^/]+/[^/]+)(/revision/.*)?", path):
            self.info(*found.groups())
        elif found := re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            kind, name, commit, file = found.groups()
            self.file((kind or "models/") + name, commit, file)
        else:
            self.error(404, "EntryNotFound")

    do_HEAD = do_GET  # noqa: N815 (as the library calls it)

    def do_POST(self) -> None:
        content = self.content()
        if self.begun():
            return
        path = unquote(urlsplit(self.path).path)
        if path == "/api/validate-yaml":
            self.json({"warnings": [], "errors": []})
        elif path == "/api/repos/create":
            self.create(json.loads(content))
        elif found := re.fullmatch(r"/api/models/(.+)/preupload/main", path):
            self.preupload(found[1], json.loads(content))
        elif found := re.fullmatch(r"/(.+)\.git/info/lfs/objects/batch", path):
            self.batch(json.loads(content))
        elif found := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            self.commit(found[1], content)
        else:
            self.error(404, "EntryNotFound")

    def do_PUT(self) -> None:
        content = self.content()
        if self.begun():
            return
        oid = self.path.rpartition("/")[2]
        if sha256(content) != oid:
            self.error(400)
            return
        self.server.stored[oid] = content
        self.json({})

    # What was asked, and by whom
    def begun(self) -> bool:
        """Note the request; whether a trick has answered it."""
        self.server.asked.append((self.command, self.path, self.headers.get("Range", "")))
        if token := self.headers.get("Authorization"):
            self.server.tokens.append(token)
        path = unquote(self.path)
        return any(trick(self) for end, trick in [*self.server.tricks.items()] if end in path)

    @property
    def known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def content(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    # Answers
    def whole(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            if value:
                self.send_header(key, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def json(self, content: object) -> None:
        self.whole(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def error(self, status: int, code: str = "") -> None:
        self.whole(status, b"{}", {"X-Error-Code": code} if code else {})

    def info(self, path: str, at: str | None) -> None:
        name, repo = self.server.repo(path)
        if repo is None or (repo.private and not self.known):
            self.error(401 if repo is None else 404, "RepoNotFound")
        elif at and at.removeprefix("/revision/") not in ("main", "v1", repo.commit):
            self.error(404, "RevisionNotFound")
        else:
            self.json(
                {"id": name, "sha": repo.commit, "siblings": repo.siblings(),
                 "cardData": repo.card, "gated": "manual" if repo.gated else False}
            )  # fmt: skip

    def file(self, path: str, commit: str, name: str) -> None:
        _, repo = self.server.repo(path)
        if repo is None:
            self.error(401, "RepoNotFound")
        elif repo.gated and not self.known:
            self.error(403, "GatedRepo")
        elif commit != repo.commit or name not in repo.files:
            self.error(404, "EntryNotFound")
        else:
            self.part(repo.files[name])

    def part(self, content: bytes, most: int | None = None) -> None:
        """The part that is asked for; of it, at most so many bytes, as if the line broke."""
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(span[1]) if span else 0
        stop = int(span[2]) + 1 if span and span[2] else len(content)
        piece = content[start:stop]
        headers = {"Content-Length": str(len(piece))}
        if span:
            headers["Content-Range"] = f"bytes {start}-{start + len(piece) - 1}/{len(content)}"
        self.server.sent += len(piece[:most])
        self.whole(206 if span else 200, piece[:most], headers)
        if most is not None and most < len(piece):
            self.close_connection = True

    # Pushing
    def whoami(self) -> None:
        if self.known:
            rights = {"accessToken": {"displayName": "desk", "role": "write"}}
            self.json({"name": "desk", "type": "user", "orgs": [], "auth": rights})
        else:
            self.error(401)

    def create(self, told: dict) -> None:
        name = f"{told.get('organization') or 'desk'}/{told['name']}"
        if not self.known:
            self.error(401)
        elif name in self.server.models:
            said = {"error": "You already created this", "url": f"{self.server.url}/{name}"}
            self.whole(409, json.dumps(said).encode())
        else:
            private = told.get("visibility") == "private" or told.get("private") is True
            start = {".gitattributes": b"*.safetensors filter=lfs\n"}
            self.server.models[name] = Repo(start, private=private)
            self.json({"url": f"{self.server.url}/{name}", "id": name})

    def preupload(self, name: str, told: dict) -> None:
        files = [
            {"path": each["path"], "shouldIgnore": False,
             "uploadMode": "lfs" if is_large(each["path"]) else "regular"}
            for each in told["files"]
        ]  # fmt: skip
        self.json({"files": files})

    def batch(self, told: dict) -> None:
        objects = []
        for each in told["objects"]:
            found: dict = {"oid": each["oid"], "size": each["size"]}
            if each["oid"] not in self.server.stored:
                href = f"{self.server.url}/upload/{each['oid']}"
                found["actions"] = {"upload": {"href": href, "header": {}}}
            objects.append(found)
        self.json({"transfer": "basic", "objects": objects})

    def commit(self, name: str, content: bytes) -> None:
        repo = self.server.models[name]
        lines = [json.loads(line) for line in content.splitlines()]
        for each in lines:
            value = each["value"]
            if each["key"] == "file":
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif each["key"] == "lfsFile":
                repo.files[value["path"]] = self.server.stored[value["oid"]]
        repo.commits.append(lines[0]["value"])
        repo.commit = "d1" * 20
        url = f"{self.server.url}/{name}/commit/{repo.commit}"
        self.json({"commitUrl": url, "commitOid": repo.commit, "success": True})
