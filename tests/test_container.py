"""The container: its steps, taken here one after the other, serve the page behind a password."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT

LINES = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text()).splitlines()


def steps(name: str) -> list[str]:
    """What stands behind an instruction, in order."""
    found = (re.fullmatch(rf"(?:HEALTHCHECK .*)?{name} (.+)", line.strip()) for line in LINES)
    return [each[1].strip() for each in found if each]


def test_it_runs_as_no_root_with_pinned_packages_and_a_password():
    (user,) = steps("USER")
    assert user == "studio"
    copies = [line.split()[:-1] for line in steps("COPY")]
    assert all((ROOT / each).exists() for line in copies for each in line)
    pinned = (ROOT / "requirements.txt").read_text().split()
    assert all("==" in each for each in pinned)
    assert json.loads(steps("CMD")[-1])[0] == "--auth-file"


def test_the_builder_is_sent_what_is_copied_and_no_more():
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    sent = {line[1:] for line in ignored if line.startswith("!")}
    assert sent == {each for line in steps("COPY") for each in line.split()[:-1]}
    assert "*" in ignored


@pytest.mark.slow
def test_its_steps_serve_the_page_behind_a_password(tmp_path):
    place, secret = tmp_path / "studio", tmp_path / "secret"
    place.mkdir()
    for line in steps("COPY"):
        for name in line.split()[:-1]:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, place / name)
    secret.write_text("me:twelve-letters\n")
    secret.chmod(0o600)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    words = [*json.loads(steps("ENTRYPOINT")[0]), "--auth-file", str(secret)]
    command = [sys.executable, *(port if each == "7860" else each for each in words[1:])]
    folders = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    running = subprocess.Popen(command, cwd=place, env=kept | folders)
    check = [each.replace("7860", port) for each in json.loads(steps("CMD")[0])]
    try:
        deadline = time.monotonic() + 240
        while subprocess.run([sys.executable, *check[1:]], capture_output=True).returncode:
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(1)
        assert _status(port, "/config") == 401
    finally:
        running.terminate()
        running.wait(30)


def _status(port: str, path: str) -> int:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status
