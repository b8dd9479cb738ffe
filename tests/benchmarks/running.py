"""A studio on the demo zoo and a browser beside it, for the programs that measure the page."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.benchmarks.page import answers
from tests.browser.conftest import FLAGS
from tests.conftest import ROOT

START = "from studio.commands.page import main; main()"


@dataclass(frozen=True)
class Running:
    """What was started.

    Attributes:
        url: of the page.
        pid: of the studio.
        browser: headless.
        folder: empty, which the studio may write to, and which goes afterwards.
    """

    url: str
    pid: int
    browser: Browser
    folder: Path

    @property
    def memory(self) -> int:
        """MB that the studio holds."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024

    @property
    def seconds(self) -> float:
        """Processor seconds that the studio has taken."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def opened(self, errors: list[str]) -> Page:
        """The page with first numbers, in a context of its own.

        Args:
            errors: to which what goes wrong in the page is added.
        """
        page = self.browser.new_context().new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto(self.url, wait_until="domcontentloaded")
        page.wait_for_selector("#mean", timeout=300_000)
        return page


@contextmanager
def running(program: str = START) -> Iterator[Running]:
    """Start both; the studio knows nothing from before.

    Args:
        program: Python that starts the studio.
    """
    port = free_port()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        known = {"XDG_CACHE_HOME": f"{folder}/cache", "XDG_DATA_HOME": f"{folder}/data"}
        own = Path(folder) / "own"
        own.mkdir()
        studio = subprocess.Popen(
            [sys.executable, "-c", program, "--no-browser", "--port", str(port), "--root", own],
            stdout=subprocess.DEVNULL, cwd=ROOT, env=os.environ | known,
        )  # fmt: skip
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), headless=True, args=FLAGS
        )
        try:
            while not answers(port):
                time.sleep(0.05)
            yield Running(f"http://127.0.0.1:{port}", studio.pid, browser, own)
        finally:
            browser.close()
            studio.terminate()
            studio.wait(60)


def free_port() -> int:
    """One that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def load() -> str:
    """How busy the machine was of late, for figures that hang on it."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
