"""Many browsers at once: ``python -m tests.benchmarks.load [BROWSERS] [SECONDS] [EVERY]``.

Every browser moves a slider about every EVERY seconds. Printed are the seconds from a move to the
first numbers of its mix, errors of the pages, the studio's memory at the start and at the end, and
its processor seconds. The browsers run on the same cores as the studio.
"""

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.page import answers
from tests.browser.conftest import FLAGS
from tests.conftest import ROOT

_MOVER = """([every, seed]) => {
  window.moves = []; window.waits = 0;
  let began = null, before = '', state = seed;
  const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
  const recipe = () => document.querySelector('#stamp')?.dataset.recipe;
  new MutationObserver(() => {
    if (began === null || recipe() === before || !document.querySelector('#mean')) return;
    moves.push((performance.now() - began) / 1000);
    began = null;
  }).observe(document.querySelector('#headline'), {subtree: true, childList: true});
  setInterval(() => {
    const slider = document.querySelector('#mix-' + Math.floor(random() * 6));
    if (began !== null || !slider) { waits += 1; return; }
    before = recipe();
    slider.value = (0.2 + 0.6 * random()).toFixed(2);
    began = performance.now();
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    slider.dispatchEvent(new Event('change', {bubbles: true}));
  }, every * (0.75 + 0.5 * random()));
}"""


def main(browsers: int, seconds: int, every: int) -> None:
    """Print what came of it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "app.py"), "--no-browser", "--port", str(port)]
        studio = subprocess.Popen(
            [*command, "--ledger", folder], stdout=subprocess.DEVNULL, cwd=Path.cwd()
        )
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), headless=True, args=FLAGS
        )
        try:
            while not answers(port):
                time.sleep(0.1)
            errors: list[str] = []
            pages = [_opened(browser, port, errors) for _ in range(browsers)]
            started, spent = _memory(studio.pid), _seconds(studio.pid)
            for number, page in enumerate(pages, 1):
                page.evaluate(_MOVER, [1000 * every, number * 7919])
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                random.choice(pages).wait_for_timeout(500)  # errors of all pages are heard
            busy = _seconds(studio.pid) - spent
            _report(pages, errors, (started, _memory(studio.pid)), seconds)
            print(f"the studio computed {busy:.0f} s; the browsers had the rest of the cores")
        finally:
            browser.close()
            studio.terminate()
            studio.wait(30)


def _opened(browser, port: int, errors: list[str]) -> Page:
    page = browser.new_context().new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto(f"http://127.0.0.1:{port}", wait_until="domcontentloaded")
    page.wait_for_selector("#mean", timeout=300_000)
    return page


def _report(pages: list[Page], errors: list[str], memory: tuple[int, int], seconds: int) -> None:
    moves = sorted(x for page in pages for x in page.evaluate("() => window.moves"))
    waits = sum(page.evaluate("() => window.waits") for page in pages)
    refused = sum(page.locator(".refusal").count() for page in pages)
    print(f"{len(pages)} browsers, {seconds} s: {len(moves)} moves were answered", flush=True)
    if moves:
        ends = [moves[min(int(len(moves) * q), len(moves) - 1)] for q in (0.5, 0.95, 1.0)]
        print("seconds to first numbers: median {:.2f}, 95 % {:.2f}, most {:.2f}".format(*ends))
    print(f"turns at which the move before was not answered yet: {waits}")
    print(f"errors of pages: {len(errors)}, refusals shown: {refused} {errors[:3]}")
    print("memory: {:,.0f} MB at the start, {:,.0f} MB at the end".format(*memory))


def _memory(pid: int) -> int:
    """MB of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


def _seconds(pid: int) -> float:
    """Processor seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(*(int(each) for each in (sys.argv[1:] or ("20", "180", "20"))))
