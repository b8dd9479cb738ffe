"""Measure the page on the demo zoo: ``python -m tests.benchmarks.page [REPEATS]``.

Starts ``python app.py`` anew for every repeat, opens it in headless Chromium and prints, in
seconds: start to a page whose mixer can be moved, start to first scores, slider to changed
numbers, and one full held-out pass by itself.
"""

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

from studio.measure.bench import Bench
from studio.session.mix import starting_mix
from studio.zoo import load_zoo
from tests.browser.conftest import FLAGS
from tests.conftest import DEMO, ROOT
from tests.scored import score

_MOVES = 8  # per start


def main(repeats: int) -> None:
    """Print medians and ranges."""
    report("one full held-out pass, every row in float32", full_passes(repeats))
    usable, first, moved = [], [], []
    for _ in range(repeats):
        page, numbers, moves = page_times()
        usable.append(page)
        first.append(numbers)
        moved += moves
    report("python app.py to usable page", usable)
    report("python app.py to first scores", first)
    report("slider to changed numbers", moved)


def report(what: str, seconds: list[float]) -> None:
    """One line: median, range, n."""
    print(
        f"{what}: median {statistics.median(seconds):.2f} s "
        f"({min(seconds):.2f} to {max(seconds):.2f}, n={len(seconds)})",
        flush=True,
    )


def full_passes(repeats: int) -> list[float]:
    """Seconds to merge and to score every held-out row of every task."""
    zoo = load_zoo(DEMO)
    bench = Bench(zoo, torch.device("cpu"))
    merge = bench.merge(starting_mix(zoo).recipe(zoo))
    score(bench, merge)
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        score(bench, merge)
        times.append(time.perf_counter() - started)
    return times


def page_times() -> tuple[float, float, list[float]]:
    """Seconds from start to mixer, from start to first scores, and from moves to new scores."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=shutil.which("chromium"), headless=True, args=FLAGS
        )
        started = time.perf_counter()
        studio = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), "--no-browser", "--port", str(port)],
            stdout=subprocess.DEVNULL, cwd=Path.cwd(),
        )  # fmt: skip
        try:
            page = context.pages[0]
            while not answers(port):
                time.sleep(0.05)
            page.goto(url, wait_until="domcontentloaded")
            page.wait_for_selector("#mix-0")
            usable = time.perf_counter() - started
            page.wait_for_selector("#mean", timeout=300_000)
            first = time.perf_counter() - started
            page.wait_for_selector("#stamp[data-busy='0']", state="attached", timeout=600_000)
            return usable, first, [moved(page, i) for i in range(_MOVES)]
        finally:
            context.close()
            studio.terminate()
            studio.wait(30)


def moved(page, number: int) -> float:
    """Seconds from one slider move to the first numbers of the new recipe, then let it rest."""
    total = int(page.get_attribute("#mean", "data-n"))
    page.evaluate(
        "() => { window.changed = new Promise(done => new MutationObserver(() => {"
        f"const n = +document.querySelector('#mean')?.dataset.n; if (n && n < {total}) done();"
        "}).observe(document.querySelector('#headline'), {subtree: true, childList: true})) }"
    )
    started = time.perf_counter()
    page.locator("#mix-2").fill(f"{0.5 + 0.01 * (number + 1):.2f}")
    page.evaluate("() => window.changed")
    seconds = time.perf_counter() - started
    page.wait_for_selector("#stamp[data-busy='0']", state="attached", timeout=300_000)
    return seconds


def answers(port: int) -> bool:
    """Whether something listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
