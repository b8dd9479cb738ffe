"""The program itself, started where the surroundings are hostile or merely unusual."""

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import another_browser, at_rest
from tests.browser.test_requests import Client
from tests.conftest import ROOT

pytestmark = pytest.mark.browser
HOSTILE = {
    "GRADIO_SHARE": "True", "GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_ALLOWED_PATHS": "/",
    "GRADIO_MCP_SERVER": "True", "GRADIO_ROOT_PATH": "https://evil.example/x",
    "GRADIO_RUN_HISTORY": "True", "GRADIO_LOCAL_DEV_MODE": "1", "GRADIO_TEMP_DIR": "/",
    "GRADIO_ANALYTICS_ENABLED": "True", "GRADIO_BLOCKED_PATHS": "/", "GRADIO_SSR_MODE": "True",
    "GRADIO_WATCH_DIRS": "/", "GRADIO_PROFILING": "1", "GRADIO_DEBUG": "1",
    "GRADIO_STATIC_DIR": "/", "gradio_share": "True", "SYSTEM": "spaces", "SPACE_ID": "evil/x",
    "HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1",
    "FORWARDED_ALLOW_IPS": "*", "HF_HUB_OFFLINE": "0",
}  # fmt: skip
PROGRAM = ROOT / "app.py"


@contextmanager
def started(zoo: Path, cwd: Path, program: Path, variables: dict[str, str], *more: str):
    """A studio in a process of its own: its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(program), "--zoo", str(zoo), "--port", str(port), "--no-browser"]
    command += more
    process = subprocess.Popen(
        command, cwd=cwd, env=os.environ | variables, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"The studio is at (\S+)", line):
                break
        else:
            pytest.fail("".join(said))
        yield found[1], process
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()


def listening(process: subprocess.Popen) -> list[str]:
    """Local addresses on which a process accepts connections, as the kernel writes them."""
    own = set()
    for handle in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            own.add(str(handle.readlink()).removeprefix("socket:[").rstrip("]"))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in own:
                found.append(fields[1].partition(":")[0])
    return found


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's tables")
def test_no_variable_opens_the_studio_to_others(tiny_zoo, tmp_path):
    with started(tiny_zoo, tmp_path, PROGRAM, {"TMPDIR": str(tmp_path), **HOSTILE}) as (
        url,
        process,
    ):
        assert listening(process) == ["0100007F"]
        assert url.startswith("http://127.0.0.1:")
        client = Client(url)
        assert client.config["root"] == url.rstrip("/")
        assert client.config["run_history"] is False
        assert client.config["analytics_enabled"] is False
        assert client.config["mcp_server"] is not True
        assert client.config["space_id"] is None
        assert client.ask("/", Origin="null")[0] == 403
        for path in ("/etc/passwd", str(tiny_zoo / "zoo.yaml"), str(ROOT / "README.md")):
            assert client.ask(f"/gradio_api/file={path}")[0] == 403
        private = [each for each in tmp_path.iterdir() if each.name.startswith("studio-")]
        assert private
        assert all(each.stat().st_mode & 0o077 == 0 for each in private)
    assert not [each for each in tmp_path.iterdir() if each.name.startswith("studio-")]


@pytest.fixture
def home(tmp_path) -> Path:
    """A home folder that holds the project."""
    for name in ("studio", "assets"):
        left_out = shutil.ignore_patterns("demo-zoo", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / "project" / name, ignore=left_out)
    shutil.copy(ROOT / "app.py", tmp_path / "project")
    return tmp_path


def test_a_project_and_a_cache_below_home_serve_the_page_and_not_the_cache(home, tiny_zoo, profile):
    project = home / "project"
    variables = {"HOME": str(home), "XDG_CACHE_HOME": str(project / "cache"), "TMPDIR": str(home)}
    with started(tiny_zoo, project, project / "app.py", variables) as (url, _):
        with another_browser(profile, url, "") as page:
            failed = []
            page.on("response", lambda r: failed.append(r.url) if r.status >= 400 else None)
            page.goto(url, wait_until="domcontentloaded")
            at_rest(page)
            page.get_by_role("tab", name="Files").click()
            target = project / "merged"
            page.get_by_label("Export to a new folder").fill(str(target))
            page.get_by_role("button", name="Export", exact=True).click()
            expect(page.locator("#job")).to_have_attribute("data-phase", "done")
            with page.expect_download() as download:
                page.get_by_role("link", name="Download the export").click()
            assert Path(download.value.path()).stat().st_size > 1000
            assert failed == []
        client, kept = Client(url), list((project / "cache" / "mdm-oc-studio").iterdir())
        assert kept
        for file in (*kept, target / "recipe.yaml", project / "app.py"):
            assert client.ask(f"/gradio_api/file={file}")[0] == 403


def refused(tiny_zoo: Path, *more: str) -> str:
    """What a start says that is refused."""
    command = [sys.executable, str(PROGRAM), "--zoo", str(tiny_zoo), "--no-browser", *more]
    done = subprocess.run(command, text=True, capture_output=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("host", "told", "reached"),
    [("::1", "http://[::1]:", "::1"), ("[::1]", "http://[::1]:", "::1"),
     ("::", "http://[::]:", "::1"), ("0.0.0.0", "http://localhost:", "127.0.0.1")],
)  # fmt: skip
def test_every_kind_of_address_is_served(tiny_zoo, tmp_path, host, told, reached):
    more = ("--host", host, "--auth", "me:twelve-letters", "--allow-host", "gpu.lan")
    with started(tiny_zoo, tmp_path, PROGRAM, {}, *more) as (url, _):
        assert url.startswith(told)
        port = url.rstrip("/").rpartition(":")[2]

        def asked(name: str) -> tuple[int, str]:
            connection = http.client.HTTPConnection(reached, int(port), timeout=30)
            connection.request("GET", "/", headers={"Host": name})
            answer = connection.getresponse()
            found = answer.status, answer.read(300).decode()
            connection.close()
            return found

        assert [asked(name)[0] for name in (f"[::1]:{port}", f"gpu.lan:{port}", "GPU.lan")] == [
            200, 200, 200,
        ]  # fmt: skip
        status, words = asked(f"other.lan:{port}")
        assert status == 400
        assert words == (
            "Refused: this studio does not answer to 'other.lan'. Whoever starts it can allow the "
            "name: --allow-host other.lan"
        )
        for name in ("<script>x</script>", "a.gpu.lan.evil", ""):
            status, words = asked(name)
            assert status == 400
            assert "<" not in words


def test_a_start_that_cannot_be_is_refused_in_a_sentence(tiny_zoo):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        words = refused(tiny_zoo, "--port", str(port))
    assert f"Port {port} is in use by another program; give another with --port" in words
    auth = ("--auth", "me:twelve-letters")
    assert "--host 203.0.113.7, port 7" in refused(tiny_zoo, "--host", "203.0.113.7", *auth)
    assert "lets other computers in; add --auth USER: or --auth-file" in refused(
        tiny_zoo, "--allow-host", "gpu.lan"
    )
    assert "is no name of a computer" in refused(tiny_zoo, "--allow-host", "*", *auth)
    assert "--port 70000 is no port" in refused(tiny_zoo, "--port", "70000")
